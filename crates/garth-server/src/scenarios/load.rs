//! Puts a scenario into an installation, noun by noun, through their front doors.

use crate::access::{App, Ctx, Who};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::base::{clock, ids};
use crate::grants::{self, Door};
use crate::resources::{self, BATCH, NewResource};
use crate::scenarios::file::{Group, Person, Resource, Scenario, Space};
use crate::spaces::{self, NewSpace};
use crate::{groups, kinds, policies, roles, sessions, users};
use futures_util::future::try_join_all;
use garth_core::KindIx;
use serde_json::Value;
use std::collections::BTreeMap;
use std::sync::Arc;

/// Puts a scenario into an installation. Everybody signs up with that password, so that it is
/// really theirs. The first scenario of an installation names the default space.
///
/// # Errors
/// When something in the file is refused, with its name; what came before it stays.
pub async fn load(app: &Arc<App>, scenario: &Scenario, password: &str) -> Result<()> {
    let ctx = Ctx::system(Arc::clone(app));
    try_join_all(scenario.people.iter().map(|person| sign_up(&ctx, person, password))).await?;
    try_join_all(scenario.groups.iter().map(|group| make_group(&ctx, group))).await?;
    // Once all are there: they name each other in any order.
    try_join_all(scenario.groups.iter().map(|group| fill_group(&ctx, group))).await?;
    // Roles and policies name the permissions of kinds.
    for kind in &scenario.kinds {
        kinds::create(&ctx, kind.clone()).await.map_err(about("kind", &kind.name))?;
    }
    for role in &scenario.roles {
        roles::create(&ctx, role.name.clone(), role.permissions.clone()).await.map_err(about("role", &role.name))?;
    }
    for named in &scenario.policies {
        let new = policies::NewPolicy {
            name: named.name.clone(),
            policy: named.policy.clone(),
            edit: Some(named.edit.clone()),
        };
        policies::create(&ctx, new).await.map_err(about("policy", &named.name))?;
    }
    let places = make_spaces(&ctx, &scenario.space).await?;
    make_resources(&ctx, &scenario.resources, &places).await?;
    // Last, because the disabled have made and own things as well.
    for person in scenario.people.iter().filter(|person| person.disabled) {
        let changes = users::Changes { disabled: Some(true), ..users::Changes::default() };
        let at = format!("@{}", person.username);
        users::update(&ctx, at, changes).await.map_err(about("person", &person.username))?;
    }
    Ok(())
}

async fn sign_up(ctx: &Ctx, person: &Person, password: &str) -> Result<()> {
    let new = users::NewUser {
        username: person.username.clone(),
        name: Some(person.name.clone()),
        email: person.email.clone(),
    };
    let refused = about("person", &person.username);
    let (user, token) = users::create(ctx, new).await.map_err(&refused)?;
    if person.system_admin {
        let changes = users::Changes { system_admin: Some(true), ..users::Changes::default() };
        users::update(ctx, user.id.to_string(), changes).await.map_err(&refused)?;
    }
    let session = sessions::sign_up(ctx, token, password.to_owned(), None).await.map_err(&refused)?;
    // Nobody will ever hold this session's token.
    let own = ctx.with_credential(Who::Session(ids::token_hash(&session.token)));
    sessions::sign_out(&own).await.map_err(&refused)
}

async fn make_group(ctx: &Ctx, group: &Group) -> Result<()> {
    groups::create(ctx, group.name.clone()).await.map(drop).map_err(about("group", &group.name))
}

async fn fill_group(ctx: &Ctx, group: &Group) -> Result<()> {
    for member in &group.members {
        let at = format!("@{}", group.name);
        groups::add_member(ctx, at, member.clone()).await.map_err(about("group", &group.name))?;
    }
    Ok(())
}

/// Makes the top-level space and all below it; answers the id of every path.
async fn make_spaces(ctx: &Ctx, top: &Space) -> Result<BTreeMap<String, String>> {
    let mut places: BTreeMap<String, String> = BTreeMap::new();
    for (path, space) in top.paths() {
        let first = ctx.directory().implicit();
        let new = NewSpace {
            name: space.name.clone(),
            parent: path.rsplit_once('/').and_then(|(above, _)| places.get(above).cloned()),
            description: space.description.clone(),
            view: space.view.clone(),
            edit: space.edit.clone(),
            inherits: space.inherits,
            labels: space.labels.clone(),
            sealed: space.sealed,
            admins: None,
        };
        let (made, _) = spaces::create(ctx, new).await.map_err(about("space", &path))?;
        let id = made.info.id.to_string();
        if first {
            close_default(ctx, &id, space).await.map_err(about("space", &path))?;
        }
        for grant in &space.grants {
            let place = format!("{path}: {} as {}", grant.principal, grant.role);
            let refused = about("grant", &place);
            let expires_at = grant.expires_at.as_deref().map(time).transpose().map_err(&refused)?;
            let new = grants::NewGrant { principal: grant.principal.clone(), role: grant.role.clone(), expires_at };
            grants::grant(ctx, Door::Registry, id.clone(), new).await.map_err(&refused)?;
        }
        places.insert(path, id);
    }
    Ok(places)
}

fn time(text: &str) -> Result<i64> {
    clock::from_text(text)
        .ok_or_else(|| Error::Malformed(format!("{text} is not a time, such as 2031-01-01T00:00:00Z")))
}

/// Takes away what the implicit default space gave to everyone, unless the file gives it.
async fn close_default(ctx: &Ctx, id: &str, space: &Space) -> Result<()> {
    if space.grants.iter().any(|grant| grant.principal == "group:everyone" && grant.role == "writer") {
        return Ok(());
    }
    let page = PageRequest::first(PAGE_MAX);
    for grant in grants::list(ctx, Door::Registry, id, &page).await?.items {
        if grant.principal == "group:everyone" {
            grants::revoke(ctx, Door::Registry, id.to_owned(), grant.id).await?;
        }
    }
    Ok(())
}

/// Those first that name no other; the rest name them by kind and name.
async fn make_resources(ctx: &Ctx, all: &[Resource], places: &BTreeMap<String, String>) -> Result<()> {
    let dir = ctx.directory();
    let named = |resource: &Resource| {
        let kind = dir.kinds.by_name::<KindIx>(&resource.kind).and_then(|kind| dir.kinds.info(kind));
        kind.map(|kind| resources::named(kind, &Value::Object(resource.body.clone()))).unwrap_or_default()
    };
    let (naming, first): (Vec<Resource>, Vec<Resource>) =
        all.iter().cloned().partition(|resource| !named(resource).is_empty());
    let mut made = BTreeMap::new();
    make_some(ctx, &first, places, &mut made).await?;
    let found = naming.into_iter().map(|mut resource| {
        let mut body = Value::Object(std::mem::take(&mut resource.body));
        for other in resources::named(dir.kinds.info(dir.kinds.by_name::<KindIx>(&resource.kind)?)?, &body) {
            if let (Some(place), Some(id)) = (body.pointer_mut(&other.place), made.get(&(other.kind, other.id))) {
                *place = Value::String(String::clone(id));
            }
        }
        if let Value::Object(body) = body {
            resource.body = body;
        }
        Some(resource)
    });
    let found: Vec<Resource> = found.flatten().collect();
    make_some(ctx, &found, places, &mut made).await
}

/// Makes resources, and tells the ids of those that are made by kind and name.
async fn make_some(
    ctx: &Ctx,
    all: &[Resource],
    places: &BTreeMap<String, String>,
    made: &mut BTreeMap<(String, String), String>,
) -> Result<()> {
    for batch in all.chunks(BATCH) {
        let new = batch.iter().map(|resource| new_resource(resource, places)).collect();
        let views = resources::create_all(ctx, new).await.map_err(|error| {
            // The pointer begins with the place in the batch; the name helps more.
            let at = match &error {
                Error::Invalid(fields) => {
                    fields.first().and_then(|f| f.pointer.split('/').find_map(|p| p.parse().ok()))
                }
                _ => None,
            };
            let named = at.and_then(|at: usize| batch.get(at)).map_or("one of a batch", |r| &r.name);
            about("resource", named)(error)
        })?;
        made.extend(views.into_iter().map(|view| ((view.kind, view.row.name), view.row.id)));
    }
    Ok(())
}

fn new_resource(resource: &Resource, places: &BTreeMap<String, String>) -> NewResource {
    NewResource {
        kind: resource.kind.clone(),
        space: places.get(&resource.space).cloned(),
        name: resource.name.clone(),
        body: Some(Value::Object(resource.body.clone())),
        labels: resource.labels.clone(),
        view: resource.view.clone(),
        edit: resource.edit.clone(),
        owner: resource.owner.clone(),
        subscribers: resource.subscribers.clone(),
        author: resource.author.clone(),
    }
}

/// Says what of the file was refused.
fn about(noun: &str, name: &str) -> impl Fn(Error) -> Error {
    let what = format!("{noun} {name}");
    move |error| match error {
        Error::Unavailable | Error::Internal(_) => error,
        Error::Invalid(fields) => {
            let fields: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
            Error::Malformed(format!("{what}: {}", fields.join("; ")))
        }
        other => Error::Malformed(format!("{what}: {other}")),
    }
}
