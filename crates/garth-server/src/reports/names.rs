//! What people, groups and spaces are called in a report, as far as whoever it is made for may know of them.

use crate::access::Viewer;
use crate::directory::policy::Sees;
use crate::directory::{Directory, UserInfo};
use garth_core::{Caller, GroupIx, Micros, Principal, SpaceIx};
use serde_json::Value;
use uuid::Uuid;

use super::content::named;

/// Somebody who reads names.
pub struct Names<'a> {
    dir: &'a Directory,
    viewer: Viewer<'a>,
}

impl<'a> Names<'a> {
    /// Of that caller, in that picture, at that time.
    pub fn new(dir: &'a Directory, caller: &'a Caller, now: Micros) -> Self {
        Self { dir, viewer: Viewer::new(dir, caller, now) }
    }

    /// What a principal is called; whom the reader may not know of is somebody.
    pub fn of(&self, principal: &str) -> String {
        match principal {
            "system" => return "the command line".to_owned(),
            "anonymous" => return "somebody not signed in".to_owned(),
            "" => return "nobody".to_owned(),
            _ => {}
        }
        let (sort, id) = principal.split_once(':').unwrap_or((principal, ""));
        let found = self.dir.principal(principal).filter(|found| self.viewer.principal(*found));
        match found {
            Some(Principal::Everyone) => "everyone".to_owned(),
            Some(Principal::User(user)) => {
                self.dir.users.info(user).map_or_else(|| "somebody".to_owned(), |user| user.username.clone())
            }
            Some(Principal::Group(group)) => {
                self.dir.groups.info(group).map_or_else(|| "a group".to_owned(), |group| group.name.clone())
            }
            Some(Principal::Key(_)) => format!("API key {id}"),
            Some(Principal::Resource(_)) | None if sort == "resource" && !id.is_empty() => format!("resource {id}"),
            _ => match sort {
                "key" => "an API key",
                "resource" => "a resource",
                "group" => "a group",
                _ => "somebody",
            }
            .to_owned(),
        }
    }

    /// The name of a group that the reader was told of.
    pub fn group(&self, id: Option<Uuid>) -> Option<String> {
        let ix = self.dir.groups.by_id::<GroupIx>(&id?)?;
        self.dir.groups.info(ix).map(|group| group.name.clone())
    }

    /// The name of a space that the reader was told of.
    pub fn space(&self, id: Option<Uuid>) -> Option<String> {
        let ix = self.dir.spaces.by_id::<SpaceIx>(&id?)?;
        self.dir.spaces.info(ix).map(|space| named(&space.name))
    }
}

/// What somebody is called besides how they sign in.
pub fn full(user: &UserInfo) -> Value {
    if user.name.is_empty() || user.name == user.username { Value::Null } else { user.name.clone().into() }
}

/// A space's gate, in words.
pub fn gate(policy: &Value) -> String {
    match policy {
        Value::String(one) => match one.as_str() {
            "public" => "anyone, signed in or not",
            "users" => "anybody who is signed in",
            "members" => "members",
            "admins" => "system administrators",
            "nobody" => "nobody",
            other => other,
        }
        .to_owned(),
        Value::Object(fields) => match fields.keys().next().map(String::as_str) {
            Some("permission") => format!("holders of {}", fields["permission"].as_str().unwrap_or_default()),
            Some("users") => "people who are named".to_owned(),
            Some("groups_any") => "members of one of some groups".to_owned(),
            Some("groups_all") => "members of all of some groups".to_owned(),
            Some("named") => "a named policy".to_owned(),
            _ => "rules".to_owned(),
        },
        _ => "members".to_owned(),
    }
}
