//! What a login policy says, and what follows when several have spoken.

use crate::base::rego::{Answers, Contract, Shape};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// The rules that a login policy may have, and what each of them is.
pub const CONTRACT: Contract = Contract {
    packages: &["garth", "spacelift"],
    rules: &[
        ("allow", Shape::Flag),
        ("deny", Shape::Flag),
        ("admin", Shape::Flag),
        ("deny_admin", Shape::Flag),
        ("sample", Shape::Flag),
        ("space_read", Shape::Set),
        ("space_write", Shape::Set),
        ("space_admin", Shape::Set),
        ("team", Shape::Set),
        ("roles", Shape::Map),
    ],
};

/// What the rules came to; those that are not there are false or empty.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Outputs {
    /// Lets in.
    pub allow: bool,
    /// Keeps out, whatever else is said.
    pub deny: bool,
    /// Makes a system administrator for the session.
    pub admin: bool,
    /// Makes none, whatever else is said.
    pub deny_admin: bool,
    /// Wants to be kept as a sample.
    pub sample: bool,
    /// Ids of spaces to read in.
    pub space_read: BTreeSet<String>,
    /// Ids of spaces to write in.
    pub space_write: BTreeSet<String>,
    /// Ids of spaces to administer.
    pub space_admin: BTreeSet<String>,
    /// Names or slugs of roles, by the id of the space; never empty ones.
    pub roles: BTreeMap<String, BTreeSet<String>>,
    /// The teams from then on, unless it is empty.
    pub team: BTreeSet<String>,
}

impl Outputs {
    /// What one policy answered.
    pub fn of(mut answers: Answers) -> Self {
        let flag = |name: &str| answers.flags.contains(name);
        let (allow, deny, sample) = (flag("allow"), flag("deny"), flag("sample"));
        let (admin, deny_admin) = (flag("admin"), flag("deny_admin"));
        let mut set = |name: &str| answers.sets.remove(name).unwrap_or_default();
        let (space_read, space_write, space_admin) = (set("space_read"), set("space_write"), set("space_admin"));
        let team = set("team");
        let mut roles = answers.maps.remove("roles").unwrap_or_default();
        roles.retain(|_, roles| !roles.is_empty());
        Self { allow, deny, admin, deny_admin, sample, space_read, space_write, space_admin, roles, team }
    }

    /// What was written down of outputs, in a sample.
    pub fn written(said: &Value) -> Self {
        let flag = |name: &str| said[name] == true;
        let texts = |list: &Value| {
            list.as_array().into_iter().flatten().filter_map(Value::as_str).map(str::to_owned).collect::<BTreeSet<_>>()
        };
        let roles = said["roles"].as_object().into_iter().flatten();
        Self {
            allow: flag("allow"),
            deny: flag("deny"),
            admin: flag("admin"),
            deny_admin: flag("deny_admin"),
            sample: flag("sample"),
            space_read: texts(&said["space_read"]),
            space_write: texts(&said["space_write"]),
            space_admin: texts(&said["space_admin"]),
            roles: roles.map(|(space, roles)| (space.clone(), texts(roles))).collect(),
            team: texts(&said["team"]),
        }
    }

    /// Every role it gives in a space, as names or slugs.
    pub fn granted(&self) -> impl Iterator<Item = (&str, &str)> {
        let old = [(&self.space_read, "reader"), (&self.space_write, "writer"), (&self.space_admin, "admin")];
        let old = old.into_iter().flat_map(|(spaces, role)| spaces.iter().map(move |space| (space.as_str(), role)));
        let new =
            self.roles.iter().flat_map(|(space, roles)| roles.iter().map(move |role| (space.as_str(), role.as_str())));
        old.chain(new)
    }
}

/// What several policies say together: booleans by or, sets united.
pub fn combine(several: impl IntoIterator<Item = Outputs>) -> Outputs {
    let mut all = Outputs::default();
    for one in several {
        all.allow |= one.allow;
        all.deny |= one.deny;
        all.admin |= one.admin;
        all.deny_admin |= one.deny_admin;
        all.sample |= one.sample;
        all.space_read.extend(one.space_read);
        all.space_write.extend(one.space_write);
        all.space_admin.extend(one.space_admin);
        all.team.extend(one.team);
        for (space, roles) in one.roles {
            all.roles.entry(space).or_default().extend(roles);
        }
    }
    all
}

/// Whether somebody comes in, and as what.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decision {
    /// Not at all.
    Refused,
    /// As a system administrator for the session.
    Admin,
    /// As anybody.
    Member,
}

impl Decision {
    /// What outputs without an error come to; `granted` tells whether any role in a space came of them.
    pub fn of(outputs: &Outputs, granted: bool) -> Self {
        match outputs {
            o if o.deny => Self::Refused,
            o if o.admin && !o.deny_admin => Self::Admin,
            o if o.allow || granted => Self::Member,
            _ => Self::Refused,
        }
    }

    /// As it is written.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Refused => "refused",
            Self::Admin => "admin",
            Self::Member => "member",
        }
    }
}
