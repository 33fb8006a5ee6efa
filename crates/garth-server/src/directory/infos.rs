//! What the directory knows of each thing besides what decides: names, times, JSON as it was written.

use super::DefaultQuota;
use crate::base::rego;
use crate::base::words::Cutter;
use garth_core::{Brought, KeyIx, Micros, SpaceIx, UserIx};
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::atomic::{AtomicBool, AtomicI64, Ordering};
use std::sync::{Arc, OnceLock};
use utoipa::ToSchema;
use uuid::Uuid;

/// What is known of a space besides what decides.
#[derive(Clone, Debug)]
pub struct SpaceInfo {
    /// Its id, in every URL for ever.
    pub id: Uuid,
    /// Its name; empty for the default space until somebody names it.
    pub name: String,
    /// What it is for.
    pub description: String,
    /// Free words, sorted.
    pub labels: Vec<String>,
    /// Its view policy as JSON.
    pub view: Value,
    /// Its edit policy as JSON.
    pub edit: Value,
    /// Is it the default space?
    pub default: bool,
    /// The wrapped key that its secrets are sealed under.
    pub secret_key: String,
    /// Counts its changes.
    pub version: i64,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
    /// The words of its name and labels, from the first search on.
    pub found_by: OnceLock<String>,
}

impl SpaceInfo {
    /// What a search looks for words in: its name and its labels.
    pub fn words(&self) -> &str {
        self.found_by.get_or_init(|| {
            let mut cutter = Cutter::default();
            cutter.lines(std::iter::once(&self.name).chain(&self.labels).map(String::as_str))
        })
    }

    /// The words of its name alone.
    pub fn name_words(&self) -> String {
        Cutter::default().lines(std::iter::once(self.name.as_str()))
    }
}

/// What is known of a user besides what decides.
#[derive(Clone, Debug)]
pub struct UserInfo {
    /// The user's id.
    pub id: Uuid,
    /// The unique name they sign in with.
    pub username: String,
    /// What people call them.
    pub name: String,
    /// Where to write to them.
    pub email: Option<String>,
    /// The address that they have proved to read, as it is compared.
    pub verified_email: Option<String>,
    /// Cannot sign in.
    pub disabled: bool,
    /// The account is gone; the row stays so that what they made keeps an author.
    pub deleted: bool,
    /// The space they chose as their own default.
    pub default_space: Option<Uuid>,
    /// When the account was made.
    pub created_at: Micros,
}

/// What is known of a group.
#[derive(Clone, Debug)]
pub struct GroupInfo {
    /// The group's id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// When it was made.
    pub created_at: Micros,
}

/// What is known of a role.
#[derive(Clone, Debug)]
pub struct RoleInfo {
    /// The role's id; a built-in role's is the same in every installation.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// What policies call it: made of the name it was given first, unique, and kept when the name changes.
    pub slug: String,
    /// Its patterns as they were written.
    pub permissions: Vec<String>,
    /// When it was made.
    pub created_at: Micros,
}

/// A resource that holds roles of its own, for what acts on its behalf.
#[derive(Clone, Debug)]
pub struct ActorInfo {
    /// The resource's id.
    pub id: Uuid,
}

/// A kind as somebody defined it.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Definition {
    /// The unique name, lower case: the noun of its permissions.
    pub name: String,
    /// What several of them are called.
    #[serde(default)]
    pub plural: Option<String>,
    /// 1–8 capital letters that its codes begin with.
    pub prefix: String,
    /// The JSON Schema of its bodies.
    #[serde(default = "any_object")]
    #[schema(value_type = Object)]
    pub schema: Value,
    /// May its resources be attached to others and shared?
    #[serde(default)]
    pub shareable: bool,
    /// Fields that are written and never read back, by JSON pointer.
    #[serde(default)]
    pub secret_fields: Vec<String>,
    /// Fields whose words resources are found by, as by those of name and labels, by JSON pointer.
    #[serde(default)]
    pub search_fields: Vec<String>,
    /// Fields that name other resources.
    #[serde(default)]
    pub references: Vec<Reference>,
    /// View policy of resources without one of their own; holders of `<kind>:read` if null.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub default_view: Option<Value>,
    /// The same for editing; holders of `<kind>:write` if null.
    #[serde(default)]
    #[schema(value_type = Object)]
    pub default_edit: Option<Value>,
    /// What `author`, `owner` and `subscribers` may always do, the gate passed: `view`, `edit`.
    #[serde(default)]
    pub exceptions: std::collections::BTreeMap<String, Vec<String>>,
    /// Permissions of its own, `<kind>:<verb>`.
    #[serde(default)]
    pub permissions: Vec<String>,
}

/// A field that names another resource.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Reference {
    /// Where, by JSON pointer.
    pub pointer: String,
    /// Of what kind the other is.
    pub kind: String,
    /// `view`: whoever may not see the other may not see this one either.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub requires: Option<String>,
    /// This one goes along when the other moves.
    #[serde(default)]
    pub follows: bool,
}

fn any_object() -> Value {
    serde_json::json!({ "type": "object" })
}

/// What is known of a kind.
pub struct KindInfo {
    /// The kind's id.
    pub id: Uuid,
    /// How it was defined.
    pub definition: Definition,
    /// Its schema, ready to check bodies.
    pub validator: Option<jsonschema::Validator>,
    /// Deepest body that is checked by it; any depth without.
    pub body_depth: Option<usize>,
    /// Which cut of the words of its resources' bodies counts.
    pub search_cut: i64,
    /// Are the words of all its resources cut as they count?
    pub search_ready: bool,
    /// When it was made.
    pub created_at: Micros,
}

/// What is known of a named policy.
#[derive(Clone, Debug)]
pub struct PolicyInfo {
    /// The policy's id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// The policy as JSON.
    pub policy: Value,
    /// Who may change it, as JSON.
    pub edit: Value,
    /// Who may change it.
    pub editors: garth_core::Policy,
    /// When it was made.
    pub created_at: Micros,
}

/// What a class has in common as it is stored; of the policies `None` is the kind's default.
#[derive(Clone, Debug)]
pub struct ClassInfo {
    /// Its resources' own view policy.
    pub view: Option<Value>,
    /// Their own edit policy.
    pub edit: Option<Value>,
    /// The ids of the spaces they are shared to, in order; some of these may be gone.
    pub windows: Vec<String>,
}

/// Somebody signed in.
#[derive(Clone, Debug)]
pub struct Session {
    /// The session's id.
    pub id: Uuid,
    /// Whose it is.
    pub user: UserIx,
    /// When they signed in.
    pub created_at: Micros,
    /// From then on it is as if it were not there.
    pub expires_at: Micros,
    /// What they signed in with, as it calls itself.
    pub device: String,
    /// What it brings besides what is stored of its user: what the login policies gave.
    pub brought: Option<Arc<Brought>>,
    /// Their teams from then on, where the login policies or an identity provider said which.
    pub teams: Option<Vec<String>>,
    /// When it was used last.
    pub used: Arc<LastUse>,
}

/// How long a session lasts that nobody uses.
pub const SESSION_IDLE_SECONDS: i64 = 7 * 24 * 60 * 60;
/// A use is noted when the last one is so long ago, in microseconds: what lists show is as old as that at most.
const NOTED: Micros = 60 * 1_000_000;

impl Session {
    /// Has it neither ended nor been left alone for too long?
    pub fn good(&self, now: Micros) -> bool {
        let used = self.used.at().unwrap_or(self.created_at);
        now < self.expires_at && now - used < SESSION_IDLE_SECONDS * 1_000_000
    }

    /// Notes a use. Answers whether that has to be queued for writing.
    pub fn note(&self, now: Micros) -> bool {
        now - self.used.at().unwrap_or_default() >= NOTED && self.used.note(now)
    }
}

/// A login policy.
pub struct LoginPolicyInfo {
    /// The policy's id.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// Its text.
    pub rego: String,
    /// The version of the language it is written in.
    pub version: rego::Version,
    /// Is it asked at all?
    pub enabled: bool,
    /// Ready to be asked, from the first time on.
    pub ready: OnceLock<Arc<rego::Policy>>,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
}

/// Where the chain of an audit begins and ends.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct ChainEnd {
    /// The number of the first entry that is there.
    pub first_seq: i64,
    /// What binds it to those that retention took away, or to the beginning.
    pub first_mac: String,
    /// The number of the last entry.
    pub last_seq: i64,
    /// What the next entry is bound to.
    pub last_mac: String,
    /// Was it as this server had left it when it was read?
    pub whole: bool,
}

/// A credential of a space, for an application.
#[derive(Clone, Debug)]
pub struct KeyInfo {
    /// The key's id.
    pub id: Uuid,
    /// Its slot.
    pub ix: KeyIx,
    /// The space it belongs to.
    pub space: SpaceIx,
    /// The hash of its secret.
    pub hash: String,
    /// The hash of the secret before the last rotation, and when that one dies.
    pub old: Option<(String, Micros)>,
    /// From then on it opens nothing.
    pub expires_at: Option<Micros>,
    /// Opens nothing until it is rotated.
    pub disabled: bool,
    /// When it was used last.
    pub used: Arc<LastUse>,
}

impl KeyInfo {
    /// Is it neither expired nor disabled?
    pub fn good(&self, now: Micros) -> bool {
        !self.disabled && self.expires_at.is_none_or(|end| now < end)
    }

    /// When that secret, given by its hash, opens nothing any more; `None` when it has no end.
    pub fn ends(&self, hash: &str) -> Option<Micros> {
        let until = self.old.as_ref().filter(|(old, _)| hash != self.hash && hash == old).map(|(_, until)| *until);
        self.expires_at.into_iter().chain(until).min()
    }

    /// Is that the hash of a secret that has not been rotated out?
    pub fn fits(&self, hash: &str, now: Micros) -> bool {
        hash == self.hash || self.old.as_ref().is_some_and(|(old, until)| hash == old && now < *until)
    }
}

/// How exactly it is known when something was used last: a use within so many microseconds of the noted one is not
/// noted.
pub const LAST_USE: Micros = 60 * 1_000_000;

/// When something was used last, to [`LAST_USE`]: bookkeeping, which no decision reads. Every snapshot shares it.
#[derive(Debug)]
pub struct LastUse {
    at: AtomicI64,
    waits: AtomicBool,
}

impl LastUse {
    /// As it was written down; 0 is never.
    pub fn new(at: Micros) -> Self {
        Self { at: AtomicI64::new(at), waits: AtomicBool::new(false) }
    }

    /// The time of the last use, if there was one.
    pub fn at(&self) -> Option<Micros> {
        Some(self.at.load(Ordering::Relaxed)).filter(|at| *at > 0)
    }

    /// Notes a use, unless one was noted lately: what is used all the time costs a look and no write. Answers whether
    /// it is the first since [`LastUse::take`], and so has to be queued for writing.
    pub fn note(&self, now: Micros) -> bool {
        if self.at().is_some_and(|at| now - at < LAST_USE) {
            return false;
        }
        self.at.fetch_max(now, Ordering::Relaxed);
        self.wait()
    }

    /// Waits to be written. Answers whether it did not yet.
    pub fn wait(&self) -> bool {
        !self.waits.swap(true, Ordering::AcqRel)
    }

    /// The time to write down; a use from now on is queued anew.
    pub fn take(&self) -> Micros {
        self.waits.store(false, Ordering::Release);
        self.at.load(Ordering::Relaxed)
    }
}

/// Who may create spaces.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum CreateSpaces {
    /// System administrators only.
    #[default]
    SystemAdmins,
    /// They, and administrators of a space below it.
    SpaceAdmins,
    /// Anybody, who becomes the new space's administrator.
    Users,
}

/// What holds for the whole installation.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Settings {
    /// Does `public` include callers who are not signed in?
    #[serde(default)]
    pub public_access: bool,
    /// Who may create spaces.
    #[serde(default)]
    pub create_spaces: CreateSpaces,
    /// Days that audit entries are kept, 30 to 36,500; for ever if null.
    #[serde(default)]
    pub audit_days: Option<u32>,
    /// Are answers without the headers `RateLimit` and `RateLimit-Policy`, which are not a standard yet?
    #[serde(default)]
    pub omit_rate_limits: bool,
    /// The quotas that new spaces begin with; those that are there, and the first one, are not touched.
    #[serde(default)]
    pub default_quotas: Vec<DefaultQuota>,
    /// Does an account end when its person is taken out of, or leaves, the last space or group that gave them a role?
    #[serde(default)]
    pub delete_with_last_membership: bool,
    /// What of the installation's health is told to everybody who asks.
    #[serde(default)]
    pub public_health: PublicHealth,
    /// Whom this server writes to when something turns red.
    #[serde(default)]
    pub alerts: Alerts,
}

/// What of the installation's health is told to everybody who asks.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum PublicHealth {
    /// Nothing.
    Nothing,
    /// One colour for all of it.
    #[default]
    Colour,
    /// The colour, and how many jobs and delivery interfaces have which.
    Counts,
}

/// Whom this server writes to when something turns red, and how often.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct Alerts {
    /// E-mail addresses; without any nothing is sent.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Minutes from one look to the next, 1 to 1,440.
    #[serde(default = "Alerts::check")]
    pub check_minutes: u32,
    /// Minutes from one letter to the next at least, 5 to 10,080.
    #[serde(default = "Alerts::gap")]
    pub gap_minutes: u32,
}

impl Alerts {
    fn check() -> u32 {
        5
    }

    fn gap() -> u32 {
        60
    }
}

impl Default for Alerts {
    fn default() -> Self {
        Self { recipients: Vec::new(), check_minutes: Self::check(), gap_minutes: Self::gap() }
    }
}
