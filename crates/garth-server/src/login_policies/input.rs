//! What a login policy is told of somebody who is about to sign in: names and places, never a secret.

use crate::access::Ctx;
use crate::base::rego::Input;
use crate::directory::{Directory, RoleInfo};
use garth_core::{Caller, RoleIx, SpaceIx, UserIx};
use serde_json::{Value, json};
use std::collections::BTreeSet;
use std::sync::Arc;

/// The names of a user's groups (those that contain these, too) and the teams that an identity provider told, each once.
pub fn teams_of(dir: &Directory, user: UserIx, told: &[String]) -> Vec<String> {
    let groups = Caller::user(&dir.world, user).map(|caller| caller.groups).unwrap_or_default();
    let own = groups.iter().filter_map(|group| dir.groups.info(*group)).map(|group| group.name.clone());
    let all: BTreeSet<String> = own.chain(told.iter().cloned()).collect();
    all.into_iter().collect()
}

/// Every space that is not sealed, as policies are told of it.
fn spaces(dir: &Directory) -> Value {
    let open = |ix: &SpaceIx| dir.world.space(*ix).is_some_and(|space| !space.sealed);
    let spaces = dir.spaces.iter::<SpaceIx>().filter(|(ix, _)| open(ix));
    let one = |info: &crate::directory::SpaceInfo| json!({ "id": info.id, "name": info.name, "labels": info.labels });
    spaces.map(|(_, info)| one(info)).collect()
}

fn roles(dir: &Directory) -> Value {
    let one = |(_, role): (RoleIx, &Arc<RoleInfo>)| json!({ "id": role.id, "name": role.name, "slug": slug(role) });
    dir.roles.iter::<RoleIx>().map(one).collect()
}

/// What policies call a role besides its name; the built-in ones as Spacelift does.
fn slug(role: &RoleInfo) -> String {
    let built_in = matches!(role.name.as_str(), "reader" | "writer" | "admin");
    if built_in { format!("space-{}", role.name) } else { role.slug.clone() }
}

/// The role of a name, else of a slug.
pub fn role_named(dir: &Directory, name: &str) -> Option<RoleIx> {
    let by_slug = || dir.roles.iter::<RoleIx>().find(|(_, role)| slug(role) == name).map(|(ix, _)| ix);
    dir.roles.by_name(name).or_else(by_slug)
}

/// Who asks to come in, and from where.
fn session(ctx: &Ctx, dir: &Directory, user: UserIx, teams: &[String]) -> (Value, Value) {
    let address = ctx.address.map(|address| address.to_canonical().to_string()).unwrap_or_default();
    let info = dir.users.info(user);
    let system_admin = dir.world.user(user).is_some_and(|user| user.system_admin);
    let request = json!({ "remote_ip": address, "timestamp_ns": ctx.now().saturating_mul(1_000) });
    let session = json!({
        "login": info.map_or("", |info| &info.username),
        "name": info.map_or("", |info| &info.name),
        "member": true,
        "teams": teams,
        "admin": system_admin,
        "machine": false,
        "creator_ip": address,
        "account_name": "",
    });
    (request, session)
}

/// The input; what is the same for everybody is made once for a picture.
pub fn input(ctx: &Ctx, dir: &Directory, user: UserIx, teams: &[String]) -> Input {
    let (request, session) = session(ctx, dir, user, teams);
    let told = dir
        .login_told
        .get_or_init(|| Input::object([("spaces", Input::of(&spaces(dir))), ("roles", Input::of(&roles(dir)))]));
    told.with("request", &Input::of(&request)).with("session", &Input::of(&session))
}

/// The same as JSON, for a sample.
pub fn input_json(ctx: &Ctx, dir: &Directory, user: UserIx, teams: &[String]) -> Value {
    let (request, session) = session(ctx, dir, user, teams);
    json!({ "request": request, "session": session, "spaces": spaces(dir), "roles": roles(dir) })
}
