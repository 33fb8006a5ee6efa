//! What a login policy is told of somebody who is about to sign in: names and places, never a secret.

use crate::access::Ctx;
use crate::base::rego::Input;
use crate::directory::Directory;
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
    let one = |(_, info): (RoleIx, &Arc<crate::directory::RoleInfo>)| json!({ "id": info.id, "name": info.name, "slug": slug(&info.name) });
    dir.roles.iter::<RoleIx>().map(one).collect()
}

/// The short form of a role's name; the built-in roles have those of Spacelift.
pub fn slug(name: &str) -> String {
    if matches!(name, "reader" | "writer" | "admin") {
        return format!("space-{name}");
    }
    let mut slug = String::with_capacity(name.len());
    for c in name.chars().flat_map(char::to_lowercase) {
        if c.is_alphanumeric() {
            slug.push(c);
        } else if !slug.is_empty() && !slug.ends_with('-') {
            slug.push('-');
        }
    }
    slug.trim_end_matches('-').to_owned()
}

/// The role of a name, else of a slug. A slug that two roles have is neither's.
pub fn role_named(dir: &Directory, name: &str) -> Option<RoleIx> {
    if let Some(role) = dir.roles.by_name(name) {
        return Some(role);
    }
    let mut fitting = dir.roles.iter::<RoleIx>().filter(|(_, info)| slug(&info.name) == name).map(|(ix, _)| ix);
    fitting.next().filter(|_| fitting.next().is_none())
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

#[cfg(test)]
mod tests {
    use super::slug;

    #[test]
    fn slugs_are_plain() {
        for (name, expected) in [
            ("reader", "space-reader"),
            ("admin", "space-admin"),
            ("Senior Dev", "senior-dev"),
            ("  on--call / 2nd line ", "on-call-2nd-line"),
            ("Prüfer", "prüfer"),
        ] {
            assert_eq!(slug(name), expected);
        }
    }
}
