//! How runs look: a mark for each, and one sentence for several.

use crate::jobs::State;

/// Runs that are marked beside a job.
pub const LATELY: usize = 5;

/// How a run ended, or that it has not. Its shape says so, too, and its word to whoever sees neither.
pub struct Mark {
    /// `good`, `near`, `bad` or `none`: a disc, half a disc, a square, a ring.
    pub tone: &'static str,
    pub word: &'static str,
}

impl Mark {
    pub fn of(state: State) -> Self {
        let (tone, word) = match state {
            State::Queued => ("none", "waiting"),
            State::Running => ("none", "going on"),
            State::Succeeded => ("good", "succeeded"),
            State::PartlyDelivered => ("near", "reached some"),
            State::Failed => ("bad", "failed"),
            State::Skipped => ("none", "skipped"),
            State::Cancelled => ("none", "cancelled"),
        };
        Self { tone, word }
    }

    /// The icon of its tone, where it stands with its word.
    pub fn icon(&self) -> &'static str {
        match self.tone {
            "good" => "done",
            "near" => "warning",
            "bad" => "alert",
            _ => "clock",
        }
    }
}

/// What several runs come to.
pub struct Marks {
    /// The latest last, as one reads.
    pub each: Vec<Mark>,
    pub tone: &'static str,
    pub word: &'static str,
}

impl Marks {
    /// Of the last states, the latest first.
    pub fn of(states: &[State]) -> Self {
        let each: Vec<Mark> = states.iter().take(LATELY).rev().map(|state| Mark::of(*state)).collect();
        let (tone, word) = verdict(states);
        Self { each, tone, word }
    }

    /// In words, for whoever sees no marks.
    pub fn told(&self) -> String {
        if self.each.is_empty() {
            return "No run yet".to_owned();
        }
        let words: Vec<&str> = self.each.iter().rev().map(|mark| mark.word).collect();
        format!("The last runs, the latest first: {}", words.join(", "))
    }
}

/// As monitoring has it: all well is green, all failed red, anything else yellow; what never ended says nothing.
fn verdict(states: &[State]) -> (&'static str, &'static str) {
    let ended = |state: &&State| matches!(state, State::Succeeded | State::PartlyDelivered | State::Failed);
    let ended: Vec<&State> = states.iter().filter(ended).take(LATELY).collect();
    if ended.is_empty() {
        ("none", "no run yet")
    } else if ended.iter().all(|state| **state == State::Succeeded) {
        ("good", "well")
    } else if ended.iter().all(|state| **state == State::Failed) {
        ("bad", "fails")
    } else {
        ("near", "failed at times")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn several_runs_come_to_one_word() {
        let (good, bad, some, waits) = (State::Succeeded, State::Failed, State::PartlyDelivered, State::Queued);
        for (states, tone) in [
            (vec![], "none"),
            (vec![waits, State::Skipped, State::Cancelled], "none"),
            (vec![good, good], "good"),
            (vec![waits, good], "good"),
            (vec![bad, bad, bad], "bad"),
            (vec![good, bad], "near"),
            (vec![some], "near"),
            (vec![good, good, good, good, good, bad], "good"),
        ] {
            assert_eq!(Marks::of(&states).tone, tone, "{states:?}");
        }
        let told = Marks::of(&[bad, good]).told();
        assert_eq!(told, "The last runs, the latest first: failed, succeeded");
    }
}
