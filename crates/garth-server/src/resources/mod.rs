//! Resources: what lies in spaces. Each has an id and a code for ever, lies in exactly one
//! space, and is of one kind; space, kind and its two policies are its access class.

pub mod api;
mod asked;
pub mod attachments;
mod belongs;
pub(crate) mod body;
mod bound;
mod bulk;
pub mod copies;
mod edit;
mod list;
mod moving;
mod opened;
mod origin;
mod references;
pub mod requirements;
mod reseal;
pub mod shares;
mod store;
mod tested;
mod words;

pub use asked::{Found, Rows, about, follows, look_in_vain, needing, rows, target};
pub use body::{closed_secrets, is_marker, masked};
pub use bulk::{Draft, Drafts, Made, put_all};
pub use edit::{ResourcePatch, archive, delete, move_to, update};
pub use list::{Filter, abouts, everything, list, numbers, search, some};
pub use moving::{Moved, move_all};
pub(crate) use opened::{Opened, opened};
pub use references::{Named, Outward, inward, named, outward};
pub use requirements::{REQUIRED, REQUIRING};
pub use reseal::{After, reseal};
pub use store::{Asked, Stored};
pub(crate) use tested::opened_to_test;
pub use words::{Words, cut_waiting, keep_words};

use crate::access::{self, About, Ctx, Permit, Record, Viewer, Write, archived, facts, identity, named_space, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::{ids, text};
use crate::directory::policy::{self, All, Place, Sees};
use crate::directory::{BuiltIn, Directory, KindInfo};
use garth_core::{Action, Caller, Facts, KindIx, Micros, Permission, Principal, SpaceIx, Target};
use serde_json::{Value, json};
use std::sync::Arc;
use store::Name;
use uuid::Uuid;

/// Most resources of one batch (`API.md`, ground rules).
pub const BATCH: usize = 500;
/// Most subscribers of one resource.
pub const SUBSCRIBERS: usize = 500;

/// What somebody asks a new resource to be.
#[derive(Clone, Debug, Default)]
pub struct NewResource {
    /// The kind's name.
    pub kind: String,
    /// The id of its space; the caller's default without.
    pub space: Option<String>,
    /// 1–255 bytes.
    pub name: String,
    /// What the kind's schema says; `{}` without.
    pub body: Option<Value>,
    /// Free words.
    pub labels: Vec<String>,
    /// Its own view policy; the kind's without.
    pub view: Option<Value>,
    /// Its own edit policy; the kind's without.
    pub edit: Option<Value>,
    /// Who owns it; nobody without.
    pub owner: Option<String>,
    /// Who wants to know of it.
    pub subscribers: Vec<String>,
    /// Who made it: the command line may say, for everybody else it is the caller.
    pub author: Option<String>,
}

/// A resource as it is shown.
#[derive(Clone, Debug)]
pub struct ResourceView {
    /// What is stored.
    pub row: Stored,
    /// The kind's name.
    pub kind: String,
    /// The id of its space; `None` where it is seen through a share and that space is hidden.
    pub space: Option<Uuid>,
    /// Its body, secrets marked.
    pub body: Value,
    /// Its own view policy, if it has one.
    pub view: Option<Value>,
    /// Its own edit policy, if it has one.
    pub edit: Option<Value>,
}

impl ResourceView {
    /// What decisions ask about it, whoever asks.
    pub fn about(&self) -> About {
        self.row.about()
    }
}

impl Stored {
    /// What decisions ask about it, whoever asks.
    pub fn about(&self) -> About {
        About::Resource {
            id: self.id.clone(),
            class: self.class,
            author: self.author.clone(),
            owner: self.owner.clone(),
            subscribers: self.subscribers.clone(),
            needed: self.needed.clone(),
        }
    }
}

/// How a text names a resource: by id or by code. `code` is where the clean code is kept.
fn name_of<'a>(text: &'a str, code: &'a mut String) -> Option<Name<'a>> {
    if ids::read_id(text).is_some() {
        return Some(Name::Id(text));
    }
    *code = ids::read_code(text)?;
    Some(Name::Code(code))
}

/// What decisions ask about a row, for that caller.
pub fn target_of(dir: &Directory, caller: &Caller, row: &Stored, now: Micros) -> Target {
    let subscriber = identity(dir, caller).is_some_and(|me| row.subscribers.contains(&me));
    let barred = access::barred(dir, caller, &row.id, &row.needed, now);
    Target::Resource(row.class, Facts { barred, ..facts(dir, caller, &row.author, &row.owner, subscriber) })
}

/// A hidden or missing resource, as that caller is told of it.
fn missing(caller: &Caller) -> Error {
    if caller.who.is_none() && !caller.system { Error::Unauthenticated } else { Error::NotFound }
}

/// The resource as it is shown to whoever may see it.
///
/// # Errors
/// When what was stored is damaged.
fn view_of(dir: &Directory, caller: &Caller, row: Stored, now: Micros) -> Result<ResourceView> {
    seen_by(dir, caller, &Viewer::new(dir, caller, now), row, now)
}

/// The same for many of one caller, whose eyes are opened once.
fn seen_by(
    dir: &Directory,
    caller: &Caller,
    viewer: &Viewer<'_>,
    mut row: Stored,
    now: Micros,
) -> Result<ResourceView> {
    let gone = || Error::internal("a resource of a class that is gone");
    let class = dir.world.class(row.class).ok_or_else(gone)?;
    let info = dir.class_info(row.class).ok_or_else(gone)?;
    let decision = dir.world.decide(caller, target_of(dir, caller, &row, now), Action::Write, now);
    let shown = |policy: &Option<Value>| {
        policy.as_ref().map(|p| if decision.allowed() { p.clone() } else { access::redacted(dir, viewer, p) })
    };
    // A share shows the thing, not where it lies and whose it is there.
    let inside = decision.window.is_none() || viewer.space(class.space);
    if !inside {
        let seen = |text: &String| dir.principal(text).is_some_and(|person| viewer.principal(person));
        for person in [&mut row.author, &mut row.owner] {
            *person = Some(std::mem::take(person)).filter(seen).unwrap_or_default();
        }
        row.subscribers.retain(seen);
    }
    Ok(ResourceView {
        kind: dir.kinds.info(class.kind).map(|k| k.definition.name.clone()).unwrap_or_default(),
        space: dir.space_id(class.space).filter(|_| inside),
        body: body::shown(dir.kinds.info(class.kind).map(|k| &**k), &row.body, &row.secrets)?,
        view: shown(&info.view),
        edit: shown(&info.edit),
        row,
    })
}

/// One resource, by id or code.
///
/// # Errors
/// 404 when it is hidden or missing, 401 for anonymous callers.
pub async fn get(ctx: &Ctx, id: &str) -> Result<ResourceView> {
    let (dir, caller, row) = look(ctx, id).await?;
    view_of(&dir, &caller, row, ctx.now())
}

/// May the caller edit it, as it is?
///
/// # Errors
/// 401 when the credential is no good any more.
pub fn editable(ctx: &Ctx, view: &ResourceView) -> Result<bool> {
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let target = target_of(&dir, &caller, &view.row, ctx.now());
    Ok(dir.world.decide(&caller, target, Action::Write, ctx.now()).allowed())
}

/// Requires that the caller may do that to a resource, and tells which it is and where it lies; its row is as this change
/// finds it.
///
/// # Errors
/// 404, 403.
pub(crate) async fn may(w: &mut Write<'_>, id: &str, action: Action) -> Result<(Permit, Stored, SpaceIx)> {
    let edit::Placed { row, class, target, .. } = edit::find(w, id).await?;
    let permit = w.may(target, action)?;
    Ok((permit, row, class.space))
}

/// In which space a resource lies, as this change finds it; `None` when it is gone. Whether the caller may know of it is not
/// asked: they have shown a secret that speaks for it.
///
/// # Errors
/// When the store fails.
pub(crate) async fn lies_in(w: &mut Write<'_>, id: &str) -> Result<Option<SpaceIx>> {
    let mut code = String::new();
    let row = match name_of(id, &mut code) {
        Some(name) => store::get_in(w.tx(), &name).await?,
        None => None,
    };
    Ok(row.and_then(|row| w.dir().world.class(row.class).map(|class| class.space)))
}

/// The row of an id or code that the caller may look at, with the picture in which they may.
async fn look(ctx: &Ctx, id: &str) -> Result<(Arc<Directory>, Caller, Stored)> {
    let mut code = String::new();
    let row = match name_of(id, &mut code) {
        Some(name) => store::get(&ctx.app.db, &name).await?,
        None => None,
    };
    // The row first and the picture second: what was revoked before the answer is not shown.
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let row = row.ok_or_else(|| missing(&caller))?;
    access::check(&dir, &caller, target_of(&dir, &caller, &row, ctx.now()), Action::Read, ctx.now())?;
    Ok((dir, caller, row))
}

/// Makes a resource.
///
/// # Errors
/// 403 without `<kind>:write` there, 409 `archived` or `lockout`, 422.
pub async fn create(ctx: &Ctx, new: NewResource) -> Result<ResourceView> {
    write(ctx, "resource.create", async move |w: &mut Write<'_>| create_in(w, new).await).await
}

/// Makes up to 500 resources, all of them or none.
///
/// # Errors
/// As [`create`], with pointers into the list.
pub async fn create_all(ctx: &Ctx, list: Vec<NewResource>) -> Result<Vec<ResourceView>> {
    if list.is_empty() || list.len() > BATCH {
        return Err(Error::field("/resources", format!("must be 1 to {BATCH} resources")));
    }
    write(ctx, "resource.create", async move |w: &mut Write<'_>| {
        let mut made = Vec::with_capacity(list.len());
        for (at, new) in list.into_iter().enumerate() {
            made.push(within(&format!("/resources/{at}"), create_in(w, new).await)?);
        }
        Ok(made)
    })
    .await
}

/// The same result, with the pointers of an error below another.
fn within<T>(base: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Invalid(fields) => Error::Invalid(
            fields
                .into_iter()
                .map(|f| FieldError { pointer: format!("{base}{}", f.pointer), message: f.message })
                .collect(),
        ),
        other => other,
    })
}

/// Makes a resource within a change that something else began.
///
/// # Errors
/// As [`create`].
pub(crate) async fn create_in(w: &mut Write<'_>, new: NewResource) -> Result<ResourceView> {
    let kind =
        w.dir().kinds.by_name::<KindIx>(&new.kind).ok_or_else(|| Error::field("/kind", "is not a known kind"))?;
    let info = Arc::clone(w.dir().kinds.info(kind).ok_or_else(|| Error::field("/kind", "is not a known kind"))?);
    let space = match &new.space {
        Some(id) => named_space(w.dir(), &w.caller, "/space", id, w.now)?,
        None => usual_space(w)?,
    };
    let permit = may_put(w, kind, space)?;
    let name = text::name("/name", &new.name)?;
    let labels = text::labels("/labels", &new.labels)?;
    let owner = new.owner.as_deref().map(|text| person(w, "/owner", text)).transpose()?;
    let owner = belongs::made(w, &info, owner)?;
    let subscribers = people(w, "/subscribers", &new.subscribers)?;
    let author = author(w, new.author.as_deref())?;
    let view = new.view.as_ref().map(|p| own_policy(w, p, "/view")).transpose()?.unwrap_or_default();
    let edit = new.edit.as_ref().map(|p| own_policy(w, p, "/edit")).transpose()?.unwrap_or_default();
    let guarded = !(view.is_empty() && edit.is_empty());
    let class = w.class((space, kind, view, edit, String::new())).await?;
    let id = ids::new_id(w.now).to_string();
    let mut given = new.body.unwrap_or_else(|| json!({}));
    references::resolve(w, &info, space, &mut given).await?;
    let leaders = references::leaders(&info, &given);
    let requires = requirements::of(&info, &given);
    let stored = body::prepare(w, &permit, &info, &id, space, given, None).await?;
    let number = w.next_number();
    let mut row = Stored {
        code: w.dir().codes.code(&info.definition.prefix, number)?,
        id,
        class,
        name,
        body: stored.open,
        secrets: stored.sealed,
        author,
        owner,
        archived: false,
        version: 1,
        created_at: w.now,
        updated_at: w.now,
        labels,
        subscribers,
        requires,
        needed: Vec::new(),
    };
    store::insert(w, &permit, &row, number).await?;
    store::followers::put(w.tx(), &permit, &row.id, &leaders).await?;
    if !row.requires.is_empty() {
        requirements::keep(w, &permit, &mut row).await?;
    }
    if guarded || !row.requires.is_empty() {
        keep_access(w, &row)?;
    }
    record(w, space, &info, &row, Value::Null, state(w.dir(), &row)).await?;
    view_of(w.dir(), &w.caller, row, w.now)
}

/// May the caller put something of that kind there? The space is one they can see.
fn may_put(w: &mut Write<'_>, kind: KindIx, space: SpaceIx) -> Result<Permit> {
    let noun = w.dir().world.kind(kind).ok_or(Error::NotFound)?.noun;
    let permit = w.may(Target::Space(space), Action::Use(Permission::write(noun)))?;
    let kept = w.dir().kinds.info(kind).and_then(|info| info.built_in()).is_some_and(BuiltIn::is_kept_by_admins);
    if kept && !w.caller.system_admin {
        w.may(Target::Space(space), Action::Use(Permission::SPACE_ADMIN))?;
    }
    if archived(&w.dir().world, space) {
        return Err(Error::conflict("archived", "the space is archived: nothing can be put there"));
    }
    Ok(permit)
}

/// Where a resource goes when nobody says.
fn usual_space(w: &Write<'_>) -> Result<SpaceIx> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let found = access::usual_space(w.dir(), &viewer, &w.caller);
    found.ok_or_else(|| Error::field("/space", "there is no space that you could put this in"))
}

fn person(w: &Write<'_>, pointer: &str, text: &str) -> Result<String> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let unknown = || Error::field(pointer, "is not a user you can see");
    match w.dir().principal(text) {
        Some(Principal::User(user)) if viewer.user(user) && !w.dir().users.info(user).is_none_or(|u| u.deleted) => {
            Ok(w.dir().principal_text(Principal::User(user)))
        }
        _ => Err(unknown()),
    }
}

fn people(w: &Write<'_>, pointer: &str, texts: &[String]) -> Result<Vec<String>> {
    if texts.len() > SUBSCRIBERS {
        return Err(Error::field(pointer, format!("must be at most {SUBSCRIBERS}")));
    }
    let each = texts.iter().enumerate().map(|(at, text)| person(w, &format!("{pointer}/{at}"), text));
    let mut found = each.collect::<Result<Vec<_>>>()?;
    found.sort();
    found.dedup();
    Ok(found)
}

fn author(w: &Write<'_>, given: Option<&str>) -> Result<String> {
    match given {
        Some(text) => {
            w.system()?;
            person(w, "/author", text)
        }
        None => Ok(identity(w.dir(), &w.caller).unwrap_or_default()),
    }
}

/// A policy of the resource's own, as it is stored.
fn own_policy(w: &Write<'_>, value: &Value, pointer: &str) -> Result<String> {
    let viewer = Viewer::new(w.dir(), &w.caller, w.now);
    let sees: &dyn Sees = if w.caller.system { &All } else { &viewer };
    let read = policy::read(w.dir(), value, pointer, Place::Resource, sees);
    if read.errors.is_empty() { Ok(read.canonical.to_string()) } else { Err(Error::Invalid(read.errors)) }
}

/// Refuses what would leave the actor unable to see or edit the resource, judged as it is after the whole request.
fn keep_access(w: &Write<'_>, row: &Stored) -> Result<()> {
    let target = target_of(w.dir(), &w.caller, row, w.now);
    if w.dir().world.decide(&w.caller, target, Action::Write, w.now).allowed() {
        return Ok(());
    }
    Err(Error::conflict("lockout", "you would no longer be able to see and edit this"))
}

async fn record(
    w: &mut Write<'_>,
    space: SpaceIx,
    kind: &KindInfo,
    row: &Stored,
    before: Value,
    after: Value,
) -> Result<()> {
    let target_type = &kind.definition.name;
    w.record(Record { space: Some(space), target_type, target_id: row.id.clone(), before, after }).await
}

/// What an audit entry tells of a resource: everything but its secrets, of which it tells where they are.
fn state(dir: &Directory, row: &Stored) -> Value {
    let class = dir.world.class(row.class);
    let info = dir.class_info(row.class);
    let kind = class.and_then(|c| dir.kinds.info(c.kind)).map(|k| &**k);
    let mut state = json!({
        "code": row.code,
        "name": row.name,
        "space": class.and_then(|c| dir.space_id(c.space)),
        "body": body::shown(kind, &row.body, &row.secrets).unwrap_or(Value::Null),
        "labels": row.labels,
        "view": info.and_then(|i| i.view.clone()),
        "edit": info.and_then(|i| i.edit.clone()),
        "author": row.author,
        "owner": row.owner,
        "subscribers": row.subscribers,
        "archived": row.archived,
    });
    if let Some(info) = info.filter(|info| !info.windows.is_empty()) {
        state["shares"] = json!(info.windows);
    }
    state
}
