//! Spaces: enclosed places in a forest. One is the default, there from the start and unnamed
//! until somebody makes the first space.

pub mod api;
mod around;
mod edit;
mod end;
mod forest;
mod keys;
mod open;
mod quotas;
mod store;
mod unlock;

pub use around::{Around, Beside, around, usual};
pub use edit::{SpacePatch, archive, secret_key, update, update_in};
pub use end::{Gone, delete};
pub use forest::{Branch, Forest, Glade, Ground, NAMED, forest, ground, ground_for, may_change, may_make};
pub use keys::{begin_exchange, end_exchange, rewrap};
pub use open::{Open, open};
pub use unlock::{Unlocked, unlock};

use crate::access::{
    self, Ctx, InCharge, Permit, Record, Viewer, Write, archived, identity, in_charge, path, redacted, registered,
    role_names, visible_space, write,
};
use crate::base::error::{Error, Result};
use crate::base::http::{Page, PageRequest};
use crate::base::{ids, text, words};
use crate::directory::policy::{self, All, Place, Sees};
use crate::directory::{Change, CreateSpaces, Directory, SpaceInfo};
use crate::grants;
use garth_core::{Action, Caller, MAX_SPACE_DEPTH, Micros, Permission, Policy, Principal, SpaceIx, Target, World};
use serde_json::{Value, json};
use std::sync::Arc;
use uuid::Uuid;

/// What somebody asks a new space to be.
#[derive(Clone, Debug, Default)]
pub struct NewSpace {
    /// 1–255 bytes; need not be unique.
    pub name: String,
    /// The id of the space to lie under; a root without.
    pub parent: Option<String>,
    /// What it is for.
    pub description: String,
    /// The gate; `"members"` without.
    pub view: Option<Value>,
    /// Who may change the space; holders of `space:admin` without.
    pub edit: Option<Value>,
    /// Use the parent's shareable resources.
    pub inherits: bool,
    /// Free words.
    pub labels: Vec<String>,
    /// Keep system administrators out for good.
    pub sealed: bool,
    /// Who administers it; the creator without.
    pub admins: Option<Vec<String>>,
}

/// A space as one caller sees it.
#[derive(Clone, Debug)]
pub struct SpaceView {
    /// What is known of it.
    pub info: Arc<SpaceInfo>,
    /// The visible names from its root to it, joined by `/`.
    pub path: String,
    /// The space it lies under, if the caller can see that one.
    pub parent: Option<Uuid>,
    /// Its view policy, without the people and groups the caller cannot see.
    pub view: Value,
    /// Its edit policy, likewise.
    pub edit: Value,
    /// Uses the parent's shareable resources.
    pub inherits: bool,
    /// Is it, or something above it, archived?
    pub archived: bool,
    /// Keeps system administrators out.
    pub sealed: bool,
    /// The strongest built-in role held, else the first custom one.
    pub role: Option<String>,
    /// Every role held.
    pub roles: Vec<String>,
    /// Every permission held.
    pub permissions: Vec<String>,
}

/// The space as the caller sees it.
pub fn view_of(dir: &Directory, caller: &Caller, viewer: &Viewer<'_>, ix: SpaceIx, now: Micros) -> Option<SpaceView> {
    let info = dir.spaces.info(ix)?;
    let space = dir.world.space(ix)?;
    let decision = dir.world.decide(caller, Target::Space(ix), Action::Write, now);
    let shown = |policy: &Value| if decision.allowed() { policy.clone() } else { redacted(dir, viewer, policy) };
    let (role, roles) = role_names(dir, &decision.standing.roles);
    let held = |name: &String| dir.permission(name).is_some_and(|p| dir.world.roles_allow(&decision.standing.roles, p));
    Some(SpaceView {
        path: path(dir, viewer, ix),
        parent: space.parent.filter(|p| viewer.space(*p)).and_then(|p| dir.space_id(p)),
        view: shown(&info.view),
        edit: shown(&info.edit),
        inherits: space.inherits,
        archived: archived(&dir.world, ix),
        sealed: space.sealed,
        role,
        roles,
        permissions: dir.permissions().into_iter().filter(held).collect(),
        info: Arc::clone(info),
    })
}

/// One space.
///
/// # Errors
/// 404 when it is hidden or missing, 401 for anonymous callers.
pub fn get(ctx: &Ctx, id: &str) -> Result<SpaceView> {
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let ix = visible_space(&dir, &caller, id, ctx.now())?;
    let viewer = Viewer::new(&dir, &caller, ctx.now());
    view_of(&dir, &caller, &viewer, ix, ctx.now()).ok_or(Error::NotFound)
}

/// Which spaces are wanted.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// Archived ones, too.
    pub archived: bool,
    /// Directly below that space.
    pub parent: Option<String>,
    /// With all of these labels.
    pub labels: Vec<String>,
    /// At that path.
    pub path: Option<String>,
    /// With these words in name or labels (`docs/search.md`).
    pub q: Option<String>,
}

/// The spaces the caller can see, by name.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub fn list(ctx: &Ctx, filter: &Filter, page: &PageRequest) -> Result<Page<SpaceView>> {
    let dir = ctx.directory();
    let now = ctx.now();
    let caller = ctx.reader(&dir)?;
    let viewer = Viewer::new(&dir, &caller, now);
    let parent = filter.parent.as_deref().map(|id| dir.space_ref(id).filter(|p| viewer.space(*p)));
    let sought = filter.q.as_deref().map(words::sought).transpose()?.unwrap_or_default();
    // What is asked costs least first: of a space's children only these are looked at.
    let seen = dir.spaces.iter::<SpaceIx>().filter(|(ix, info)| {
        parent.is_none_or(|p| p.is_some() && dir.world.space(*ix).and_then(|s| s.parent) == p)
            && viewer.space(*ix)
            && (filter.archived || filter.path.is_some() || !archived(&dir.world, *ix))
            && filter.labels.iter().all(|label| info.labels.contains(label))
            && sought.iter().all(|part| part.stands_in(info.words()))
            && filter.path.as_ref().is_none_or(|at| at.ends_with(&info.name) && path(&dir, &viewer, *ix) == *at)
    });
    let query = format!("spaces {filter:?}");
    let page = access::page_of(&dir, &caller, &query, page, seen, |(_, info)| (info.name.clone(), info.id))?;
    let items = page.items.iter().filter_map(|(ix, _)| view_of(&dir, &caller, &viewer, *ix, now)).collect();
    Ok(Page { items, next: page.next })
}

/// Makes a space; the first one of an installation names the default space instead.
/// The answer's second part holds warnings for the creator.
///
/// # Errors
/// 403 for whoever may not create spaces there, 409 `lockout` or `archived`, 422.
pub async fn create(ctx: &Ctx, new: NewSpace) -> Result<(SpaceView, Vec<String>)> {
    write(ctx, "space.create", async move |w: &mut Write<'_>| {
        if w.dir().implicit() {
            return name_default(w, new).await;
        }
        let (permit, parent) = may_create(w, &new)?;
        let plan = Plan::read(w, &new, new.sealed)?;
        let space = ids::new_id(w.now);
        let key = w.dir().vault.new_space_key(&space.to_string())?;
        let parent_id = parent.and_then(|p| w.dir().space_id(p));
        let row = store::Row {
            parent: parent_id,
            inherits: new.inherits,
            sealed: new.sealed,
            secret_key: key,
            ..plan.row(space, w.now)
        };
        store::insert(w.tx(), &permit, &row).await?;
        w.changed(Change::Space(space)).await?;
        let ix = w.dir().spaces.by_id(&space).ok_or_else(|| Error::internal("a space went missing"))?;
        appoint(w, &permit, ix, &new).await?;
        let made = finish(w, ix, Value::Null, &new, parent).await?;
        quotas::begin(w, &permit, ix).await?;
        Ok(made)
    })
    .await
}

/// The first space: the default space gets its name and its administrators.
///
/// # Errors
/// 403 for all but system administrators, 422.
pub async fn name_default(w: &mut Write<'_>, new: NewSpace) -> Result<(SpaceView, Vec<String>)> {
    let permit = w.system_admin()?;
    if new.parent.is_some() {
        return Err(Error::field("/parent", "is not a space you can see"));
    }
    if new.inherits || new.sealed {
        let pointer = if new.sealed { "/sealed" } else { "/inherits" };
        return Err(Error::field(pointer, "does not fit the first space, which everything is in"));
    }
    let plan = Plan::read(w, &new, false)?;
    let ix = w.dir().default_space;
    let space = w.dir().space_id(ix).ok_or_else(|| Error::internal("no default space"))?;
    let key = w.dir().vault.new_space_key(&space.to_string())?;
    let row = store::Row { secret_key: key, ..plan.row(space, w.now) };
    store::name_default(w.tx(), &permit, &row).await?;
    w.changed(Change::Space(space)).await?;
    appoint(w, &permit, ix, &new).await?;
    finish(w, ix, Value::Null, &new, None).await
}

/// What a new or changed space is to be, read and found good.
struct Plan {
    name: String,
    description: String,
    labels: Vec<String>,
    view: Value,
    edit: Value,
}

impl Plan {
    fn read(w: &Write<'_>, new: &NewSpace, sealed: bool) -> Result<Self> {
        let view = new.view.clone().unwrap_or_else(|| json!("members"));
        let edit = new.edit.clone().unwrap_or_else(|| json!({ "permission": "space:admin" }));
        Ok(Self {
            name: text::name("/name", &new.name)?,
            description: text::description("/description", &new.description)?,
            labels: text::labels("/labels", &new.labels)?,
            view: read_policy(w, &view, "/view", Place::Gate, sealed)?,
            edit: read_policy(w, &edit, "/edit", Place::SpaceEdit, sealed)?,
        })
    }

    fn row(self, id: Uuid, now: Micros) -> store::Row {
        store::Row {
            id,
            name: self.name,
            description: self.description,
            labels: json!(self.labels).to_string(),
            view: self.view.to_string(),
            edit: self.edit.to_string(),
            parent: None,
            inherits: false,
            sealed: false,
            secret_key: String::new(),
            now,
        }
    }
}

/// Reads a policy of a space as the caller may write it.
fn read_policy(w: &Write<'_>, value: &Value, pointer: &str, place: Place, sealed: bool) -> Result<Value> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let sees: &dyn Sees = if w.caller.system { &All } else { &viewer };
    let read = policy::read(w.dir(), value, pointer, place, sees);
    if !read.errors.is_empty() {
        return Err(Error::Invalid(read.errors));
    }
    if sealed && !fits_sealed(&read.policy) {
        return Err(Error::field(pointer, SEALED));
    }
    Ok(read.canonical)
}

const SEALED: &str = "a sealed space is opened by members, users by name and permissions only, so that nothing a system administrator edits can open it";

/// A sealed space is opened by nothing that a system administrator could edit.
fn fits_sealed(policy: &Policy) -> bool {
    match policy {
        Policy::Members | Policy::Nobody | Policy::Permission(_) | Policy::These(_) => true,
        Policy::Rules(rules, default) => {
            *default == garth_core::Effect::Deny
                && rules.iter().all(|r| matches!(&r.who, garth_core::Who::Policy(inner) if fits_sealed(inner)))
        }
        _ => false,
    }
}

/// May the caller create that space? Answers the parent, if there is to be one.
fn may_create(w: &mut Write<'_>, new: &NewSpace) -> Result<(Permit, Option<SpaceIx>)> {
    let Some(id) = &new.parent else {
        if new.inherits {
            return Err(Error::field("/inherits", "a root has no parent to inherit from"));
        }
        return Ok((may_create_roots(w)?, None));
    };
    let system = w.caller.system || w.caller.system_admin;
    let setting = w.dir().settings.create_spaces;
    let known = w.dir().space_ref(id).filter(|ix| {
        let sealed = w.dir().world.space(*ix).is_some_and(|s| s.sealed);
        // System administrators know every space that is not sealed by its registry entry.
        (system && !sealed) || Viewer::new(w.dir(), &w.caller, w.now).space(*ix)
    });
    let parent = known.ok_or_else(|| Error::field("/parent", "is not a space you can see"))?;
    let permit = match setting {
        _ if system && !new.inherits => w.system_admin()?,
        CreateSpaces::SystemAdmins if !system => w.system_admin()?,
        _ => w.may(Target::Space(parent), Action::Use(Permission::SPACE_ADMIN))?,
    };
    if new.inherits {
        // It makes readers of the parent, the creator first.
        grants::may_give(w, parent, World::READER)?;
    }
    if archived(&w.dir().world, parent) {
        return Err(Error::conflict("archived", "the parent is archived"));
    }
    if w.dir().world.ancestry(parent).len() >= MAX_SPACE_DEPTH {
        return Err(Error::field("/parent", format!("spaces may be {MAX_SPACE_DEPTH} deep, a root being 1")));
    }
    Ok((permit, Some(parent)))
}

/// May the caller create spaces that lie under no other?
fn may_create_roots(w: &Write<'_>) -> Result<Permit> {
    match w.dir().settings.create_spaces {
        CreateSpaces::Users if !w.caller.system => w.own().map(|(permit, _)| permit),
        _ => w.system_admin(),
    }
}

/// Gives the new space its administrators: those named, else its creator.
async fn appoint(w: &mut Write<'_>, permit: &Permit, space: SpaceIx, new: &NewSpace) -> Result<()> {
    let principals = match &new.admins {
        Some(named) => {
            let mut found = Vec::new();
            for (at, text) in named.iter().enumerate() {
                let pointer = format!("/admins/{at}");
                let admin = grants::nameable(w.dir(), &w.caller, &pointer, text, w.now, w.caller.system_admin)?;
                grants::reaches(w.dir(), &pointer, space, admin)?;
                found.push(admin);
            }
            found
        }
        None => w.caller.who.into_iter().collect(),
    };
    let sealed = w.dir().world.space(space).is_some_and(|s| s.sealed);
    if sealed && principals.iter().any(|p| !matches!(p, Principal::User(_))) {
        return Err(Error::field("/admins", "a sealed space takes grants to users and keys only"));
    }
    for principal in principals {
        grants::put(w, permit, space, principal, World::ADMIN, None, "direct").await?;
    }
    Ok(())
}

async fn finish(
    w: &mut Write<'_>,
    ix: SpaceIx,
    before: Value,
    new: &NewSpace,
    parent: Option<SpaceIx>,
) -> Result<(SpaceView, Vec<String>)> {
    // An empty list names nobody, and a space that nobody can see or edit is nobody's.
    let others_named = new.admins.as_ref().filter(|named| !named.is_empty()).is_some_and(|named| {
        let me = identity(w.dir(), &w.caller);
        !named.iter().any(|text| w.dir().principal(text).map(|p| w.dir().principal_text(p)) == me)
    });
    if !others_named {
        keep_access(w, ix)?;
    }
    let (after, id) = (state(w.dir(), ix), w.dir().space_id(ix).unwrap_or_default().to_string());
    w.record(Record {
        space: Some(ix),
        target_type: "space",
        target_id: id.clone(),
        before: before.clone(),
        after: after.clone(),
    })
    .await?;
    if !new.sealed {
        let after = json!({ "name": after["name"] });
        w.record(Record { space: None, target_type: "space", target_id: id, before, after }).await?;
    }
    if new.inherits {
        edit::record_heir(w, ix, parent, true).await?;
    }
    let mut warnings = Vec::new();
    if let Some(parent) = parent {
        let everyone = w.dir().world.standing(&Caller::everyone(), parent, w.now);
        if !everyone.roles.is_empty() {
            warnings.push(
                "everyone who is signed in holds a role in the parent; roles flow down, so they hold it here, too"
                    .to_owned(),
            );
        }
    }
    Ok((shown(w, ix)?, warnings))
}

/// The space as the writer sees it; one who locked themselves out on purpose sees what they made.
fn shown(w: &Write<'_>, ix: SpaceIx) -> Result<SpaceView> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    view_of(w.dir(), &w.caller, &viewer, ix, w.now).ok_or(Error::NotFound)
}

/// Refuses what would leave the actor unable to see or edit the space.
fn keep_access(w: &Write<'_>, ix: SpaceIx) -> Result<()> {
    if w.dir().world.decide(&w.caller, Target::Space(ix), Action::Write, w.now).allowed() {
        return Ok(());
    }
    Err(Error::conflict("lockout", "you would no longer be able to see and edit this space"))
}

/// What an audit entry tells of a space.
fn state(dir: &Directory, ix: SpaceIx) -> Value {
    let (Some(info), Some(space)) = (dir.spaces.info(ix), dir.world.space(ix)) else { return Value::Null };
    json!({
        "name": info.name,
        "description": info.description,
        "parent": space.parent.and_then(|p| dir.space_id(p)),
        "view": info.view,
        "edit": info.edit,
        "inherits": space.inherits,
        "sealed": space.sealed,
        "archived": space.archived,
        "labels": info.labels,
    })
}

/// A space as the registry of system administrators shows it: never its contents.
#[derive(Clone, Debug)]
pub struct Entry {
    /// What is known of it.
    pub info: Arc<SpaceInfo>,
    /// The names from its root to it; sealed ones cut it.
    pub path: String,
    /// What it lies under, unless that is sealed.
    pub parent: Option<Uuid>,
    /// Is it, or something above it, archived?
    pub archived: bool,
    /// Who is in charge of it.
    pub in_charge: InCharge,
}

/// Every space that is not sealed, by name; those only of which that is in charge and with these words in the name,
/// if it is said.
///
/// # Errors
/// 401 or 403 for all but system administrators; 422 for words that nothing can be found by.
pub fn registry(ctx: &Ctx, page: &PageRequest, wanted: Option<InCharge>, q: Option<&str>) -> Result<Page<Entry>> {
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    let sought = q.map(words::sought).transpose()?.unwrap_or_default();
    let fits = |ix| wanted.is_none_or(|wanted| in_charge(&dir.world, ix) == wanted);
    // What else it is found by is inside.
    let stands = |lines: &str| sought.iter().all(|part| part.stands_in(lines));
    let found = |info: &SpaceInfo| sought.is_empty() || (stands(info.words()) && stands(&info.name_words()));
    let open = dir.spaces.iter::<SpaceIx>();
    let open = open.filter(|(ix, info)| registered(&dir, &caller, *ix) && found(info) && fits(*ix));
    let query = format!("registry {} {}", wanted.map_or("", InCharge::text), q.unwrap_or_default());
    let page = access::page_of(&dir, &caller, &query, page, open, |(_, info)| (info.name.clone(), info.id))?;
    Ok(page.map(|(ix, info)| entry(&dir, &caller, ix, info)))
}

/// One entry of the registry.
///
/// # Errors
/// 401 or 403 for all but system administrators, 404 for a sealed or missing space.
pub fn registry_entry(ctx: &Ctx, id: &str) -> Result<Entry> {
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    let ix = dir.space_ref(id).filter(|ix| registered(&dir, &caller, *ix)).ok_or(Error::NotFound)?;
    let info = dir.spaces.info(ix).ok_or(Error::NotFound)?;
    Ok(entry(&dir, &caller, ix, info))
}

fn entry(dir: &Directory, caller: &Caller, ix: SpaceIx, info: &Arc<SpaceInfo>) -> Entry {
    let chain = dir.world.ancestry(ix);
    let open: Vec<SpaceIx> = chain.iter().copied().take_while(|a| registered(dir, caller, *a)).collect();
    let mut names: Vec<&str> = open.iter().filter_map(|a| dir.spaces.info(*a)).map(|s| s.name.as_str()).collect();
    names.reverse();
    Entry {
        info: Arc::clone(info),
        path: names.join("/"),
        parent: open.get(1).and_then(|p| dir.space_id(*p)),
        archived: archived(&dir.world, ix),
        in_charge: in_charge(&dir.world, ix),
    }
}
