//! The in-memory picture that every decision reads: spaces, people, grants, roles, kinds,
//! policies, classes and sessions.
//!
//! A [`Directory`] is an immutable snapshot; [`load`] makes the first one from the database
//! and [`load::apply`] the next one from a [`Change`], by reading again what changed. The
//! server's own writes and (later) those of other nodes take that same way, so that the
//! picture can only ever show what the database holds.

mod built_in;
mod index;
mod infos;
pub mod known;
pub mod load;
pub mod map;
pub mod policy;
mod quota;
pub mod schema;

pub use built_in::{
    BuiltIn, DIGEST_DAYS, INSTRUCTIONS, JOB_DELIVERIES, JOB_RECIPIENTS, KEEP_DAYS, RETRIES, THROTTLE_SECONDS,
};
pub use index::{Index, Slot};
pub use infos::{
    ActorInfo, Alerts, ChainEnd, ClassInfo, CreateSpaces, Definition, GroupInfo, KeyInfo, KindInfo, LastUse,
    LoginPolicyInfo, PolicyInfo, PublicHealth, Reference, RoleInfo, SESSION_IDLE_SECONDS, Session, Settings, SpaceInfo,
    UserInfo,
};
pub use quota::{API_DAILY, DefaultQuota, Quota, RESOURCES, Window, meter_of_kind, said};

use crate::base::error::{Error, Result};
use crate::base::ids::{self, Codes};
use crate::base::rego;
use crate::base::secrets::Vault;
use crate::base::text;
use garth_core::{
    Brought, Caller, ClassIx, GroupIx, KeyIx, KindIx, Micros, Permission, PolicyIx, Principal, ResourceIx, RoleIx,
    Shelf, SpaceIx, UserIx, Words, World,
};
use map::Map;
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

/// Something of the directory that changed; the id says which.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Change {
    /// A space: itself, its place, or its end.
    Space(Uuid),
    /// The grants of a space.
    Grants(Uuid),
    /// A user and the groups that name them.
    User(Uuid),
    /// A group and the groups that name it.
    Group(Uuid),
    /// A role.
    Role(Uuid),
    /// A kind.
    Kind(Uuid),
    /// A named policy.
    Policy(Uuid),
    /// An access class.
    Class(u32),
    /// A session.
    Session(Uuid),
    /// Which sessions there are: many of them ended at once.
    Sessions,
    /// The login policies.
    LoginPolicies,
    /// An API key.
    Key(Uuid),
    /// The quotas of a space.
    Quotas(Uuid),
    /// The installation's settings.
    Settings,
}

impl Change {
    /// The noun and the id, as the change log writes them.
    pub fn parts(&self) -> (&'static str, String) {
        match self {
            Self::Space(id) => ("space", id.to_string()),
            Self::Grants(id) => ("grants", id.to_string()),
            Self::User(id) => ("user", id.to_string()),
            Self::Group(id) => ("group", id.to_string()),
            Self::Role(id) => ("role", id.to_string()),
            Self::Kind(id) => ("kind", id.to_string()),
            Self::Policy(id) => ("policy", id.to_string()),
            Self::Class(id) => ("class", id.to_string()),
            Self::Session(id) => ("session", id.to_string()),
            Self::Key(id) => ("key", id.to_string()),
            Self::Quotas(id) => ("quotas", id.to_string()),
            Self::Sessions => ("sessions", String::new()),
            Self::LoginPolicies => ("login policies", String::new()),
            Self::Settings => ("settings", String::new()),
        }
    }
}

/// The whole picture.
#[derive(Clone)]
pub struct Directory {
    /// What decides.
    pub world: World,
    /// Spaces; they have no unique names.
    pub spaces: Index<SpaceInfo>,
    /// Users, by their username in lower case.
    pub users: Index<UserInfo>,
    /// Groups.
    pub groups: Index<GroupInfo>,
    /// Roles; the built-in ones first.
    pub roles: Index<RoleInfo>,
    /// Kinds.
    pub kinds: Index<KindInfo>,
    /// Named policies.
    pub policies: Index<PolicyInfo>,
    /// API keys; they have no unique names.
    pub keys: Index<KeyInfo>,
    /// Resources that grants name; they have no unique names.
    pub actors: Index<ActorInfo>,
    /// The quotas of each space that has any, by meter.
    pub quotas: Map<SpaceIx, Arc<Vec<Quota>>>,
    /// Settings of the installation.
    pub settings: Arc<Settings>,
    /// The login policies, by name.
    pub login_policies: Arc<Vec<Arc<LoginPolicyInfo>>>,
    /// The last change of what every login policy is told: the policies themselves, spaces, roles.
    pub login_basis: i64,
    /// What every login policy is told of spaces and roles, from the first sign-in after a change of them on.
    pub login_told: Arc<OnceLock<rego::Input>>,
    /// Makes codes.
    pub codes: Codes,
    /// Makes a cursor good for one caller and one query only.
    pub cursor_key: Arc<[u8; 32]>,
    /// The installation's key, by which the keys of these spaces open; a picture for looking only has none that opens.
    pub vault: Vault,
    /// The space of everything that was not put elsewhere.
    pub default_space: SpaceIx,
    /// Counts resources; the next one's number.
    pub next_number: i64,
    /// Counts changes; the last one written.
    pub last_change: i64,
    /// Resources that were changed since the last commit was published.
    pub changed: known::Changed,
    /// The ends of those chains of the audit that were written to since the start; the writer alone looks here.
    pub chains: Map<String, Arc<ChainEnd>>,
    classes: Map<ClassKey, u32>,
    class_infos: Shelf<Arc<ClassInfo>>,
    next_class: u32,
    sessions: Map<String, Arc<Session>>,
    session_hashes: Map<Uuid, String>,
    /// Of each user the sessions that bring something.
    bringing: Map<u32, Arc<Vec<Arc<Session>>>>,
    key_hashes: Map<String, KeyIx>,
}

/// What makes two resources one class: place, kind, both policies as stored ('' is the kind's), and where they are
/// shared to ([`windows_text`]).
pub type ClassKey = (SpaceIx, KindIx, String, String, String);

/// The spaces that a class is shared to, as they are stored: a JSON list of ids in order, each once; '' for none.
pub fn windows_text(mut spaces: Vec<String>) -> String {
    spaces.sort_unstable();
    spaces.dedup();
    if spaces.is_empty() { String::new() } else { serde_json::json!(spaces).to_string() }
}

/// Known permissions that one refusal lists, in bytes; of more, the number is told.
const LISTED_BYTES: usize = 1_000;

/// The names of the built-in roles, in the order of their slots.
pub const BUILT_IN_ROLES: [&str; 3] = ["reader", "writer", "admin"];

impl Directory {
    /// The space of an id in a path or a body.
    pub fn space_ref(&self, text: &str) -> Option<SpaceIx> {
        self.spaces.by_id(&ids::read_id(text)?)
    }

    /// The user of an id or `@username`.
    pub fn user_ref(&self, text: &str) -> Option<UserIx> {
        match text.strip_prefix('@') {
            Some(name) => self.users.by_name(&text::folded(name)),
            None => self.users.by_id(&ids::read_id(text)?),
        }
    }

    /// The group of an id or `@name`.
    pub fn group_ref(&self, text: &str) -> Option<GroupIx> {
        match text.strip_prefix('@') {
            Some(name) => self.groups.by_name(&text::composed(name)),
            None => self.groups.by_id(&ids::read_id(text)?),
        }
    }

    /// The role of a name or an id.
    pub fn role_ref(&self, text: &str) -> Option<RoleIx> {
        self.roles.by_name(&text::composed(text)).or_else(|| self.roles.by_id(&ids::read_id(text)?))
    }

    /// The kind of a name or an id.
    pub fn kind_ref(&self, text: &str) -> Option<KindIx> {
        self.kinds.by_name(&text::composed(text)).or_else(|| self.kinds.by_id(&ids::read_id(text)?))
    }

    /// The named policy of an id or `@name`.
    pub fn policy_ref(&self, text: &str) -> Option<PolicyIx> {
        match text.strip_prefix('@') {
            Some(name) => self.policies.by_name(&text::composed(name)),
            None => self.policies.by_id(&ids::read_id(text)?),
        }
    }

    /// The principal of `user:<id>`, `user:@username`, `group:<id>`, `group:@name`, `group:everyone`, `key:<id>` or
    /// `resource:<id>`; of resources, only those that hold a grant are principals.
    pub fn principal(&self, text: &str) -> Option<Principal> {
        match text.split_once(':')? {
            ("user", id) => self.user_ref(id).map(Principal::User),
            ("group", "everyone" | "@everyone") => Some(Principal::Everyone),
            ("group", id) => self.group_ref(id).map(Principal::Group),
            ("key", id) => self.keys.by_id(&ids::read_id(id)?).map(Principal::Key),
            ("resource", id) => self.actors.by_id(&ids::read_id(id)?).map(Principal::Resource),
            _ => None,
        }
    }

    /// How a principal is written.
    pub fn principal_text(&self, principal: Principal) -> String {
        match principal {
            Principal::Everyone => "group:everyone".to_owned(),
            Principal::User(ix) => format!("user:{}", self.users.info(ix).map(|u| u.id).unwrap_or_default()),
            Principal::Group(ix) => format!("group:{}", self.groups.info(ix).map(|g| g.id).unwrap_or_default()),
            Principal::Key(ix) => format!("key:{}", self.keys.info(ix).map(|k| k.id).unwrap_or_default()),
            Principal::Resource(ix) => format!("resource:{}", self.actors.info(ix).map(|a| a.id).unwrap_or_default()),
        }
    }

    /// The slot of a resource that is to hold a grant, a new one where it holds none yet.
    pub fn actor(&mut self, id: Uuid) -> ResourceIx {
        let ix = self.actors.place(id);
        if self.actors.info(ix).is_none() {
            self.actors.set(ix, ActorInfo { id });
        }
        ix
    }

    /// The permission of a name, `task:write`, if there is one.
    pub fn permission(&self, name: &str) -> Option<Permission> {
        let (noun, verb) = name.split_once(':')?;
        let permission = Permission { noun: self.world.words.get(noun)?, verb: self.world.words.get(verb)? };
        self.verbs(noun).iter().any(|v| v == verb).then_some(permission)
    }

    /// What can be done to a noun: a kind's own verbs and the common ones, or the system's.
    pub fn verbs(&self, noun: &str) -> Vec<String> {
        let own = |list: &[&str]| list.iter().map(|v| (*v).to_owned()).collect();
        match noun {
            "space" => own(&["admin"]),
            "meter" => own(&["consume"]),
            "decision" => own(&["ask"]),
            kind => match self.kinds.by_name::<KindIx>(kind).and_then(|ix| self.kinds.info(ix)) {
                Some(kind) => {
                    let mut verbs: Vec<String> = own(&["read", "write", "share"]);
                    verbs.extend(
                        kind.definition.permissions.iter().filter_map(|p| Some(p.split_once(':')?.1.to_owned())),
                    );
                    verbs
                }
                None => Vec::new(),
            },
        }
    }

    /// Every permission there is, in order.
    pub fn permissions(&self) -> Vec<String> {
        let mut nouns: Vec<String> = ["space", "meter", "decision"].map(str::to_owned).to_vec();
        nouns.extend(self.kinds.iter::<KindIx>().map(|(_, k)| k.definition.name.clone()));
        let mut all: Vec<String> =
            nouns.iter().flat_map(|noun| self.verbs(noun).into_iter().map(move |v| format!("{noun}:{v}"))).collect();
        all.sort();
        all.dedup();
        all
    }

    /// Must something else be seen before resources of that kind?
    pub fn requires(&self, kind: KindIx) -> bool {
        self.kinds.info(kind).is_some_and(|kind| kind.definition.references.iter().any(|r| r.requires.is_some()))
    }

    /// The same of a class.
    pub fn class_requires(&self, class: ClassIx) -> bool {
        self.world.class(class).is_some_and(|class| self.requires(class.kind))
    }

    /// The kinds of what must be seen before something else, each once.
    pub fn required_kinds(&self) -> Vec<KindIx> {
        let references = self.kinds.iter::<KindIx>().flat_map(|(_, kind)| &kind.definition.references);
        let required = references.filter(|reference| reference.requires.is_some());
        let mut kinds: Vec<KindIx> = required.filter_map(|reference| self.kinds.by_name(&reference.kind)).collect();
        kinds.sort_unstable();
        kinds.dedup();
        kinds
    }

    /// A role's name.
    pub fn role_name(&self, role: RoleIx) -> &str {
        self.roles.info(role).map_or("?", |r| &r.name)
    }

    /// The id of a space.
    pub fn space_id(&self, space: SpaceIx) -> Option<Uuid> {
        self.spaces.info(space).map(|s| s.id)
    }

    /// The class of that key, if a resource ever had it.
    pub fn class(&self, key: &ClassKey) -> Option<ClassIx> {
        self.classes.get(key).map(|id| ClassIx(*id))
    }

    /// The number the next new class gets.
    pub fn next_class(&self) -> u32 {
        self.next_class
    }

    /// A class's policies as JSON.
    pub fn class_info(&self, class: ClassIx) -> Option<&Arc<ClassInfo>> {
        self.class_infos.get(class.slot())
    }

    /// The session of a token's hash, unless it has expired or was left alone for too long.
    pub fn session(&self, token_hash: &str, now: Micros) -> Option<&Arc<Session>> {
        self.sessions.get(token_hash).filter(|session| session.good(now))
    }

    /// The session of an id.
    pub fn session_with(&self, id: &str) -> Option<&Arc<Session>> {
        self.sessions.get(self.session_hashes.get(&ids::read_id(id)?)?)
    }

    /// What the sessions of a user bring together, of those that have not expired.
    pub fn brought_by(&self, user: UserIx, now: Micros) -> Option<Arc<Brought>> {
        let sessions = self.bringing.get(&user.0)?;
        let mut good = sessions.iter().filter(|session| session.good(now)).filter_map(|s| s.brought.as_ref());
        let first = good.next()?;
        let more: Vec<&Arc<Brought>> = good.collect();
        if more.is_empty() {
            return Some(Arc::clone(first));
        }
        Some(Arc::new(Brought::all_of(std::iter::once(first).chain(more).map(Arc::as_ref))))
    }

    /// The users with sessions that bring something, each with what these bring together.
    pub fn all_brought(&self, now: Micros) -> impl Iterator<Item = (UserIx, Arc<Brought>)> + '_ {
        let users = self.bringing.values().filter_map(|sessions| sessions.first()).map(|session| session.user);
        users.filter_map(move |user| Some((user, self.brought_by(user, now)?)))
    }

    /// The caller that a user is by all their sessions together: for what others may know of them.
    pub fn as_seen(&self, user: UserIx, now: Micros) -> Option<Caller> {
        let caller = Caller::user(&self.world, user)?;
        let brought = self.brought_by(user, now);
        Some(caller.with(brought.as_ref()))
    }

    /// The key of a secret's hash, unless that secret was rotated out.
    pub fn key(&self, secret_hash: &str, now: Micros) -> Option<&Arc<KeyInfo>> {
        let key = self.keys.info(*self.key_hashes.get(secret_hash)?)?;
        Some(key).filter(|key| key.fits(secret_hash, now))
    }

    /// The same picture with other wrapped keys of a space: nothing that decides has changed.
    pub fn rekeyed(&mut self, space: SpaceIx, secret_key: String) {
        if let Some(info) = self.spaces.info(space) {
            let info = SpaceInfo { secret_key, ..SpaceInfo::clone(info) };
            self.spaces.set(space, info);
        }
    }

    /// Do answers tell what is left of a rate, by headers that are not a standard yet?
    pub fn tells_rates(&self) -> bool {
        !self.settings.omit_rate_limits
    }

    /// What limits a meter in a space, if something does.
    pub fn quota(&self, space: SpaceIx, meter: &str) -> Option<&Quota> {
        self.quotas.get(&space)?.iter().find(|quota| quota.meter == meter)
    }

    /// Is the default space still without a name, the feature unused?
    pub fn implicit(&self) -> bool {
        self.spaces.info(self.default_space).is_none_or(|s| s.name.is_empty())
    }

    /// Reads the patterns of a role: `task:*`, `*:read`, `*`.
    ///
    /// # Errors
    /// 422 at each that names nothing, listing what there is.
    pub fn patterns(&self, pointer: &str, texts: &[String]) -> Result<Vec<garth_core::Pattern>> {
        let mut wrong = Vec::new();
        let mut patterns = Vec::new();
        for (at, text) in texts.iter().enumerate() {
            match self.pattern(text) {
                Some(pattern) => patterns.push(pattern),
                None => wrong.push(crate::base::error::FieldError {
                    pointer: format!("{pointer}/{at}"),
                    message: format!("is not a known permission; {}", self.instead_of(text)),
                }),
            }
        }
        if wrong.is_empty() { Ok(patterns) } else { Err(Error::Invalid(wrong)) }
    }

    /// What could be meant instead: the permissions of that noun, if it is one, else some of all.
    fn instead_of(&self, text: &str) -> String {
        let noun = text.split_once(':').map_or("", |(noun, _)| noun);
        let of_noun: Vec<String> = self.verbs(noun).into_iter().map(|verb| format!("{noun}:{verb}")).collect();
        let all = if of_noun.is_empty() { self.permissions() } else { of_noun };
        let mut length = 0;
        let fits = |name: &&String| {
            length += name.len() + 2;
            length <= LISTED_BYTES
        };
        let listed: Vec<&str> = all.iter().take_while(fits).map(String::as_str).collect();
        let more = match all.len() - listed.len() {
            0 => String::new(),
            more => format!(" and {more} more (GET /api/v1/permissions lists them)"),
        };
        format!("there are {}{more}, and patterns such as task:* and *:read", listed.join(", "))
    }

    fn pattern(&self, text: &str) -> Option<garth_core::Pattern> {
        let (noun, verb) = text.split_once(':')?;
        let known = match (noun, verb) {
            ("*", "*") => true,
            ("*", verb) => {
                self.permissions().iter().any(|p| p.split_once(':').is_some_and(|(_, v)| v == verb))
                    || matches!(verb, "read" | "write" | "share")
            }
            (noun, "*") => !self.verbs(noun).is_empty(),
            _ => self.permission(text).is_some(),
        };
        let word = |w: &str| if w == "*" { Some(None) } else { self.world.words.get(w).map(Some) };
        known.then_some(())?;
        Some(garth_core::Pattern { noun: word(noun)?, verb: word(verb)? })
    }

    /// The words that permissions are spelled in.
    pub fn words(&self) -> &Words {
        &self.world.words
    }
}
