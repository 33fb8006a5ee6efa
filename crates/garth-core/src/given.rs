//! What comes with a question: properties of its subject, resource and action.
//!
//! They belong to that one question. Garth's own enforcement asks without any, so a rule that
//! asks for a property says what to take where a question does not tell it; a rule that does not
//! say so makes its whole policy deny there, and so does a value of another type: an error must not
//! turn a deny rule off (`MODEL.md`, law 11).

use std::sync::Arc;

/// Whose property it is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub enum Part {
    /// Of whoever it is asked about.
    Subject,
    /// Of the resource.
    Resource,
    /// Of the action.
    Action,
}

/// The value of a property. Values of different types are never compared.
#[derive(Clone, Debug, PartialEq)]
pub enum Fact {
    /// Yes or no.
    Flag(bool),
    /// A whole number.
    Number(i64),
    /// Text, compared byte by byte.
    Text(Arc<str>),
    /// Something else, which is of no type that a rule can ask for.
    Other,
}

impl Fact {
    /// Are both flags, numbers or texts?
    pub fn same_type(&self, other: &Fact) -> bool {
        !matches!(self, Fact::Other) && std::mem::discriminant(self) == std::mem::discriminant(other)
    }
}

/// The properties that came with one question, sorted.
#[derive(Clone, Debug, Default, PartialEq)]
pub struct Given(Arc<[(Part, Arc<str>, Fact)]>);

impl Given {
    /// Of properties named twice the first counts.
    pub fn new(mut properties: Vec<(Part, Arc<str>, Fact)>) -> Self {
        properties.sort_by(|(of, name, _), (other, its, _)| (of, name).cmp(&(other, its)));
        properties.dedup_by(|later, first| (later.0, &later.1) == (first.0, &first.1));
        Self(properties.into())
    }

    /// What the question says.
    pub fn get(&self, of: Part, name: &str) -> Option<&Fact> {
        let at = self.0.binary_search_by(|(part, known, _)| (*part, &**known).cmp(&(of, name))).ok()?;
        self.0.get(at).map(|(_, _, fact)| fact)
    }
}

/// A property that a rule asks for.
#[derive(Clone, Debug, PartialEq)]
pub struct Asked {
    /// Whose it is.
    pub of: Part,
    /// Its name.
    pub name: Arc<str>,
    /// What it has to be.
    pub equals: Fact,
    /// What it is where the question does not say.
    pub otherwise: Option<Fact>,
}

impl Asked {
    /// The value to be compared, if there is one of the right type.
    fn told<'a>(&'a self, given: &'a Given) -> Option<&'a Fact> {
        let fact = given.get(self.of, &self.name).or(self.otherwise.as_ref())?;
        fact.same_type(&self.equals).then_some(fact)
    }

    /// Can it be answered at all?
    pub(crate) fn understood(&self, given: &Given) -> bool {
        self.told(given).is_some()
    }

    /// Is it what it has to be?
    pub(crate) fn holds(&self, given: &Given) -> bool {
        self.told(given) == Some(&self.equals)
    }
}
