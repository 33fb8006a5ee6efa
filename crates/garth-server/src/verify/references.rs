//! What names something else without the schema's watching: principals, authors, owners, policies, roles, codes, the
//! tree, and what is sealed.

use super::{Report, store};
use crate::base::db::{DbError, Row, Tx};
use crate::base::ids;
use crate::base::secrets::Vault;
use crate::directory::policy::{All, Place, read};
use crate::directory::{Definition, Directory, windows_text};
use crate::identity_providers;
use crate::resources;
use garth_core::{ClassIx, MAX_SPACE_DEPTH, Principal};
use serde_json::Value;
use std::collections::{HashMap, HashSet};
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// Rows between two reports.
const ROWS: u64 = 4_096;

/// Checks all of it against the picture that was loaded at the same moment.
pub(super) async fn check(
    tx: &mut Tx,
    dir: &Directory,
    vault: Option<&Vault>,
    report: &mut Report,
    stages: &mut dyn FnMut(&'static str, u64, u64),
) -> Result<()> {
    let (mut done, all) = (0, store::rows(tx).await?);
    let mut tick = || {
        done += 1;
        if done % ROWS == 0 {
            stages("Reading", done, all);
        }
    };
    let mut keys = HashSet::new();
    tx.each(store::KEYS, &[], |row| {
        keys.insert(row.text(0)?.to_owned());
        Ok(())
    })
    .await?;
    let known = Known { dir, keys };
    people(tx, &known, report, &mut tick).await?;
    let providers = providers(tx, &known, vault, report).await?;
    groups(tx, &known, &providers, report).await?;
    spaces(tx, dir, vault, report).await?;
    policies(tx, dir, report).await?;
    roles(tx, dir, report).await?;
    attachments(tx, dir, report).await?;
    made(tx, &known, vault, report, &mut tick).await
}

/// Who is there.
struct Known<'a> {
    dir: &'a Directory,
    keys: HashSet<String>,
}

impl Known<'_> {
    /// Somebody who can hold, own or follow something; a deleted user can do none of it.
    fn alive(&self, text: &str) -> bool {
        match text.split_once(':') {
            Some(("key", id)) => self.keys.contains(id),
            _ => match self.dir.principal(text) {
                Some(Principal::User(user)) => self.dir.users.info(user).is_some_and(|info| !info.deleted),
                Some(_) => true,
                None => false,
            },
        }
    }

    /// Somebody who was there once: a deleted user keeps a row, a revoked key does not.
    fn once(&self, text: &str) -> bool {
        match text.split_once(':') {
            Some(("key", id)) => Uuid::try_parse(id).is_ok(),
            Some(("user", _)) => self.dir.principal(text).is_some(),
            _ => false,
        }
    }
}

async fn people(tx: &mut Tx, known: &Known<'_>, report: &mut Report, tick: &mut impl FnMut()) -> Result<()> {
    let mut grants = 0;
    tx.each(store::GRANTS, &[], |row| {
        tick();
        grants += 1;
        if !known.alive(row.text(2)?) {
            let place = format!("grants {}", row.text(0)?);
            let problem = format!("gives a role to {}, who is not there", row.text(2)?);
            report.found("references", place, problem, "revoke the grant; it gives nothing to anybody");
        }
        Ok(())
    })
    .await?;
    report.count("grants", grants);
    tx.each(store::GONE_ACTORS, &[], |row| {
        let place = format!("grants {}", row.text(0)?);
        let problem = format!("gives a role to {}, which is not there", row.text(1)?);
        report.found("references", place, problem, "revoke the grant; it gives nothing to anybody");
        Ok(())
    })
    .await?;
    let mut defaults = Vec::new();
    tx.each(store::USERS, &[], |row| {
        if known.dir.space_ref(row.text(1)?).is_none() {
            defaults.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
        Ok(())
    })
    .await?;
    for (user, space) in defaults {
        let problem = format!("the default space {space} is not there");
        report.found("references", format!("users {user}"), problem, "let them choose another default space");
    }
    Ok(())
}

/// Identity providers, and whom they know; answers the ids of the providers.
async fn providers(
    tx: &mut Tx,
    known: &Known<'_>,
    vault: Option<&Vault>,
    report: &mut Report,
) -> Result<HashSet<String>> {
    let mut providers = HashSet::new();
    tx.each(store::PROVIDERS, &[], |row| {
        let id = row.text(0)?;
        let place = format!("identity_providers {id} ({})", row.text(1)?);
        providers.insert(id.to_owned());
        if serde_json::from_str::<identity_providers::Choices>(row.text(2)?).is_err() {
            report.found("references", &place, "its choices cannot be read", "restore a backup from before the damage");
        }
        if vault.is_some_and(|vault| !identity_providers::opens(vault, id, row.text(3).unwrap_or_default())) {
            report.found("secrets", &place, "its client secret does not open", "write that secret anew");
        }
        Ok(())
    })
    .await?;
    tx.each(store::IDENTITIES, &[], |row| {
        let place = format!("external_identities {}", row.text(0)?);
        if !known.alive(&format!("user:{}", row.text(1)?)) {
            let problem = format!("is linked to the user {}, who is not there", row.text(1)?);
            report.found("references", &place, problem, "restore a backup from before the damage");
        }
        if row.text(2)? != row.text(3)? {
            report.found(
                "references",
                &place,
                "is of another issuer than its provider",
                "restore a backup from before the damage",
            );
        }
        Ok(())
    })
    .await?;
    report.count("identity providers", providers.len() as u64);
    Ok(providers)
}

async fn groups(tx: &mut Tx, known: &Known<'_>, providers: &HashSet<String>, report: &mut Report) -> Result<()> {
    let mut inside: HashMap<String, Vec<String>> = HashMap::new();
    let mut members = 0;
    tx.each(store::MEMBERS, &[], |row| {
        members += 1;
        let (group, member, source) = (row.text(0)?, row.text(1)?, row.text(2)?);
        if !source.is_empty() && !providers.contains(source) {
            let problem = format!("has the member {member} by the identity provider {source}, which is not there");
            report.found("references", format!("groups {group}"), problem, "restore a backup from before the damage");
        }
        if !known.alive(member) || member.starts_with("key:") || member.starts_with("resource:") {
            let problem = format!("has the member {member}, who is not there");
            report.found("references", format!("groups {group}"), problem, "take the member out of the group");
        }
        if let Some(nested) = member.strip_prefix("group:") {
            inside.entry(group.to_owned()).or_default().push(nested.to_owned());
        }
        Ok(())
    })
    .await?;
    report.count("group members", members);
    for group in circles(&inside) {
        report.found(
            "tree",
            format!("groups {group}"),
            "contains itself",
            "take one of the groups in the circle out of another",
        );
    }
    Ok(())
}

/// What is left when everything that leads nowhere is taken away again and again: the circles, and what leads into them.
fn circles(inside: &HashMap<String, Vec<String>>) -> Vec<String> {
    let mut left: HashSet<&String> = inside.keys().collect();
    loop {
        let leaves: Vec<&String> =
            left.iter().filter(|group| !inside[**group].iter().any(|nested| left.contains(nested))).copied().collect();
        if leaves.is_empty() {
            let mut circles: Vec<String> = left.into_iter().cloned().collect();
            circles.sort();
            return circles;
        }
        for leaf in leaves {
            left.remove(leaf);
        }
    }
}

async fn spaces(tx: &mut Tx, dir: &Directory, vault: Option<&Vault>, report: &mut Report) -> Result<()> {
    let mut parents: HashMap<String, Option<String>> = HashMap::new();
    let mut defaults = 0;
    tx.each(store::SPACES, &[], |row| {
        let id = row.text(0)?;
        let place = format!("spaces {id}");
        defaults += u64::from(row.opt_int(4)?.is_some());
        parents.insert(id.to_owned(), row.opt_text(1)?.map(str::to_owned));
        policy(dir, report, &place, "gate", row.text(2)?, Place::Gate);
        policy(dir, report, &place, "edit policy", row.text(3)?, Place::SpaceEdit);
        let key = row.text(5)?;
        if let Some(vault) = vault.filter(|_| !key.is_empty())
            && !vault.opens_space(id, key)
        {
            report.found(
                "secrets",
                place,
                "its key does not open",
                "restore a backup; its secrets are lost without it",
            );
        }
        Ok(())
    })
    .await?;
    if defaults != 1 {
        let problem = format!("{defaults} of them are the default space");
        report.found("tree", "spaces", problem, "restore a backup; there is exactly one");
    }
    for id in parents.keys() {
        if let Some(problem) = lost(&parents, id) {
            report.found("tree", format!("spaces {id}"), problem, "restore a backup from before the damage");
        }
    }
    Ok(())
}

/// What is wrong with the way up from a space.
fn lost(parents: &HashMap<String, Option<String>>, id: &str) -> Option<&'static str> {
    let mut at = id;
    for _ in 0..MAX_SPACE_DEPTH {
        match parents.get(at) {
            Some(None) => return None,
            Some(Some(parent)) if parent == id => return Some("lies under itself"),
            Some(Some(parent)) => at = parent,
            None => return Some("lies under a space that is not there"),
        }
    }
    Some("lies deeper than 32, or under a circle")
}

async fn policies(tx: &mut Tx, dir: &Directory, report: &mut Report) -> Result<()> {
    tx.each(store::POLICIES, &[], |row| {
        let place = format!("policies {} ({})", row.text(0)?, row.text(1)?);
        policy(dir, report, &place, "policy", row.text(2)?, Place::Resource);
        policy(dir, report, &place, "edit policy", row.text(3)?, Place::SpaceEdit);
        Ok(())
    })
    .await?;
    tx.each(store::KINDS, &[], |row| {
        let place = format!("kinds {} ({})", row.text(0)?, row.text(1)?);
        let Ok(definition) = serde_json::from_str::<Definition>(row.text(2)?) else {
            report.found("policies", place, "its definition cannot be read", "restore a backup from before the damage");
            return Ok(());
        };
        let defaults =
            [("default view policy", definition.default_view), ("default edit policy", definition.default_edit)];
        for (what, value) in defaults {
            if let Some(value) = value.filter(|value| !value.is_null()) {
                policy(dir, report, &place, what, &value.to_string(), Place::Resource);
            }
        }
        Ok(())
    })
    .await?;
    tx.each(store::CLASSES, &[], |row| {
        let place = format!("access_classes {} in the space {}", row.int(0)?, row.text(1)?);
        for (what, text) in [("view policy", row.text(2)?), ("edit policy", row.text(3)?)] {
            if !text.is_empty() {
                policy(dir, report, &place, what, text, Place::Resource);
            }
        }
        if !row.text(4)?.is_empty() && !well_written(row.text(4)?, row.text(1)?) {
            let problem = "what says where its resources are shared to is no list of other spaces";
            report.found("references", &place, problem, "nobody sees them by it; share them anew");
        }
        Ok(())
    })
    .await
}

/// Is that a list of spaces a class is shared to, as one is written? Spaces that were deleted stay in it, and let nobody in.
fn well_written(text: &str, own: &str) -> bool {
    let Ok(windows) = serde_json::from_str::<Vec<String>>(text) else { return false };
    let ids = windows.iter().all(|id| ids::read_id(id).is_some() && id != own);
    ids && windows_text(windows) == text
}

/// Reads one policy as it is read when it is saved.
fn policy(dir: &Directory, report: &mut Report, place: &str, what: &str, text: &str, stands: Place) {
    const SAVE: &str = "it denies everybody until it is saved anew";
    report.count("policies", 1);
    let Ok(value) = serde_json::from_str::<Value>(text) else {
        report.found("policies", place, format!("its {what} cannot be read"), SAVE);
        return;
    };
    if let Some(error) = read(dir, &value, "", stands, &All).errors.first() {
        let problem =
            format!("its {what} at {} {}", if error.pointer.is_empty() { "/" } else { &error.pointer }, error.message);
        report.found("policies", place, problem, SAVE);
    }
}

async fn roles(tx: &mut Tx, dir: &Directory, report: &mut Report) -> Result<()> {
    tx.each(store::ROLES, &[], |row| {
        let place = format!("roles {} ({})", row.text(0)?, row.text(1)?);
        let Ok(patterns) = serde_json::from_str::<Vec<String>>(row.text(2)?) else {
            report.found(
                "references",
                place,
                "its permissions cannot be read",
                "restore a backup from before the damage",
            );
            return Ok(());
        };
        for pattern in patterns {
            if dir.patterns("", std::slice::from_ref(&pattern)).is_err() {
                let problem = format!("{pattern} is not a known permission");
                report.found("references", &place, problem, "take it out of the role; it gives nothing");
            }
        }
        Ok(())
    })
    .await
}

/// Each link holds, and stands beside the classes of its ends; what attaches itself is found where it lies.
async fn attachments(tx: &mut Tx, dir: &Directory, report: &mut Report) -> Result<()> {
    tx.each(store::LINKS, &[], |row| {
        report.count("attachments", 1);
        let (consumer, provider) = (row.text(0)?, row.text(1)?);
        let place = format!("attachments {consumer}");
        if (row.int(2)?, row.int(3)?) != (row.int(4)?, row.int(5)?) {
            let problem = format!("the classes beside its link to {provider} are not those of the two");
            report.found("references", &place, problem, "detach it and attach it again");
        }
        let class = |stored: i64| u32::try_from(stored).map_or(ClassIx(u32::MAX), ClassIx);
        let space = dir.world.class(class(row.int(4)?)).map(|class| class.space);
        let used = class(row.int(5)?);
        if !space.is_some_and(|space| dir.world.may_use(space, used)) {
            let problem = format!("is attached to {provider}, which its space cannot use");
            report.found("references", &place, problem, "detach it, or let its space inherit what it uses");
        }
        Ok(())
    })
    .await?;
    tx.each(store::OFFERS, &[], |row| {
        let problem = format!("what its label {} attaches it to is not what is found", row.text(1)?);
        report.found("references", format!("resources {}", row.text(0)?), problem, "save its labels anew");
        Ok(())
    })
    .await
}

async fn made(
    tx: &mut Tx,
    known: &Known<'_>,
    vault: Option<&Vault>,
    report: &mut Report,
    tick: &mut impl FnMut(),
) -> Result<()> {
    let dir = known.dir;
    tx.each(store::RESOURCES, &[], |row| {
        tick();
        report.count("resources", 1);
        resource(&row, known, vault, report)
    })
    .await?;
    let mut subscribers = Vec::new();
    tx.each(store::SUBSCRIBERS, &[], |row| {
        tick();
        if !known.once(row.text(1)?) {
            subscribers.push((row.text(0)?.to_owned(), row.text(1)?.to_owned()));
        }
        Ok(())
    })
    .await?;
    for (resource, subscriber) in subscribers {
        let problem = format!("is followed by {subscriber}, who was never there");
        report.found("references", format!("resources {resource}"), problem, "save its subscribers anew");
    }
    report.count("users", dir.users.iter::<garth_core::UserIx>().count() as u64);
    Ok(())
}

fn resource(row: &Row, known: &Known<'_>, vault: Option<&Vault>, report: &mut Report) -> Result<()> {
    let (id, number, code) = (row.text(0)?, row.int(1)?, row.text(2)?);
    let place = format!("resources {id}");
    let right = known.dir.codes.code(row.text(3)?, number).ok();
    if right.as_deref() != Some(code) {
        let problem = format!("its code {code} is not that of its number and kind");
        report.found("codes", &place, problem, "restore a backup from before the damage");
    }
    // What the command line made, a demo for instance, has no author.
    if !row.text(4)?.is_empty() && !known.once(row.text(4)?) {
        let problem = format!("its author {} was never there", row.text(4)?);
        report.found("references", &place, problem, "restore a backup from before the damage");
    }
    if !row.text(5)?.is_empty() && !known.once(row.text(5)?) {
        let problem = format!("its owner {} was never there", row.text(5)?);
        report.found("references", &place, problem, "give it another owner");
    }
    let Some(vault) = vault else { return Ok(()) };
    match resources::closed_secrets(vault, row.text(7)?, row.text(8)?, id, row.text(6)?) {
        Ok(closed) => {
            for pointer in closed {
                let problem = format!("its secret at {pointer} does not open");
                report.found("secrets", &place, problem, "write that secret anew");
            }
        }
        Err(_) => report.found("secrets", &place, "its secrets cannot be read", "write them anew"),
    }
    Ok(())
}
