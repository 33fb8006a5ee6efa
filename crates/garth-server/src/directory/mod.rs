//! The in-memory picture that every decision reads: spaces, people, grants, roles, kinds,
//! policies, classes and sessions.
//!
//! A [`Directory`] is an immutable snapshot; [`load`] makes the first one from the database
//! and [`load::apply`] the next one from a [`Change`], by reading again what changed. The
//! server's own writes and (later) those of other nodes take that same way, so that the
//! picture can only ever show what the database holds.

pub mod load;
pub mod map;
pub mod policy;

use crate::base::error::{Error, Result};
use crate::base::ids::Codes;
use garth_core::{
    ClassIx, GroupIx, KindIx, Micros, Permission, PolicyIx, Principal, RoleIx, Shelf, SpaceIx, UserIx, Words, World,
};
use map::Map;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::sync::Arc;
use utoipa::ToSchema;
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
            Self::Settings => ("settings", String::new()),
        }
    }
}

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
    /// The role's id; a built-in role's is its name.
    pub id: Uuid,
    /// Its unique name.
    pub name: String,
    /// Its patterns as they were written.
    pub permissions: Vec<String>,
    /// When it was made.
    pub created_at: Micros,
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
    /// The other goes along when this one moves.
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

/// A class's policies as JSON; `None` is the kind's default.
#[derive(Clone, Debug)]
pub struct ClassInfo {
    /// Its resources' own view policy.
    pub view: Option<Value>,
    /// Their own edit policy.
    pub edit: Option<Value>,
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
}

/// Everything of one noun: ids and names to slots, slots to what is known.
pub struct Index<T> {
    by_id: Map<Uuid, u32>,
    by_name: Map<String, u32>,
    infos: Shelf<Arc<T>>,
    next: u32,
}

impl<T> Clone for Index<T> {
    fn clone(&self) -> Self {
        Self { by_id: self.by_id.clone(), by_name: self.by_name.clone(), infos: self.infos.clone(), next: self.next }
    }
}

impl<T> Default for Index<T> {
    fn default() -> Self {
        Self { by_id: Map::default(), by_name: Map::default(), infos: Shelf::default(), next: 0 }
    }
}

/// An index of the core, made of a slot.
pub trait Slot: Copy {
    /// The index of that slot.
    fn of(slot: u32) -> Self;
    /// The slot of that index.
    fn slot(self) -> u32;
}

macro_rules! slots {
    ($($name:ident),+) => {$(
        impl Slot for $name {
            fn of(slot: u32) -> Self {
                $name(slot)
            }

            fn slot(self) -> u32 {
                self.0
            }
        }
    )+};
}
slots!(SpaceIx, UserIx, GroupIx, RoleIx, KindIx, PolicyIx, ClassIx);

impl<T> Index<T> {
    /// The slot of an id.
    pub fn by_id<Ix: Slot>(&self, id: &Uuid) -> Option<Ix> {
        self.by_id.get(id).map(|slot| Ix::of(*slot))
    }

    /// The slot of a name.
    pub fn by_name<Ix: Slot>(&self, name: &str) -> Option<Ix> {
        self.by_name.get(name).map(|slot| Ix::of(*slot))
    }

    /// What is known of a slot.
    pub fn info(&self, ix: impl Slot) -> Option<&Arc<T>> {
        self.infos.get(ix.slot() as usize)
    }

    /// Everything that is known.
    pub fn iter<Ix: Slot>(&self) -> impl Iterator<Item = (Ix, &Arc<T>)> {
        self.infos.iter().map(|(slot, info)| (Ix::of(slot as u32), info))
    }

    /// The slot of an id, a new one when it was never met.
    fn place<Ix: Slot>(&mut self, id: Uuid) -> Ix {
        if let Some(slot) = self.by_id.get(&id) {
            return Ix::of(*slot);
        }
        let slot = self.next;
        self.next += 1;
        self.by_id.insert(id, slot);
        Ix::of(slot)
    }

    fn set(&mut self, ix: impl Slot, info: T) {
        self.infos.set(ix.slot() as usize, Arc::new(info));
    }

    fn name(&mut self, name: &str, ix: impl Slot) {
        self.by_name.insert(name.to_owned(), ix.slot());
    }

    fn unname(&mut self, name: &str, ix: impl Slot) {
        if self.by_name.get(name) == Some(&ix.slot()) {
            self.by_name.remove(name);
        }
    }

    /// Forgets an id for good; its slot is never used again.
    fn forget(&mut self, id: &Uuid, ix: impl Slot) -> Option<Arc<T>> {
        self.by_id.remove(id);
        self.infos.take(ix.slot() as usize)
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
    /// Settings of the installation.
    pub settings: Arc<Settings>,
    /// Makes codes.
    pub codes: Codes,
    /// Makes a cursor good for one caller and one query only.
    pub cursor_key: Arc<[u8; 32]>,
    /// The space of everything that was not put elsewhere.
    pub default_space: SpaceIx,
    /// Counts resources; the next one's number.
    pub next_number: i64,
    /// Counts changes; the last one written.
    pub last_change: i64,
    classes: Map<ClassKey, u32>,
    class_infos: Shelf<Arc<ClassInfo>>,
    next_class: u32,
    sessions: Map<String, Arc<Session>>,
    session_hashes: Map<Uuid, String>,
}

/// What makes two resources one class: place, kind, and both policies as stored ('' is the kind's).
pub type ClassKey = (SpaceIx, KindIx, String, String);

/// The names of the built-in roles, in the order of their slots.
pub const BUILT_IN_ROLES: [&str; 3] = ["reader", "writer", "admin"];

impl Directory {
    /// The space of an id in a path or a body.
    pub fn space_ref(&self, text: &str) -> Option<SpaceIx> {
        self.spaces.by_id(&Uuid::try_parse(text).ok()?)
    }

    /// The user of an id or `@username`.
    pub fn user_ref(&self, text: &str) -> Option<UserIx> {
        match text.strip_prefix('@') {
            Some(name) => self.users.by_name(&name.to_lowercase()),
            None => self.users.by_id(&Uuid::try_parse(text).ok()?),
        }
    }

    /// The group of an id or `@name`.
    pub fn group_ref(&self, text: &str) -> Option<GroupIx> {
        match text.strip_prefix('@') {
            Some(name) => self.groups.by_name(name),
            None => self.groups.by_id(&Uuid::try_parse(text).ok()?),
        }
    }

    /// The role of a name or an id.
    pub fn role_ref(&self, text: &str) -> Option<RoleIx> {
        self.roles.by_name(text).or_else(|| self.roles.by_id(&Uuid::try_parse(text).ok()?))
    }

    /// The kind of a name or an id.
    pub fn kind_ref(&self, text: &str) -> Option<KindIx> {
        self.kinds.by_name(text).or_else(|| self.kinds.by_id(&Uuid::try_parse(text).ok()?))
    }

    /// The named policy of an id or `@name`.
    pub fn policy_ref(&self, text: &str) -> Option<PolicyIx> {
        match text.strip_prefix('@') {
            Some(name) => self.policies.by_name(name),
            None => self.policies.by_id(&Uuid::try_parse(text).ok()?),
        }
    }

    /// The principal of `user:<id>`, `user:@username`, `group:<id>`, `group:@name` or `group:everyone`.
    pub fn principal(&self, text: &str) -> Option<Principal> {
        match text.split_once(':')? {
            ("user", id) => self.user_ref(id).map(Principal::User),
            ("group", "everyone" | "@everyone") => Some(Principal::Everyone),
            ("group", id) => self.group_ref(id).map(Principal::Group),
            _ => None,
        }
    }

    /// How a principal is written.
    pub fn principal_text(&self, principal: Principal) -> String {
        match principal {
            Principal::Everyone => "group:everyone".to_owned(),
            Principal::User(ix) => format!("user:{}", self.users.info(ix).map(|u| u.id).unwrap_or_default()),
            Principal::Group(ix) => format!("group:{}", self.groups.info(ix).map(|g| g.id).unwrap_or_default()),
            Principal::Key(ix) => format!("key:{}", ix.0),
            Principal::Resource(ix) => format!("resource:{}", ix.0),
        }
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

    /// The session of a token's hash, unless it has expired.
    pub fn session(&self, token_hash: &str, now: Micros) -> Option<&Arc<Session>> {
        self.sessions.get(token_hash).filter(|s| now < s.expires_at)
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
                    message: format!(
                        "is not a known permission; there are {}, and patterns such as task:* and *:read",
                        self.permissions().join(", ")
                    ),
                }),
            }
        }
        if wrong.is_empty() { Ok(patterns) } else { Err(Error::Invalid(wrong)) }
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
