//! Colours: what the last runs came to, at a glance.

use crate::jobs::State;

/// How many of the last runs a colour tells of.
pub const LAST: usize = 5;

/// How something is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub enum Colour {
    /// All of the last runs failed.
    Red,
    /// Some did, or reached only some.
    Yellow,
    /// There was none yet.
    Gray,
    /// All of them succeeded.
    Green,
}

impl Colour {
    /// All of them, the worst first.
    pub const ALL: [Self; 4] = [Self::Red, Self::Yellow, Self::Gray, Self::Green];

    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Red => "red",
            Self::Yellow => "yellow",
            Self::Gray => "gray",
            Self::Green => "green",
        }
    }

    /// The colour of the last runs, the latest first. What goes on, was skipped or was cancelled says nothing of how well
    /// it works: it does not count.
    pub fn of(runs: &[State]) -> Self {
        let counts = |state: &&State| matches!(state, State::Succeeded | State::PartlyDelivered | State::Failed);
        let ended: Vec<&State> = runs.iter().filter(counts).take(LAST).collect();
        match ended.as_slice() {
            [] => Self::Gray,
            all if all.iter().all(|state| **state == State::Succeeded) => Self::Green,
            all if all.iter().all(|state| **state == State::Failed) => Self::Red,
            _ => Self::Yellow,
        }
    }
}

/// How many have which colour.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Tally {
    /// Whose last runs all failed.
    pub red: usize,
    /// Of whose last runs some failed.
    pub yellow: usize,
    /// Who never ran.
    pub gray: usize,
    /// Whose last runs all succeeded.
    pub green: usize,
}

impl Tally {
    /// Counts.
    pub fn of(colours: impl Iterator<Item = Colour>) -> Self {
        let mut tally = Self::default();
        colours.for_each(|colour| *tally.slot(colour) += 1);
        tally
    }

    fn slot(&mut self, colour: Colour) -> &mut usize {
        match colour {
            Colour::Red => &mut self.red,
            Colour::Yellow => &mut self.yellow,
            Colour::Gray => &mut self.gray,
            Colour::Green => &mut self.green,
        }
    }

    /// How many have that colour.
    pub fn many(mut self, colour: Colour) -> usize {
        *self.slot(colour)
    }

    /// One colour for all: the worst that there is; gray only where there is nothing else.
    pub fn worst(tallies: &[Self]) -> Colour {
        let any = |colour: Colour| tallies.iter().any(|tally| tally.many(colour) > 0);
        let order = [Colour::Red, Colour::Yellow, Colour::Green];
        order.into_iter().find(|colour| any(*colour)).unwrap_or(Colour::Gray)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn five_runs_have_a_colour() {
        use State::{Cancelled, Failed, PartlyDelivered, Queued, Running, Skipped, Succeeded};
        for (runs, colour) in [
            (vec![], Colour::Gray),
            (vec![Queued, Running, Skipped, Cancelled], Colour::Gray),
            (vec![Succeeded], Colour::Green),
            (vec![Running, Succeeded, Skipped, Succeeded], Colour::Green),
            (vec![Failed, Failed], Colour::Red),
            (vec![Failed, Succeeded], Colour::Yellow),
            (vec![PartlyDelivered], Colour::Yellow),
            (vec![Succeeded, Succeeded, Succeeded, Succeeded, Succeeded, Failed], Colour::Green),
        ] {
            assert_eq!(Colour::of(&runs), colour, "{runs:?}");
        }
    }

    #[test]
    fn the_worst_colour_stands_for_all() {
        let tally = |red, yellow, gray, green| Tally { red, yellow, gray, green };
        for (tallies, colour) in [
            (vec![], Colour::Gray),
            (vec![tally(0, 0, 3, 0)], Colour::Gray),
            (vec![tally(0, 0, 3, 1), tally(0, 0, 0, 0)], Colour::Green),
            (vec![tally(0, 0, 0, 9), tally(0, 1, 0, 9)], Colour::Yellow),
            (vec![tally(0, 1, 0, 9), tally(1, 0, 0, 9)], Colour::Red),
        ] {
            assert_eq!(Tally::worst(&tallies), colour, "{tallies:?}");
        }
    }
}
