//! Permissions, the patterns that roles are made of, and the words both are spelled in.

use crate::ids::Word;
use hashbrown::HashMap;
use std::sync::Arc;

/// Something that can be done: a verb on a noun, written `task:write`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Permission {
    /// A kind's name, or one of the system nouns `space`, `meter`, `decision`.
    pub noun: Word,
    /// `read`, `write`, `share`, `admin`, … or a verb the kind declares.
    pub verb: Word,
}

impl Permission {
    /// To see a kind's resources.
    pub fn read(noun: Word) -> Self {
        Self { noun, verb: Words::READ }
    }

    /// To create, edit, move and delete a kind's resources.
    pub fn write(noun: Word) -> Self {
        Self { noun, verb: Words::WRITE }
    }

    /// To administer a space: its grants, its keys, its audit, itself.
    pub const SPACE_ADMIN: Self = Self { noun: Words::SPACE, verb: Words::ADMIN };
    /// To ask decisions about others (an application's key).
    pub const DECISION_ASK: Self = Self { noun: Words::DECISION, verb: Words::ASK };
}

/// A set of permissions: a noun or any, a verb or any. Written `task:*`, `*:read`.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Pattern {
    /// `None` is `*`.
    pub noun: Option<Word>,
    /// `None` is `*`.
    pub verb: Option<Word>,
}

impl Pattern {
    /// Does this pattern name that permission?
    #[inline]
    pub fn matches(&self, permission: Permission) -> bool {
        self.noun.is_none_or(|n| n == permission.noun) && self.verb.is_none_or(|v| v == permission.verb)
    }

    /// Does this pattern name everything that the other names?
    pub fn covers(&self, other: &Pattern) -> bool {
        let part = |mine: Option<Word>, theirs: Option<Word>| mine.is_none() || mine == theirs;
        part(self.noun, other.noun) && part(self.verb, other.verb)
    }
}

/// Which role it is; the built-in ones cannot be changed.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum RoleKind {
    /// `*:read`.
    Reader,
    /// `*:read`, `*:write`, every verb of a kind but `share`, and `meter:consume`.
    Writer,
    /// Everything in the space.
    Admin,
    /// A list of patterns that somebody wrote.
    Custom,
}

/// A named set of permissions.
#[derive(Clone, Debug)]
pub struct Role {
    /// Built in or custom.
    pub kind: RoleKind,
    /// A custom role's patterns; empty for the built-in ones.
    pub patterns: Arc<[Pattern]>,
}

impl Role {
    /// A built-in role.
    pub fn built_in(kind: RoleKind) -> Self {
        Self { kind, patterns: Arc::from([]) }
    }

    /// A custom role.
    pub fn custom(patterns: impl Into<Arc<[Pattern]>>) -> Self {
        Self { kind: RoleKind::Custom, patterns: patterns.into() }
    }

    /// Does the role hold that permission?
    #[inline]
    pub fn allows(&self, permission: Permission) -> bool {
        match self.kind {
            RoleKind::Admin => true,
            RoleKind::Reader => permission.verb == Words::READ,
            RoleKind::Writer => {
                matches!(permission.verb, Words::READ | Words::WRITE)
                    || (Words::names_kind(permission.noun) && permission.verb != Words::SHARE)
                    || (permission.noun == Words::METER && permission.verb == Words::CONSUME)
            }
            RoleKind::Custom => self.patterns.iter().any(|p| p.matches(permission)),
        }
    }

    /// Does the role hold every permission that the pattern names?
    fn covers_pattern(&self, pattern: &Pattern) -> bool {
        match self.kind {
            RoleKind::Admin => true,
            RoleKind::Reader => pattern.verb == Some(Words::READ),
            RoleKind::Writer => match (pattern.noun, pattern.verb) {
                (Some(noun), Some(verb)) => self.allows(Permission { noun, verb }),
                (_, verb) => matches!(verb, Some(Words::READ | Words::WRITE)),
            },
            RoleKind::Custom => self.patterns.iter().any(|p| p.covers(pattern)),
        }
    }
}

/// Do these roles, together, hold everything that `wanted` holds? Nobody gives a role
/// with permissions they lack. Answers no when it cannot be sure.
pub fn covers<'a>(mut held: impl Iterator<Item = &'a Role> + Clone, wanted: &Role) -> bool {
    match wanted.kind {
        RoleKind::Admin => held.any(|r| r.kind == RoleKind::Admin),
        RoleKind::Writer => held.any(|r| matches!(r.kind, RoleKind::Admin | RoleKind::Writer)),
        RoleKind::Reader => {
            let read = Pattern { noun: None, verb: Some(Words::READ) };
            held.any(|r| r.covers_pattern(&read))
        }
        RoleKind::Custom => wanted.patterns.iter().all(|p| held.clone().any(|r| r.covers_pattern(p))),
    }
}

/// The words that permissions are spelled in, interned.
#[derive(Clone, Debug)]
pub struct Words {
    names: Arc<Vec<Arc<str>>>,
    by_name: Arc<HashMap<Arc<str>, Word>>,
}

impl Words {
    /// Noun: the space itself.
    pub const SPACE: Word = Word(0);
    /// Noun: meters of a space.
    pub const METER: Word = Word(1);
    /// Noun: decisions about others.
    pub const DECISION: Word = Word(2);
    /// Verb: see.
    pub const READ: Word = Word(3);
    /// Verb: create, edit, move, delete.
    pub const WRITE: Word = Word(4);
    /// Verb: share a resource out of its space.
    pub const SHARE: Word = Word(5);
    /// Verb: administer.
    pub const ADMIN: Word = Word(6);
    /// Verb: take units of a meter.
    pub const CONSUME: Word = Word(7);
    /// Verb: ask about others.
    pub const ASK: Word = Word(8);

    const BUILT_IN: [&'static str; 9] =
        ["space", "meter", "decision", "read", "write", "share", "admin", "consume", "ask"];

    /// Is this noun a kind, rather than one of the system's own?
    #[inline]
    pub fn names_kind(noun: Word) -> bool {
        noun.0 > Self::DECISION.0
    }

    /// The word's index, made new when it was never met.
    pub fn intern(&mut self, name: &str) -> Word {
        if let Some(word) = self.by_name.get(name) {
            return *word;
        }
        let word = Word(u32::try_from(self.names.len()).unwrap_or(u32::MAX));
        let name: Arc<str> = Arc::from(name);
        Arc::make_mut(&mut self.names).push(Arc::clone(&name));
        Arc::make_mut(&mut self.by_name).insert(name, word);
        word
    }

    /// The word's index, if it was ever met.
    pub fn get(&self, name: &str) -> Option<Word> {
        self.by_name.get(name).copied()
    }

    /// How the word is spelled.
    pub fn name(&self, word: Word) -> &str {
        self.names.get(word.slot()).map_or("?", |n| n)
    }

    /// `task:write`.
    pub fn permission(&self, permission: Permission) -> String {
        format!("{}:{}", self.name(permission.noun), self.name(permission.verb))
    }
}

impl Default for Words {
    fn default() -> Self {
        let mut words = Self { names: Arc::default(), by_name: Arc::default() };
        for name in Self::BUILT_IN {
            words.intern(name);
        }
        words
    }
}
