//! What resources asked: on its way to the record.
//!
//! An application that asks with a resource as the subject acts on its behalf, and that is on record with the resource
//! as actor. It is bookkeeping, written with the refusals (`MODEL.md`, law 9), and bounded: the same question within a
//! minute is counted, and so is whatever goes beyond [`QUESTIONS`] different ones of one credential.

use crate::access::store::AuditEntry;
use crate::base::ids;
use garth_core::Micros;
use hashbrown::HashMap;
use serde_json::json;

/// Different questions of one credential in a minute that get an entry each.
pub const QUESTIONS: usize = 1_000;
/// How long the same question is counted instead of written, in microseconds.
const COUNTED: Micros = 60 * 1_000_000;
/// Entries that wait to be written; beyond this the oldest are dropped, as with refusals.
const WAITING: usize = 20_000;
/// What the actions of such entries begin with.
pub const ASKED: &str = "decision.";

/// A question of a resource.
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Ask {
    /// The id of the space that it is about.
    pub space: String,
    /// The resource, as a principal.
    pub actor: String,
    /// The credential of the application that asked.
    pub credential: String,
    /// How it asked: `decision.evaluate`, for one.
    pub action: &'static str,
    /// The type of what it asked about.
    pub target_type: String,
    /// The id of that; empty for a search.
    pub target_id: String,
    /// What it would do; empty where it asked what it could.
    pub asked: String,
    /// The slugs of the roles it holds there.
    pub roles: Vec<String>,
    /// The decision; none for a search.
    pub decision: Option<bool>,
}

/// One question that was asked lately.
struct Lately {
    /// From then on it gets an entry again.
    until: Micros,
    /// How often it was asked again.
    again: u64,
    /// When last, and by which request.
    last: (Micros, String),
}

/// What one credential asked lately.
#[derive(Default)]
struct Asker {
    lately: HashMap<Ask, Lately>,
    /// Questions beyond those, told of once: where it asked first, and how many there were.
    beyond: Option<(Ask, Lately)>,
}

/// What waits, and what was asked lately.
#[derive(Default)]
pub(super) struct Asks {
    askers: HashMap<String, Asker>,
    waiting: Vec<AuditEntry>,
}

impl Asks {
    /// Notes a question that a request asked.
    pub(super) fn note(&mut self, ask: Ask, request_id: &str, now: Micros) {
        let asker = self.askers.entry(ask.credential.clone()).or_default();
        let again = |lately: &mut Lately| {
            lately.again += 1;
            lately.last = (now, request_id.to_owned());
        };
        if let Some(lately) = asker.lately.get_mut(&ask).filter(|lately| now < lately.until) {
            again(lately);
            return;
        }
        let first = Lately { until: now + COUNTED, again: 0, last: (now, request_id.to_owned()) };
        if asker.lately.len() >= QUESTIONS {
            let (_, lately) = asker.beyond.get_or_insert((beyond(&ask), first));
            again(lately);
            return;
        }
        let entry = entry(&ask, 1, now, request_id);
        let before = asker.lately.insert(ask.clone(), first);
        if let Some(before) = before.filter(|before| before.again > 0) {
            self.waiting.push(counted(&ask, &before));
        }
        self.waiting.push(entry);
        self.bound();
    }

    /// What is to be written now; at the end, whatever was counted.
    pub(super) fn take(&mut self, now: Micros, end: bool) -> Vec<AuditEntry> {
        self.tidy(now, end);
        std::mem::take(&mut self.waiting)
    }

    /// Puts back what could not be written.
    pub(super) fn keep(&mut self, entries: Vec<AuditEntry>) {
        let later = std::mem::replace(&mut self.waiting, entries);
        self.waiting.extend(later);
        self.bound();
    }

    /// Forgets questions whose minute is over; how often they were asked again is told.
    fn tidy(&mut self, now: Micros, end: bool) {
        let over = |lately: &Lately| end || now >= lately.until;
        let waiting = &mut self.waiting;
        self.askers.retain(|_, asker| {
            asker.lately.retain(|ask, lately| {
                if over(lately) && lately.again > 0 {
                    waiting.push(counted(ask, lately));
                }
                !over(lately)
            });
            if let Some((ask, lately)) = asker.beyond.take_if(|(_, lately)| over(lately)) {
                waiting.push(counted(&ask, &lately));
            }
            !asker.lately.is_empty() || asker.beyond.is_some()
        });
        self.bound();
    }

    fn bound(&mut self) {
        let more = self.waiting.len().saturating_sub(WAITING);
        self.waiting.drain(..more);
    }
}

/// The question that stands for all that are not told apart any more.
fn beyond(ask: &Ask) -> Ask {
    Ask {
        target_type: "space".to_owned(),
        target_id: ask.space.clone(),
        asked: String::new(),
        decision: None,
        ..ask.clone()
    }
}

fn counted(ask: &Ask, lately: &Lately) -> AuditEntry {
    entry(ask, lately.again, lately.last.0, &lately.last.1)
}

fn entry(ask: &Ask, times: u64, at: Micros, request_id: &str) -> AuditEntry {
    let asked = (!ask.asked.is_empty()).then_some(&ask.asked);
    AuditEntry {
        id: ids::new_id(at).to_string(),
        at,
        space: ask.space.clone(),
        actor: ask.actor.clone(),
        credential: ask.credential.clone(),
        action: ask.action.to_owned(),
        target_type: ask.target_type.clone(),
        target_id: ask.target_id.clone(),
        outcome: if ask.decision == Some(false) { "refused" } else { "done" }.to_owned(),
        before: String::new(),
        after: json!({ "action": asked, "decision": ask.decision, "roles": ask.roles, "times": times }).to_string(),
        request_id: request_id.to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SECOND: Micros = 1_000_000;

    fn ask(target: usize) -> Ask {
        Ask {
            space: "space".to_owned(),
            actor: "resource:one".to_owned(),
            credential: "key:one".to_owned(),
            action: "decision.evaluate",
            target_type: "task".to_owned(),
            target_id: target.to_string(),
            asked: "read".to_owned(),
            roles: vec!["reader".to_owned()],
            decision: Some(true),
        }
    }

    fn times(entries: &[AuditEntry]) -> Vec<u64> {
        let of = |e: &AuditEntry| serde_json::from_str::<serde_json::Value>(&e.after).expect("JSON")["times"].as_u64();
        entries.iter().map(|e| of(e).expect("a number")).collect()
    }

    #[test]
    fn the_same_question_within_a_minute_is_counted() {
        let mut asks = Asks::default();
        for second in 0..10 {
            asks.note(ask(1), "r", second * SECOND);
        }
        assert_eq!(times(&asks.take(10 * SECOND, false)), [1], "it is on record at once, and only once");
        assert!(asks.take(59 * SECOND, false).is_empty());
        assert_eq!(times(&asks.take(60 * SECOND, false)), [9]);
        assert!(asks.askers.is_empty(), "and nothing of it is kept");
        asks.note(ask(1), "r", 61 * SECOND);
        asks.note(ask(1), "r", 62 * SECOND);
        assert_eq!(times(&asks.take(63 * SECOND, true)), [1, 1], "at the end, what was counted is told");
    }

    #[test]
    fn questions_of_a_resource_have_a_limit() {
        let mut asks = Asks::default();
        for target in 0..QUESTIONS + 500 {
            asks.note(ask(target), "r", 0);
        }
        let other = Ask { credential: "key:two".to_owned(), ..ask(1) };
        asks.note(other, "r", 0);
        assert_eq!(asks.take(0, false).len(), QUESTIONS + 1, "another credential has its own");
        let rest = asks.take(60 * SECOND, false);
        assert_eq!(times(&rest), [500], "what goes beyond is counted");
        assert_eq!((rest[0].target_type.as_str(), rest[0].target_id.as_str()), ("space", "space"));
        let entries = vec![entry(&ask(1), 1, 0, "r"); WAITING + 10];
        asks.keep(entries);
        assert_eq!(asks.waiting.len(), WAITING);
    }
}
