//! What people, groups, keys and resources are called on a page, for somebody who may know of them.

use super::seat::Seat;
use crate::access::Viewer;
use crate::audit::Entry;
use crate::base::error::Result;
use crate::directory::Directory;
use crate::directory::policy::Sees;
use garth_core::{Caller, Micros, Principal};
use serde_json::Value;

/// Somebody who reads names.
pub struct Names<'a> {
    dir: &'a Directory,
    viewer: Viewer<'a>,
    /// The thing that a page is about, and its name: the reader sees it.
    own: Option<(String, &'a str)>,
}

impl<'a> Names<'a> {
    pub fn new(dir: &'a Directory, caller: &'a Caller, now: Micros) -> Self {
        Self { dir, viewer: Viewer::new(dir, caller, now), own: None }
    }

    /// The same on a page about that resource.
    pub fn on(self, id: &str, name: &'a str) -> Self {
        Self { own: Some((format!("resource:{id}"), name)), ..self }
    }

    /// What a principal is called; whom the reader may not know of is somebody.
    pub fn of(&self, principal: &str) -> String {
        match principal {
            "system" => return "The command line".to_owned(),
            "anonymous" => return "Somebody not signed in".to_owned(),
            "" => return "nobody".to_owned(),
            _ => {}
        }
        if let Some((_, name)) = self.own.as_ref().filter(|(own, _)| own == principal) {
            return (*name).to_owned();
        }
        let Some(found) = self.dir.principal(principal).filter(|found| self.viewer.principal(*found)) else {
            return match principal.split(':').next() {
                Some("key") => "An API key",
                Some("resource") => "A resource",
                Some("group") => "A group",
                _ => "Somebody",
            }
            .to_owned();
        };
        match found {
            Principal::Everyone => "everyone".to_owned(),
            Principal::User(user) => match self.dir.users.info(user) {
                Some(info) => info.called().to_owned(),
                None => "Somebody".to_owned(),
            },
            Principal::Group(group) => self.dir.groups.info(group).map(|g| g.name.clone()).unwrap_or_default(),
            Principal::Key(_) => "An API key".to_owned(),
            Principal::Resource(_) => "A resource".to_owned(),
        }
    }

    /// What an entry of the audit was about, of what was written down of it; a meter is called by its id.
    pub fn target(&self, entry: &Entry, before: &Value, after: &Value) -> String {
        if entry.target_type == "meter" {
            return entry.target_id.clone();
        }
        let state = if after.is_object() { after } else { before };
        let text = |field: &str| state[field].as_str();
        let holder = || text("principal").map(|principal| self.of(principal));
        // Of an account often no more is written down than which it is.
        let account = || (entry.target_type == "user").then(|| self.of(&format!("user:{}", entry.target_id)));
        let name = text("name").or(text("username")).or(text("to")).map(str::to_owned);
        let name = name.or_else(holder).or_else(account);
        match (name, text("role")) {
            (Some(name), Some(role)) => format!("{name}, {role}"),
            (name, _) => name.unwrap_or_default(),
        }
    }
}

/// What was done, in words; how a page says `grant.create`. A change that came with another has words of its own.
pub fn deed<'a>(action: &'a str, target_type: &str) -> &'a str {
    if target_type == "grant" && matches!(action, "key.create" | "space.create") {
        return "gave a role to";
    }
    DEEDS.iter().chain(&OF_SYSTEM).find(|(code, _)| *code == action).map_or(action, |(_, words)| words)
}

/// What is done in spaces, as the audit calls it and as a page says it.
pub const DEEDS: [(&str, &str); 40] = [
    ("ai_provider.test", "tested"),
    ("attachment.create", "attached something to"),
    ("attachment.delete", "detached something from"),
    ("delivery.snooze", "put off letters of"),
    ("delivery.subscribe", "takes letters again of"),
    ("delivery.test", "tested"),
    ("delivery.unsubscribe", "takes no more letters of"),
    ("grant.create", "gave a role to"),
    ("grant.delete", "took the role from"),
    ("grant.update", "changed the role of"),
    ("inbound_address.create", "made a mail address"),
    ("inbound_address.delete", "took away a mail address"),
    ("invitation.accept", "accepted an invitation"),
    ("invitation.create", "invited"),
    ("invitation.delete", "took back the invitation of"),
    ("job.finish", "finished a run of"),
    ("job.resume", "resumed"),
    ("job.run", "ran"),
    ("key.create", "made the API key"),
    ("key.delete", "revoked the API key"),
    ("key.rotate", "exchanged the secret of"),
    ("key.update", "changed the API key"),
    ("member.remove", "removed"),
    ("member.update", "changed the role of"),
    ("quota.delete", "removed a limit"),
    ("quota.set", "set a limit"),
    ("resource.activate", "took back"),
    ("resource.archive", "archived"),
    ("resource.copy", "copied"),
    ("resource.create", "made"),
    ("resource.delete", "deleted"),
    ("resource.move", "moved"),
    ("resource.share", "shared"),
    ("resource.unshare", "stopped sharing"),
    ("resource.update", "changed"),
    ("run.delete", "deleted a run of"),
    ("space.create", "made the space"),
    ("space.leave", "left"),
    ("space.archive", "archived the space"),
    ("space.update", "changed the space"),
];

/// What is done to the installation, likewise.
pub const OF_SYSTEM: [(&str, &str); 42] = [
    ("backup.make", "made, or failed to make, a scheduled backup of"),
    ("group.create", "made the group"),
    ("group.delete", "deleted the group"),
    ("group.member.add", "put somebody into a group"),
    ("group.member.remove", "took somebody out of a group"),
    ("group.update", "changed the group"),
    ("identity.link", "linked an identity"),
    ("identity.sign_in", "signed in by a provider"),
    ("identity.unlink", "unlinked an identity"),
    ("identity_provider.create", "made the identity provider"),
    ("identity_provider.delete", "deleted the identity provider"),
    ("identity_provider.update", "changed the identity provider"),
    ("installation.restore", "restored a backup"),
    ("installation.rotate_key", "exchanged the installation's key"),
    ("kind.create", "made the kind"),
    ("kind.delete", "deleted the kind"),
    ("kind.update", "changed the kind"),
    ("login", "signed in as"),
    ("login_policy.create", "made the login policy"),
    ("login_policy.delete", "deleted the login policy"),
    ("login_policy.update", "changed the login policy"),
    ("me.password", "changed their password"),
    ("me.recovery_codes", "renewed their recovery codes"),
    ("me.second_factor", "changed how they sign in"),
    ("me.update", "changed their account"),
    ("observer_key.create", "made the observer key"),
    ("observer_key.delete", "revoked the observer key"),
    ("passkey.create", "added the passkey"),
    ("passkey.delete", "removed the passkey"),
    ("policy.create", "made the policy"),
    ("policy.delete", "deleted the policy"),
    ("policy.update", "changed the policy"),
    ("role.create", "made the role"),
    ("role.delete", "deleted the role"),
    ("role.update", "changed the role"),
    ("settings.update", "changed the settings"),
    ("setup", "began the installation as"),
    ("signup", "chose the password of"),
    ("space.unlock", "unlocked the space"),
    ("user.create", "made the account"),
    ("user.end_sessions", "ended the sessions of"),
    ("user.update", "changed the account"),
];

/// What a principal is called by the one who looks, to be told of them; also when they are gone.
///
/// # Errors
/// 401.
pub fn called(seat: &Seat, principal: &str) -> Result<String> {
    let dir = seat.ctx.directory();
    let caller = seat.ctx.caller(&dir)?;
    Ok(Names::new(&dir, &caller, seat.ctx.now()).of(principal))
}
