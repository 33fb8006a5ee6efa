//! Turns for long reads: so many at a time, of one asker at most half of them, and who has the fewest goes first.
//!
//! Without it, one caller's flood of long lists would make everybody else's wait behind it.

use std::collections::{HashMap, VecDeque};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use tokio::sync::oneshot;

/// Turns that are taken, and those who wait for one.
pub(super) struct Turns(Mutex<State>);

struct State {
    free: usize,
    /// The most that one asker has at a time.
    each: usize,
    running: HashMap<u64, usize>,
    waiting: VecDeque<(u64, oneshot::Sender<Turn>)>,
}

/// A turn; it is given back by being dropped.
pub(super) struct Turn {
    turns: Arc<Turns>,
    asker: u64,
}

impl Turns {
    /// So many at a time.
    pub(super) fn new(count: usize) -> Arc<Turns> {
        let each = (count / 2).max(1);
        Arc::new(Turns(Mutex::new(State { free: count, each, running: HashMap::new(), waiting: VecDeque::new() })))
    }

    /// Waits for a turn. Whoever stops waiting leaves the queue.
    pub(super) async fn take(self: &Arc<Self>, asker: u64) -> Turn {
        let turn = || Turn { turns: Arc::clone(self), asker };
        let waiting = {
            let mut state = self.state();
            if state.may_run(asker) {
                state.begin(asker);
                return turn();
            }
            let (sender, waiting) = oneshot::channel();
            state.waiting.push_back((asker, sender));
            waiting
        };
        match waiting.await {
            Ok(turn) => turn,
            // A waiting sender is dropped with the turns alone, and we hold them.
            Err(_) => std::future::pending().await,
        }
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl State {
    fn running(&self, asker: u64) -> usize {
        self.running.get(&asker).copied().unwrap_or(0)
    }

    fn may_run(&self, asker: u64) -> bool {
        self.free > 0 && self.running(asker) < self.each
    }

    fn begin(&mut self, asker: u64) {
        self.free -= 1;
        *self.running.entry(asker).or_default() += 1;
    }

    fn end(&mut self, asker: u64) {
        self.free += 1;
        match self.running.get_mut(&asker) {
            Some(running) if *running > 1 => *running -= 1,
            _ => drop(self.running.remove(&asker)),
        }
    }

    /// Who is next: of those that may run, the first of those with the fewest turns.
    fn next(&mut self) -> Option<(u64, oneshot::Sender<Turn>)> {
        self.waiting.retain(|(_, sender)| !sender.is_closed());
        let may = |(at, (asker, _)): (usize, &(u64, _))| self.may_run(*asker).then(|| (self.running(*asker), at));
        let (_, at) = self.waiting.iter().enumerate().filter_map(may).min()?;
        let next = self.waiting.remove(at)?;
        self.begin(next.0);
        Some(next)
    }
}

impl Drop for Turn {
    fn drop(&mut self) {
        let next = {
            let mut state = self.turns.state();
            state.end(self.asker);
            state.next()
        };
        if let Some((asker, sender)) = next {
            // Should it have gone away just now, the turn comes back here and goes to the next.
            let _ = sender.send(Turn { turns: Arc::clone(&self.turns), asker });
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use futures_util::FutureExt;
    use std::pin::pin;

    #[test]
    fn n81_one_asker_has_at_most_half_and_the_fewest_goes_first() {
        let turns = Turns::new(4);
        let take = |asker| turns.take(asker).now_or_never();
        let (first, second) = (take(1).expect("free"), take(1).expect("free"));
        assert!(take(1).is_none(), "half of them are for the others");
        let mut third = pin!(turns.take(1));
        let mut fourth = pin!(turns.take(1));
        assert!((&mut third).now_or_never().is_none() && (&mut fourth).now_or_never().is_none());
        let (other, last) = (take(2).expect("a turn at once"), take(3).expect("a turn at once"));

        // All are taken. One who has none goes before those who asked earlier and have one.
        let mut late = pin!(turns.take(4));
        assert!((&mut late).now_or_never().is_none());
        drop(first);
        assert!((&mut third).now_or_never().is_none());
        let late = (&mut late).now_or_never().expect("the fewest goes first");
        drop(other);
        assert!((&mut third).now_or_never().is_some());
        drop((second, last, late));
        assert!((&mut fourth).now_or_never().is_some());
        let state = turns.state();
        assert_eq!((state.free, state.running.len()), (4, 0));
    }

    #[test]
    fn n31_who_stops_waiting_leaves_the_queue() {
        let turns = Turns::new(1);
        let held = turns.take(1).now_or_never().expect("free");
        for asker in 0..1000 {
            assert!(turns.take(asker).now_or_never().is_none());
        }
        drop(held);
        assert!(turns.state().waiting.is_empty());
        assert_eq!(turns.state().free, 1);
    }
}
