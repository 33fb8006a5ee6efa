//! How each route is asked: one entry a route. The parts of a path are filled by their names, the parameters of a query
//! are those that the OpenAPI document tells of ([`parameter`] knows a value for each); only a body has to be written
//! down. A route, parameter or field without an entry fails `every_route_has_its_requests`, which names it.

use super::dice::{Dice, LABELS, NAMES, USERNAMES};
use serde_json::{Value, json};

type Body = fn(&mut Dice) -> Value;

/// How a route is asked.
pub struct Entry {
    /// As `GET /api/v1/spaces/{id}`.
    pub route: &'static str,
    /// How often, beside the others.
    pub weight: u64,
    pub body: Option<Body>,
    /// Never in earnest: what it does would end the story, or order among what it makes is chance.
    pub dry_only: bool,
}

fn ask(route: &'static str, weight: u64) -> Entry {
    Entry { route, weight, body: None, dry_only: false }
}

fn tell(route: &'static str, weight: u64, body: Body) -> Entry {
    Entry { route, weight, body: Some(body), dry_only: false }
}

fn dry(entry: Entry) -> Entry {
    Entry { dry_only: true, ..entry }
}

fn nothing(_: &mut Dice) -> Value {
    json!({})
}

/// Every route.
pub fn entries() -> Vec<Entry> {
    let mut all = machines();
    all.extend(questions());
    all.extend(browsers());
    all.extend(pages());
    all.extend(people());
    all.extend(system_pages());
    all.extend(account());
    all.extend(administration());
    all.extend(spaces());
    all.extend(resources());
    all
}

fn machines() -> Vec<Entry> {
    vec![
        ask("GET /healthz", 1),
        ask("GET /readyz", 1),
        ask("GET /metrics", 1),
        ask("GET /api/v1/health", 6),
        ask("GET /api/v1/openapi.json", 1),
        ask("GET /.well-known/authzen-configuration", 1),
        ask("GET /api/v1/setup", 1),
        tell("POST /api/v1/setup", 1, |d| {
            json!({"token": "x", "username": d.one(&USERNAMES), "password": "correct horse battery", "name": d.name(),
                   "email": "x@example.org", "space": d.name()})
        }),
        tell(
            "POST /api/v1/signup",
            1,
            |d| json!({"token": "x", "password": "correct horse battery", "name": d.name()}),
        ),
        tell("POST /api/v1/login", 3, |d| {
            let username = d.one(&USERNAMES);
            // The right one for those who everybody knows are there.
            let right = matches!(username, "kim" | "bo") && d.chance(60);
            let password = if right { format!("correct horse battery {username}") } else { "guess".to_owned() };
            json!({"username": username, "password": password})
        }),
        tell("POST /api/v1/login/passkey/begin", 1, |d| match d.below(2) {
            0 => json!({}),
            _ => json!({"username": d.one(&USERNAMES), "password": "guess"}),
        }),
        tell("POST /api/v1/login/passkey/finish", 1, |_| json!({"ceremony": "pk_x", "credential": {}})),
        tell("POST /api/v1/recover", 1, |d| {
            json!({"username": d.one(&USERNAMES), "recovery_code": "00000-00000-00000-00000",
                   "new_password": "another correct horse battery"})
        }),
    ]
}

/// What browsers ask; no provider is there.
fn browsers() -> Vec<Entry> {
    vec![
        ask("GET /", 8),
        ask("GET /sign-in", 1),
        tell(
            "POST /sign-in",
            1,
            |d| json!({"username": d.one(&USERNAMES), "password": "guess", "return": d.one(&["/", "//x", "/y"])}),
        ),
        tell(
            "POST /sign-in/passkey",
            1,
            |d| json!({"ceremony": "pk_x", "credential": "{}", "return": d.one(&["/", "//x", "/y"])}),
        ),
        ask("GET /invitation", 1),
        tell("POST /invitation", 1, |_| json!({"token": "x"})),
        ask("GET /signup", 1),
        tell("POST /signup", 1, |d| json!({"token": "x", "password": "correct horse battery", "name": d.name()})),
        ask("GET /assets/{name}", 1),
        ask("GET /mail/{token}", 1),
        tell("POST /mail/{token}/snooze", 1, |_| json!({"minutes": 60})),
        tell("POST /mail/{token}/unsubscribe", 1, nothing),
        tell("POST /mail/{token}/subscribe", 1, nothing),
        ask("GET /auth/oidc/{slug}/start", 1),
        ask("GET /auth/oidc/{slug}/callback", 1),
        tell("POST /auth/oidc/{slug}/link", 1, nothing),
        tell("POST /auth/oidc/{slug}/backchannel-logout", 1, |_| json!({"logout_token": "x"})),
        dry(tell("POST /auth/logout", 1, nothing)),
        ask("GET /api/v1/sign-in-options", 1),
        ask("GET /api/v1/me/identities", 2),
        ask("DELETE /api/v1/me/identities/{id}", 1),
        ask("GET /api/v1/identity-providers", 1),
        tell("POST /api/v1/identity-providers", 1, provider),
        ask("GET /api/v1/identity-providers/{id}", 1),
        tell("PATCH /api/v1/identity-providers/{id}", 1, |d| {
            let mut body = provider(d);
            for field in ["slug", "issuer"] {
                body.as_object_mut().expect("an object").remove(field);
            }
            body
        }),
        ask("DELETE /api/v1/identity-providers/{id}", 1),
        tell("POST /api/v1/identity-providers/{id}/test", 1, nothing),
    ]
}

/// The pages inside, and what their forms send.
fn pages() -> Vec<Entry> {
    vec![
        ask("GET /spaces", 12),
        tell("POST /theme", 1, |d| json!({"theme": d.one(&["light", "dark", "x"]), "return": d.one(&["/", "//x"])})),
        ask("GET /s/{id}", 8),
        ask("GET /s/{id}/members", 5),
        tell("POST /s/{id}/members/invite", 2, |d| json!({"to": d.one(&USERNAMES), "role": d.role()})),
        tell("POST /s/{id}/members/{user}/role", 2, |d| json!({"role": d.role()})),
        tell("POST /s/{id}/members/{user}/remove", 1, nothing),
        tell("POST /s/{id}/invitations/{invitation}/revoke", 1, nothing),
        ask("GET /s/{id}/keys", 3),
        tell(
            "POST /s/{id}/keys",
            1,
            |d| json!({"name": d.name(), "role": d.role(), "expires": d.one(&["", "2032-01-01", "x"])}),
        ),
        tell("POST /s/{id}/keys/{key}/rotate", 1, |d| json!({"grace": d.one(&["0", "60", "x"])})),
        tell("POST /s/{id}/keys/{key}/revoke", 1, nothing),
        ask("GET /s/{id}/quotas", 3),
        ask("GET /s/{id}/audit", 4),
        ask("GET /s/{id}/resources", 8),
        ask("GET /s/{id}/new", 2),
        tell(
            "POST /s/{id}/new",
            4,
            |d| json!({"kind": d.kind(), "name": d.name(), "labels": d.one(&LABELS), "/": body(d).to_string()}),
        ),
        ask("GET /s/{id}/resources/{resource}", 8),
        ask("GET /s/{id}/resources/{resource}/edit", 3),
        tell(
            "POST /s/{id}/resources/{resource}/edit",
            3,
            |d| json!({"name": d.name(), "labels": d.one(&LABELS), "/": body(d).to_string()}),
        ),
        ask("GET /s/{id}/selected/move", 4),
        tell("POST /s/{id}/selected/move", 2, |d| json!({"r": d.id("resource"), "space": d.id("space")})),
        ask("GET /s/{id}/selected/copy", 4),
        tell("POST /s/{id}/selected/copy", 2, |d| {
            let conflict = d.one(&["rename", "skip", "replace"]);
            json!({"r": d.id("code"), "space": d.id("space"), "ref": format!("{}:copy", d.id("resource")), "conflict": conflict})
        }),
        ask("GET /s/{id}/selected/done", 1),
        ask("GET /s/{id}/selected/labels", 2),
        tell("POST /s/{id}/selected/labels", 2, |d| json!({"r": d.id("resource"), "add": d.one(&LABELS)})),
        ask("GET /s/{id}/selected/archive", 2),
        tell("POST /s/{id}/selected/archive", 1, |d| json!({"r": d.id("resource")})),
        ask("GET /s/{id}/selected/delete", 2),
        tell("POST /s/{id}/selected/delete", 1, |d| json!({"r": d.id("resource"), "count": d.one(&["1", "2"])})),
        ask("GET /s/{id}/resources/{resource}/policies", 4),
        tell("POST /s/{id}/resources/{resource}/policies", 3, |d| {
            let form = d.one(&["kind", "members", "people", "admins", "json", "x"]);
            json!({"do": d.one(&["preview", "save"]), "view.form": form, "view.people": d.person(), "edit.form": "kind"})
        }),
        tell("POST /s/{id}/resources/{resource}/attach", 2, |d| json!({"resource": d.id("resource")})),
        tell("POST /s/{id}/resources/{resource}/detach", 1, |d| json!({"resource": d.id("resource")})),
        tell("POST /s/{id}/resources/{resource}/share", 2, |d| json!({"space": d.id("space")})),
        tell("POST /s/{id}/resources/{resource}/unshare", 1, |d| json!({"space": d.id("space")})),
        tell("POST /s/{id}/resources/{resource}/archive", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/activate", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/delete", 1, nothing),
        ask("GET /s/{id}/resources/{resource}/runs", 2),
        tell("POST /s/{id}/resources/{resource}/run", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/enable", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/disable", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/resume", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/runs/{run}/delete", 1, nothing),
        tell("POST /s/{id}/resources/{resource}/test", 1, nothing),
        dry(tell("POST /s/{id}/settings/mail", 1, |d| json!({"prefix": "lifts", "kind": d.kind()}))),
        tell("POST /s/{id}/settings/mail/{address}/delete", 1, nothing),
        ask("GET /tree", 16),
        ask("GET /spaces/new", 2),
        tell("POST /spaces/new", 3, |d| {
            json!({"name": d.name(), "parent": d.id("space"), "description": d.name(), "labels": d.one(&LABELS),
                   "view": d.one(&["", "members", "users", "x"]), "inherits": d.one(&["", "true"])})
        }),
        ask("GET /s/{id}/settings", 4),
        tell(
            "POST /s/{id}/settings",
            2,
            |d| json!({"name": d.name(), "description": d.name(), "labels": d.one(&LABELS), "version": d.one(&["1", "2", ""])}),
        ),
        tell("POST /s/{id}/settings/gate", 3, |d| {
            json!({"view": d.one(&["members", "users", "other"]), "view_other": d.policy().to_string(),
                   "edit": d.one(&["administrators", "members", "other"]), "edit_other": d.policy().to_string(),
                   "sealed": d.one(&["", "true"]), "then": d.one(&["look", "do"])})
        }),
        ask("GET /s/{id}/settings/move", 4),
        tell("POST /s/{id}/settings/move", 2, |d| json!({"parent": d.id("space"), "inherits": d.one(&["", "true"])})),
        ask("GET /s/{id}/settings/delete", 2),
        tell("POST /s/{id}/settings/delete", 1, |d| json!({"name": d.name()})),
        tell("POST /s/{id}/archive", 1, nothing),
        tell("POST /s/{id}/activate", 1, nothing),
        tell("POST /s/{id}/default", 1, |d| json!({"default": d.one(&["true", "false"])})),
        tell("POST /s/{id}/leave", 1, nothing),
        ask("GET /s/{id}/members/grants", 4),
        tell(
            "POST /s/{id}/members/grants",
            3,
            |d| json!({"principal": d.principal(), "role": d.role(), "expires": d.one(&["", "2032-01-01", "x"])}),
        ),
        tell(
            "POST /s/{id}/members/grants/{grant}",
            2,
            |d| json!({"role": d.role(), "expires": d.one(&["", "2032-01-01", "x"])}),
        ),
        tell("POST /s/{id}/members/grants/{grant}/revoke", 1, nothing),
        ask("GET /s/{id}/access", 10),
    ]
}

/// The pages about people, and what their forms send.
fn people() -> Vec<Entry> {
    let guess = |_: &mut Dice| json!({"current": "guess", "new": "another correct horse battery"});
    vec![
        ask("GET /setup", 1),
        tell("POST /setup", 1, |d| {
            json!({"token": "x", "username": d.one(&USERNAMES), "password": "correct horse battery", "name": d.name(),
                   "email": "x@example.org", "space": d.name()})
        }),
        ask("GET /recover", 1),
        tell("POST /recover", 1, |d| {
            json!({"username": d.one(&USERNAMES), "recovery_code": "00000-00000-00000-00000",
                   "new_password": "another correct horse battery"})
        }),
        ask("GET /account", 10),
        tell("POST /account", 3, |d| match d.below(3) {
            0 => json!({"name": d.name(), "default_space": ""}),
            _ => json!({"name": d.name(), "default_space": d.id("space")}),
        }),
        tell("POST /account/space", 1, |d| json!({"name": d.name()})),
        tell("POST /account/invitations/{id}/accept", 1, nothing),
        ask("GET /account/security", 2),
        tell("POST /account/password", 1, guess),
        tell("POST /account/recovery-codes", 1, |_| json!({"current": "guess"})),
        tell("POST /account/second-factor", 1, |d| json!({"required": d.one(&["true", "false"]), "current": "guess"})),
        tell("POST /account/passkeys/{id}/rename", 1, |d| json!({"name": d.name()})),
        tell("POST /account/passkeys/{id}/remove", 1, nothing),
        tell("POST /account/identities/{id}/unlink", 1, nothing),
        ask("GET /account/sessions", 2),
        dry(tell("POST /account/sessions/end", 1, nothing)),
        tell("POST /account/sessions/{id}/end", 1, nothing),
        ask("GET /system/users", 2),
        tell(
            "POST /system/users",
            1,
            |d| json!({"username": d.one(&USERNAMES), "name": d.name(), "email": "x@example.org"}),
        ),
        ask("GET /system/users/{id}", 3),
        tell("POST /system/users/{id}", 1, |d| json!({"name": d.name(), "email": "x@example.org"})),
        tell("POST /system/users/{id}/enabled", 1, |d| json!({"enabled": d.one(&["true", "false"])})),
        tell("POST /system/users/{id}/administrator", 1, |d| json!({"system_admin": d.one(&["true", "false"])})),
        tell("POST /system/users/{id}/sign-out", 1, nothing),
        tell("POST /system/users/{id}/delete", 1, |d| json!({"confirm": d.one(&USERNAMES)})),
        ask("GET /system/groups", 2),
        tell("POST /system/groups", 1, |d| json!({"name": d.name()})),
        ask("GET /system/groups/{id}", 3),
        tell("POST /system/groups/{id}", 1, |d| json!({"name": d.name()})),
        tell("POST /system/groups/{id}/members", 1, |d| json!({"person": d.one(&USERNAMES), "group": d.id("group")})),
        tell("POST /system/groups/{id}/members/{principal}/remove", 1, nothing),
        tell("POST /system/groups/{id}/delete", 1, nothing),
    ]
}

fn provider(d: &mut Dice) -> Value {
    json!({"name": d.name(), "slug": "corp", "issuer": "https://127.0.0.1:1", "client_id": "garth", "client_secret": "hush",
           "scopes": ["openid"], "groups_claim": "groups", "groups_from": "both", "groups_allowed": ["corp-*"],
           "create_users": d.chance(50), "allow_private": d.chance(50), "enabled": d.chance(50)})
}

fn questions() -> Vec<Entry> {
    vec![
        tell(
            "POST /access/v1/evaluation",
            14,
            |d| json!({"subject": d.subject(), "action": d.action(), "resource": d.target(), "context": {}}),
        ),
        tell("POST /access/v1/evaluations", 6, |d| {
            let items = 1 + d.below(4);
            let items: Vec<Value> = (0..items)
                .map(|_| match d.below(3) {
                    0 => json!({"resource": d.target()}),
                    1 => json!({"action": d.action(), "resource": d.target(), "context": {}}),
                    _ => json!({"subject": d.subject()}),
                })
                .collect();
            let semantic = d.one(&["execute_all", "deny_on_first_deny", "permit_on_first_permit"]);
            json!({"subject": d.subject(), "action": d.action(), "resource": d.target(), "context": {},
                   "evaluations": items, "options": {"evaluations_semantic": semantic}})
        }),
        tell("POST /access/v1/search/subject", 6, |d| {
            let sort = d.one(&["user", "user", "group", "key", "resource"]);
            let searched = json!({"type": sort, "id": d.id("user")});
            json!({"subject": d.described(searched), "action": d.action(), "resource": d.target(),
                   "context": {}, "page": page(d)})
        }),
        tell("POST /access/v1/search/resource", 8, |d| {
            let sort = d.one(&["task", "task", "space", "note", "ghost"]);
            let searched = json!({"type": sort, "id": d.resource()});
            json!({"subject": d.subject(), "action": d.action(), "resource": d.described(searched),
                   "context": {}, "page": page(d)})
        }),
        tell(
            "POST /access/v1/search/action",
            5,
            |d| json!({"subject": d.subject(), "action": d.action(), "resource": d.target(), "context": {}, "page": page(d)}),
        ),
        tell("POST /api/v1/preview", 8, |d| json!({"change": planned(d)})),
        tell(
            "POST /api/v1/explain",
            10,
            |d| json!({"subject": d.subject(), "action": d.action(), "resource": d.target(), "context": {}}),
        ),
    ]
}

/// A change that is only planned.
fn planned(d: &mut Dice) -> Value {
    let mut change = match d.below(13) {
        0 => json!({"space": d.id("space"), "principal": d.principal(), "role": d.role()}),
        1 => json!({"space": d.id("space"), "grant": d.id("grant"), "role": d.role()}),
        2 => json!({"space": d.id("space"), "grant": d.id("grant")}),
        3 => match d.below(3) {
            0 => json!({"space": d.id("space"), "view": d.policy(), "edit": d.policy(), "name": d.name()}),
            1 => json!({"space": d.id("space"), "parent": d.id("space"), "inherits": d.chance(50)}),
            _ => json!({"space": d.id("space"), "description": "new", "labels": d.labels(), "sealed": d.chance(10)}),
        },
        4 | 5 => json!({"space": d.id("space")}),
        6 => match d.below(3) {
            0 => json!({"resource": d.resource(), "view": d.policy(), "edit": d.policy(), "body": body(d)}),
            1 => json!({"resource": d.resource(), "owner": d.person(), "subscribers": [d.person()]}),
            _ => json!({"resource": d.resource(), "name": d.name(), "labels": d.labels(), "space": d.id("space")}),
        },
        7 => json!({"resource": d.resource(), "space": d.id("space")}),
        8 => json!({"id": d.id("policy"), "policy": d.policy(), "name": d.name(), "edit": d.policy()}),
        9 => {
            let mut change = kind(d);
            for field in ["name", "prefix"] {
                change.as_object_mut().expect("an object").remove(field);
            }
            change["kind"] = json!(d.kind());
            change
        }
        10 => json!({"resource": d.resource(), "spaces": [d.id("space"), d.id("space")]}),
        _ => json!({"group": d.group(), "member": d.principal()}),
    };
    let sort = match &change {
        c if c.get("principal").is_some() => "grant",
        c if c.get("role").is_some() => "grant_changed",
        c if c.get("grant").is_some() => "grant_removed",
        c if c.get("group").is_some() => d.one(&["group_member", "group_member_removed"]),
        c if c.get("schema").is_some() => "kind",
        c if c.get("policy").is_some() => "policy",
        c if c.get("spaces").is_some() => "shares",
        c if c.get("resource").is_some() && c.as_object().is_some_and(|c| c.len() == 2) => "move",
        c if c.get("resource").is_some() => "resource",
        c if c.as_object().is_some_and(|c| c.len() == 1) => d.one(&["archive", "activate"]),
        _ => "space",
    };
    change["type"] = json!(sort);
    if matches!(sort, "grant" | "grant_changed") && d.chance(30) {
        change["expires_at"] = json!("2031-06-01T00:00:00Z");
        change["registry"] = json!(d.chance(50));
    }
    change
}

/// A page of a search: the first, or the next of an earlier one.
fn page(d: &mut Dice) -> Value {
    let limit = 1 + d.below(4);
    let page = match d.chance(80) {
        true => json!({"limit": limit}),
        false => json!({"limit": limit, "token": format!("«c.token.{}»", d.below(300))}),
    };
    d.described(page)
}

fn account() -> Vec<Entry> {
    vec![
        ask("GET /api/v1/me", 16),
        tell("PATCH /api/v1/me", 4, |d| match d.below(4) {
            0 => json!({"name": d.name()}),
            1 => json!({"default_space": null}),
            _ => json!({"default_space": d.id("space")}),
        }),
        ask("GET /api/v1/me/sessions", 2),
        ask("DELETE /api/v1/me/sessions/{id}", 1),
        ask("GET /api/v1/me/passkeys", 1),
        tell("POST /api/v1/me/passkeys/begin", 1, |d| json!({"current": format!("correct horse battery {}", d.by)})),
        tell("POST /api/v1/me/passkeys/finish", 1, |d| json!({"ceremony": "pk_x", "name": d.name(), "credential": {}})),
        tell("PATCH /api/v1/me/passkeys/{id}", 1, |d| json!({"name": d.name()})),
        ask("DELETE /api/v1/me/passkeys/{id}", 1),
        tell(
            "PUT /api/v1/me/second-factor",
            1,
            |d| json!({"required": d.chance(50), "current": format!("correct horse battery {}", d.by)}),
        ),
        dry(ask("DELETE /api/v1/me/sessions", 1)),
        tell("POST /api/v1/me/recovery-codes", 1, |d| json!({"current": format!("correct horse battery {}", d.by)})),
        dry(tell(
            "PUT /api/v1/me/password",
            1,
            |d| json!({"current": format!("correct horse battery {}", d.by), "new": "another correct horse battery"}),
        )),
        dry(tell("POST /api/v1/logout", 1, nothing)),
        tell("POST /api/v1/spaces/{id}/leave", 1, nothing),
        ask("GET /api/v1/me/invitations", 3),
        tell("POST /api/v1/invitations/{token}/accept", 2, nothing),
    ]
}

/// The pages of the installation: what they refuse, and what of them is for everybody.
fn system_pages() -> Vec<Entry> {
    vec![
        ask("GET /system/kinds", 2),
        ask("GET /system/kinds/new", 1),
        tell(
            "POST /system/kinds/new",
            1,
            |d| json!({"name": d.one(&["task", "ghost"]), "prefix": "T", "schema": d.one(&["{}", "x"]), "show": "1"}),
        ),
        ask("GET /system/kinds/{id}", 2),
        tell("POST /system/kinds/{id}", 2, |d| json!({"schema": d.one(&["{}", "x"]), "secret_fields": "/secret"})),
        tell("POST /system/kinds/{id}/delete", 1, nothing),
        ask("GET /system/roles", 2),
        ask("GET /system/roles/new", 1),
        tell("POST /system/roles/new", 1, |d| json!({"name": d.name(), "permission": "task:read"})),
        ask("GET /system/roles/{id}", 1),
        tell("POST /system/roles/{id}", 1, |d| json!({"name": d.name(), "others": "task:write"})),
        tell("POST /system/roles/{id}/delete", 1, nothing),
        ask("GET /system/login-policies", 1),
        ask("GET /system/login-policies/new", 1),
        tell(
            "POST /system/login-policies/new",
            1,
            |d| json!({"name": d.name(), "rego": REGO, "version": d.one(&["v0", "v1"])}),
        ),
        ask("GET /system/login-policies/{id}", 1),
        tell(
            "POST /system/login-policies/{id}",
            1,
            |d| json!({"name": d.name(), "rego": REGO, "do": d.one(&["try", "replay", ""]), "username": d.one(&USERNAMES)}),
        ),
        tell("POST /system/login-policies/{id}/delete", 1, nothing),
        ask("GET /system/login-policies/samples/{id}", 1),
        tell("POST /system/login-policies/{id}/enable", 1, nothing),
        tell("POST /system/login-policies/{id}/disable", 1, nothing),
        ask("GET /system/policies", 2),
        ask("GET /system/policies/new", 1),
        tell("POST /system/policies/new", 1, |d| json!({"name": d.name(), "policy": d.policy().to_string()})),
        ask("GET /system/policies/{id}", 3),
        tell(
            "POST /system/policies/{id}",
            3,
            |d| json!({"name": d.name(), "policy": d.policy().to_string(), "do": d.one(&["preview", ""])}),
        ),
        tell("POST /system/policies/{id}/delete", 1, nothing),
        ask("GET /system/identity-providers", 1),
        ask("GET /system/identity-providers/new", 1),
        tell(
            "POST /system/identity-providers/new",
            1,
            |d| json!({"name": d.name(), "slug": "x", "issuer": "https://127.0.0.1:1/x", "client_id": "x"}),
        ),
        ask("GET /system/identity-providers/{id}", 1),
        tell(
            "POST /system/identity-providers/{id}",
            1,
            |d| json!({"name": d.name(), "client_id": "x", "scopes": "openid"}),
        ),
        tell("POST /system/identity-providers/{id}/delete", 1, nothing),
        tell("POST /system/identity-providers/{id}/enable", 1, nothing),
        tell("POST /system/identity-providers/{id}/disable", 1, nothing),
        tell("POST /system/identity-providers/{id}/test", 1, nothing),
        ask("GET /system/registry", 1),
        ask("GET /system/registry/{id}", 1),
        tell("POST /system/registry/{id}/grants", 1, |d| json!({"to": d.principal(), "role": d.role()})),
        tell("POST /system/registry/{id}/grants/{grant}/revoke", 1, nothing),
        tell(
            "POST /system/registry/{id}/quotas",
            1,
            |d| json!({"meter": d.one(&["llm", "x"]), "limit": "5", "window": "daily"}),
        ),
        tell("POST /system/registry/{id}/quotas/end", 1, |d| json!({"meter": d.one(&["llm", "x"])})),
        ask("GET /system/settings", 1),
        tell("POST /system/settings", 1, |_| json!({"create_spaces": "users"})),
        ask("GET /system/audit", 1),
        ask("GET /system/audit/export", 1),
        ask("GET /s/{id}/audit/export", 3),
        ask("GET /system/backup", 1),
        ask("GET /system/health", 1),
        tell(
            "POST /system/health/alerts",
            1,
            |_| json!({"recipients": "", "check_minutes": "5", "gap_minutes": "60", "public_health": "colour"}),
        ),
        tell("POST /system/health/alerts/test", 1, nothing),
        tell("POST /system/health/observers", 1, |d| json!({"name": d.name()})),
        tell("POST /system/health/observers/{id}/revoke", 1, nothing),
    ]
}

/// What is for system administrators: everybody who asks here is refused, whatever the names and ids are.
fn administration() -> Vec<Entry> {
    vec![
        ask("GET /api/v1/users", 10),
        tell(
            "POST /api/v1/users",
            1,
            |d| json!({"username": d.one(&USERNAMES), "name": d.name(), "email": "x@example.org"}),
        ),
        ask("GET /api/v1/users/{id}", 8),
        tell(
            "PATCH /api/v1/users/{id}",
            1,
            |d| json!({"name": d.name(), "email": null, "system_admin": d.chance(50), "disabled": d.chance(50)}),
        ),
        ask("DELETE /api/v1/users/{id}", 1),
        ask("DELETE /api/v1/users/{id}/sessions", 1),
        ask("GET /api/v1/groups", 6),
        tell("POST /api/v1/groups", 1, |d| json!({"name": d.one(&["crew", "ghosts", "new"])})),
        ask("GET /api/v1/groups/{id}", 5),
        tell("PATCH /api/v1/groups/{id}", 1, |d| json!({"name": d.one(&["ghosts", "new"])})),
        ask("DELETE /api/v1/groups/{id}", 1),
        ask("GET /api/v1/groups/{id}/members", 7),
        tell("POST /api/v1/groups/{id}/members", 1, |d| json!({"member": d.principal()})),
        ask("DELETE /api/v1/groups/{id}/members/{principal}", 1),
        ask("GET /api/v1/roles", 2),
        tell("POST /api/v1/roles", 1, |d| json!({"name": d.name(), "permissions": ["task:read"]})),
        ask("GET /api/v1/roles/{id}", 1),
        tell("PATCH /api/v1/roles/{id}", 1, |d| json!({"name": d.name(), "permissions": ["task:write"]})),
        ask("DELETE /api/v1/roles/{id}", 1),
        ask("GET /api/v1/permissions", 1),
        ask("GET /api/v1/kinds", 2),
        tell("POST /api/v1/kinds", 1, kind),
        ask("GET /api/v1/kinds/{id}", 1),
        tell("PATCH /api/v1/kinds/{id}", 1, kind),
        ask("DELETE /api/v1/kinds/{id}", 1),
        ask("GET /api/v1/policies", 2),
        tell("POST /api/v1/policies", 1, |d| json!({"name": d.name(), "policy": d.policy(), "edit": d.policy()})),
        ask("GET /api/v1/policies/{id}", 3),
        tell("PATCH /api/v1/policies/{id}", 3, |d| {
            let mut body = json!({"policy": d.policy()});
            if d.chance(20) {
                body["name"] = json!(d.name());
                body["edit"] = d.policy();
            }
            body
        }),
        ask("DELETE /api/v1/policies/{id}", 1),
        ask("GET /api/v1/login-policies", 1),
        tell("POST /api/v1/login-policies", 1, login_policy),
        ask("GET /api/v1/login-policies/{id}", 1),
        tell("PATCH /api/v1/login-policies/{id}", 1, login_policy),
        ask("DELETE /api/v1/login-policies/{id}", 1),
        tell(
            "POST /api/v1/login-policies/simulate",
            1,
            |d| json!({"rego": REGO, "version": d.one(&["v0", "v1"]), "input": {"session": {"login": d.one(&USERNAMES)}}}),
        ),
        ask("GET /api/v1/login-policies/samples", 1),
        ask("GET /api/v1/observer-keys", 1),
        dry(tell("POST /api/v1/observer-keys", 1, |d| json!({"name": d.name()}))),
        ask("DELETE /api/v1/observer-keys/{id}", 1),
        dry(tell("POST /api/v1/alerts/test", 1, nothing)),
        ask("GET /api/v1/settings", 1),
        tell("PATCH /api/v1/settings", 1, |_| {
            json!({"public_access": false, "create_spaces": "users", "audit_days": null, "omit_rate_limits": false,
                    "delete_with_last_membership": true, "public_health": "counts",
                    "alerts": {"recipients": [], "check_minutes": 5, "gap_minutes": 60},
                    "default_quotas": [{"meter": "llm", "limit": 5, "window": {"rolling_seconds": 5}}]})
        }),
        ask("GET /api/v1/audit", 1),
        ask("GET /api/v1/registry/spaces", 1),
        ask("GET /api/v1/registry/spaces/{id}", 1),
        ask("GET /api/v1/registry/spaces/{id}/grants", 1),
        tell("POST /api/v1/registry/spaces/{id}/grants", 1, grant),
        tell("PATCH /api/v1/registry/spaces/{id}/grants/{grant}", 1, grant_change),
        ask("DELETE /api/v1/registry/spaces/{id}/grants/{grant}", 1),
    ]
}

const REGO: &str = "package garth\nallow if input.session.member";

fn login_policy(d: &mut Dice) -> Value {
    json!({"name": d.name(), "rego": REGO, "version": d.one(&["v0", "v1"]), "enabled": d.chance(50)})
}

fn kind(d: &mut Dice) -> Value {
    json!({"name": d.one(&["task", "ghost"]), "plural": "ghosts", "prefix": d.one(&["T", "GH"]),
           "schema": {"type": "object"}, "shareable": true, "secret_fields": ["/secret"], "search_fields": ["/text"],
           "references": [{"pointer": "/task", "kind": d.kind(), "requires": "view", "follows": true}],
           "default_view": d.policy(), "default_edit": d.policy(), "exceptions": {"owner": ["view"]},
           "permissions": ["ghost:fly"]})
}

fn grant(d: &mut Dice) -> Value {
    let mut body = json!({"principal": d.principal(), "role": d.role()});
    if d.chance(20) {
        body["expires_at"] = json!("2031-06-01T00:00:00Z");
    }
    body
}

fn grant_change(d: &mut Dice) -> Value {
    match d.below(3) {
        0 => json!({"role": d.role()}),
        1 => json!({"expires_at": null}),
        _ => json!({"role": d.role(), "expires_at": "2031-06-01T00:00:00Z"}),
    }
}

fn spaces() -> Vec<Entry> {
    vec![
        ask("GET /api/v1/spaces", 28),
        tell("POST /api/v1/spaces", 6, |d| {
            let mut body = json!({"name": d.name()});
            if d.chance(50) {
                body["parent"] = json!(d.id("space"));
                body["inherits"] = json!(d.chance(30));
            }
            if d.chance(30) {
                body["view"] = d.policy();
            }
            if d.chance(15) {
                body["edit"] = d.policy();
            }
            if d.chance(20) {
                body["admins"] = json!([d.principal()]);
            }
            if d.chance(30) {
                body["labels"] = d.labels();
                body["description"] = json!("made by a request");
                body["sealed"] = json!(d.chance(20));
            }
            body
        }),
        ask("GET /api/v1/spaces/{id}", 10),
        tell("PATCH /api/v1/spaces/{id}", 7, |d| match d.below(9) {
            0 => json!({"name": d.name()}),
            1 => json!({"description": "changed"}),
            2 => json!({"labels": d.labels()}),
            3 => json!({"view": d.policy()}),
            4 => json!({"edit": d.policy()}),
            5 => json!({"inherits": d.chance(50)}),
            6 => json!({"parent": null}),
            7 => json!({"parent": d.id("space"), "sealed": d.chance(10)}),
            _ => json!({"parent": d.id("space")}),
        }),
        ask("DELETE /api/v1/spaces/{id}", 2),
        tell("POST /api/v1/spaces/{id}/archive", 1, nothing),
        tell("POST /api/v1/spaces/{id}/activate", 4, nothing),
        ask("GET /api/v1/spaces/{id}/members", 8),
        ask("GET /api/v1/spaces/{id}/audit", 5),
        ask("GET /api/v1/spaces/{id}/grants", 6),
        tell("POST /api/v1/spaces/{id}/grants", 6, grant),
        tell("PATCH /api/v1/spaces/{id}/grants/{grant}", 2, grant_change),
        ask("DELETE /api/v1/spaces/{id}/grants/{grant}", 2),
        tell("PATCH /api/v1/spaces/{id}/members/{user}", 3, |d| match d.chance(70) {
            true => json!({"role": d.role()}),
            false => json!({"role": d.role(), "expires_at": "2031-06-01T00:00:00Z"}),
        }),
        ask("DELETE /api/v1/spaces/{id}/members/{user}", 2),
        ask("GET /api/v1/spaces/{id}/api-keys", 4),
        tell(
            "POST /api/v1/spaces/{id}/api-keys",
            3,
            |d| json!({"name": d.name(), "role": d.role(), "expires_at": "2032-01-01T00:00:00Z"}),
        ),
        ask("GET /api/v1/spaces/{id}/api-keys/{key}", 3),
        tell("PATCH /api/v1/spaces/{id}/api-keys/{key}", 2, |d| match d.below(3) {
            0 => json!({"name": d.name()}),
            1 => json!({"expires_at": "2032-02-01T00:00:00Z"}),
            _ => json!({"expires_at": null, "old_secret_until": null}),
        }),
        tell("POST /api/v1/spaces/{id}/api-keys/{key}/rotate", 2, |d| json!({"grace_seconds": d.below(100)})),
        ask("DELETE /api/v1/spaces/{id}/api-keys/{key}", 1),
        ask("GET /api/v1/spaces/{id}/invitations", 4),
        tell("POST /api/v1/spaces/{id}/invitations", 6, |d| {
            let to = if d.chance(30) { "new@example.org" } else { d.one(&USERNAMES) };
            json!({"to": to, "role": d.role()})
        }),
        ask("DELETE /api/v1/spaces/{id}/invitations/{invitation}", 2),
        // What it answers in earnest is random.
        ask("GET /api/v1/spaces/{id}/inbound-addresses", 2),
        dry(tell("POST /api/v1/spaces/{id}/inbound-addresses", 2, |d| json!({"prefix": "lifts", "kind": d.kind()}))),
        ask("DELETE /api/v1/spaces/{id}/inbound-addresses/{address}", 1),
        // What is copied or brought in together is made in one instant, and its order among itself is chance.
        dry(tell("POST /api/v1/spaces/{id}/copies", 6, |d| {
            let mut body = json!({"resources": [d.resource()]});
            if d.chance(40) {
                let turned = match d.below(3) {
                    0 => json!("copy"),
                    1 => json!("exclude"),
                    _ => json!({"use": d.resource()}),
                };
                body["references"] = json!({(d.resource()): turned});
                body["default_reference"] = json!(d.one(&["copy", "exclude"]));
                body["on_conflict"] = json!(d.one(&["rename", "skip", "replace"]));
            }
            body
        })),
        ask("GET /api/v1/spaces/{id}/quotas", 8),
        tell("PUT /api/v1/spaces/{id}/quotas/{meter}", 2, |d| {
            let window = d.one(&["stored", "daily", "rolling"]);
            let window = if window == "rolling" { json!({"rolling_seconds": 60}) } else { json!(window) };
            json!({"limit": 1_000_000, "window": window, "roles": null})
        }),
        ask("DELETE /api/v1/spaces/{id}/quotas/{meter}", 1),
        tell("POST /api/v1/spaces/{id}/quotas/{meter}/consume", 6, |d| json!({"units": 1 + d.below(3)})),
        ask("GET /api/v1/spaces/{id}/export", 4),
        ask("GET /api/v1/spaces/{id}/usable", 8),
        dry(ask("POST /api/v1/spaces/{id}/import", 1)),
    ]
}

fn resources() -> Vec<Entry> {
    vec![
        ask("GET /api/v1/resources", 60),
        tell("POST /api/v1/resources", 22, resource),
        tell("POST /api/v1/resources/batch", 3, |d| {
            let mut items = vec![resource(d)];
            // Several at once would be made in the same instant, and their order among themselves is chance.
            if d.chance(60) {
                items.extend([resource(d), resource(d)]);
                d.dry = true;
            }
            json!({"resources": items})
        }),
        dry(tell(
            "POST /api/v1/resources/batch-move",
            5,
            |d| json!({"resources": [d.resource(), d.resource()], "space": d.id("space")}),
        )),
        ask("GET /api/v1/resources/{id}", 22),
        tell("PATCH /api/v1/resources/{id}", 14, |d| match d.below(10) {
            0..3 => json!({"name": d.name()}),
            3 => json!({"labels": d.labels()}),
            4 => json!({"body": body(d)}),
            5 => json!({"view": d.policy()}),
            6 => json!({"edit": d.policy(), "owner": d.person()}),
            7 => json!({"owner": d.person()}),
            8 => json!({"subscribers": [d.person()]}),
            _ => json!({"space": d.id("space"), "name": d.name()}),
        }),
        ask("DELETE /api/v1/resources/{id}", 4),
        tell("POST /api/v1/resources/{id}/move", 7, |d| json!({"space": d.id("space")})),
        ask("GET /api/v1/resources/{id}/shares", 6),
        tell("POST /api/v1/resources/{id}/shares", 6, |d| json!({"space": d.id("space")})),
        tell("PUT /api/v1/resources/{id}/shares", 5, |d| match d.below(3) {
            0 => json!({"spaces": [d.id("space")]}),
            1 => json!({"spaces": [d.id("space"), d.id("space")]}),
            _ => json!({"spaces": []}),
        }),
        ask("DELETE /api/v1/resources/{id}/shares/{space}", 3),
        tell("POST /api/v1/deliveries/{id}/test", 1, nothing),
        tell("POST /api/v1/ai-providers/{id}/test", 1, nothing),
        ask("GET /api/v1/ai-providers/{id}/usage", 2),
        // No job is in these worlds: whatever is asked for is none.
        ask("GET /api/v1/jobs/{id}", 2),
        ask("POST /api/v1/jobs/{id}/run", 2),
        ask("GET /api/v1/jobs/{id}/runs", 2),
        ask("POST /api/v1/jobs/{id}/resume", 1),
        ask("POST /api/v1/jobs/{id}/enable", 1),
        ask("POST /api/v1/jobs/{id}/disable", 1),
        ask("GET /api/v1/runs/{id}", 1),
        ask("DELETE /api/v1/runs/{id}", 1),
        ask("GET /api/v1/runs/{id}/{file}", 1),
        ask("GET /api/v1/resources/{id}/attachments", 8),
        tell("POST /api/v1/resources/{id}/attachments", 8, |d| json!({"resource": d.resource()})),
        ask("DELETE /api/v1/resources/{id}/attachments/{resource}", 3),
        ask("GET /api/v1/resources/{id}/consumers", 5),
        tell("POST /api/v1/resources/{id}/archive", 3, nothing),
        tell("POST /api/v1/resources/{id}/activate", 3, nothing),
    ]
}

/// A body of one of the kinds, with a reference now and then.
fn body(d: &mut Dice) -> Value {
    match d.below(5) {
        0 => json!({"task": d.resource()}),
        1 => json!({"secret": "hush"}),
        2 => json!({"task": null}),
        _ => json!({"text": d.name()}),
    }
}

fn resource(d: &mut Dice) -> Value {
    let kind = d.kind();
    let mut new = json!({"kind": kind, "name": d.name()});
    if d.chance(75) {
        new["space"] = json!(d.id("space"));
    }
    if kind == "note" || d.chance(20) {
        new["body"] = body(d);
    }
    if d.chance(30) {
        new["labels"] = d.labels();
    }
    if d.chance(12) {
        new["view"] = d.policy();
    }
    if d.chance(8) {
        new["edit"] = d.policy();
    }
    if d.chance(25) {
        new["owner"] = json!(d.person());
    }
    if d.chance(15) {
        new["subscribers"] = json!([d.person()]);
    }
    new
}

/// What a part of a path is an id of.
pub fn noun_of(path: &str, name: &str) -> Option<&'static str> {
    let places = [
        ("/api/v1/spaces/{id}", "id", "space"),
        ("/api/v1/registry/spaces/{id}", "id", "space"),
        ("/s/{id}", "id", "space"),
        ("/api/v1/resources/{id}", "id", "resource"),
        ("/api/v1/deliveries/{id}", "id", "resource"),
        ("/api/v1/ai-providers/{id}", "id", "resource"),
        ("/api/v1/jobs/{id}", "id", "resource"),
        ("/api/v1/runs/{id}", "id", "resource"),
        ("/api/v1/runs/{id}", "file", "session"),
        ("/api/v1/users/{id}", "id", "user"),
        ("/api/v1/groups/{id}", "id", "group"),
        ("/api/v1/roles/{id}", "id", "role"),
        ("/api/v1/kinds/{id}", "id", "kind"),
        ("/api/v1/policies/{id}", "id", "policy"),
        ("/api/v1/login-policies/{id}", "id", "policy"),
        ("/api/v1/me/sessions/{id}", "id", "session"),
        // Nothing of these can be hidden; any id is as good.
        ("/api/v1/me/identities/{id}", "id", "session"),
        ("/api/v1/me/passkeys/{id}", "id", "session"),
        ("/api/v1/identity-providers/{id}", "id", "session"),
        ("/api/v1/observer-keys/{id}", "id", "session"),
        ("/account/", "id", "session"),
        ("/system/users/{id}", "id", "user"),
        ("/system/groups/{id}", "id", "group"),
        ("/auth/oidc/", "slug", "session"),
        ("/assets/", "name", "session"),
        ("/system/roles/{id}", "id", "role"),
        ("/system/kinds/{id}", "id", "kind"),
        ("/system/policies/{id}", "id", "policy"),
        ("/system/login-policies/", "id", "policy"),
        ("/system/identity-providers/{id}", "id", "session"),
        ("/system/registry/{id}", "id", "space"),
        ("/system/health/observers/{id}", "id", "session"),
        ("/", "meter", "meter"),
        ("/", "grant", "grant"),
        ("/", "space", "space"),
        ("/", "key", "key"),
        // Nobody knows one that is hidden; any id is as good.
        ("/", "invitation", "grant"),
        ("/", "address", "grant"),
        ("/", "run", "grant"),
        ("/", "token", "session"),
        ("/", "resource", "resource"),
        ("/", "user", "user"),
        ("/", "principal", "principal"),
    ];
    places.iter().find(|(start, part, _)| path.starts_with(start) && *part == name).map(|(_, _, noun)| *noun)
}

/// A value for a parameter of a query; `None` for one that nobody has told of here.
pub fn parameter(d: &mut Dice, name: &str) -> Option<String> {
    Some(match name {
        "limit" => {
            let limits = [("1", 20), ("2", 30), ("3", 30), ("5", 20), ("100", 10), ("0", 1), ("101", 1), ("x", 1)];
            d.weighted(&limits).to_owned()
        }
        "cursor" => format!("«c.cursor.{}»", d.below(300)),
        "archived" => d.weighted(&[("true", 20), ("false", 8), ("maybe", 1)]).to_owned(),
        "q" => match d.below(4) {
            0 => d.one(&["lift", "a", "secret", "gho", "ki", "mi", "zz", "%", ""]).to_owned(),
            1 => d.id("code"),
            2 => d.one(&USERNAMES).to_owned(),
            _ => d.name(),
        },
        // What secrets begin with differs from world to world.
        "prefix" => d.one(&["gk_", "gk", "x", ""]).to_owned(),
        "order" => {
            let orders = ["updated", "created", "name", "-updated", "-created", "-name"];
            if d.chance(3) { "rank".to_owned() } else { d.one(&orders).to_owned() }
        }
        "kind" => d.kind(),
        "space" | "parent" | "root" | "after" | "open" | "shut" => d.id("space"),
        "who" => {
            if d.chance(50) {
                d.one(&USERNAMES).to_owned()
            } else {
                d.person()
            }
        }
        "what" => {
            if d.chance(30) {
                "space".to_owned()
            } else {
                d.resource()
            }
        }
        "inherits" => d.one(&["true", "false"]).to_owned(),
        "r" => d.id("resource"),
        "ref" => format!("{}:{}", d.id("resource"), d.one(&["copy", "leave"])),
        "item" => format!("{}:{}", d.id("resource"), d.one(&["moved", "copied", "x"])),
        "conflict" => d.one(&["rename", "skip", "replace", "x"]).to_owned(),
        "more" => d.one(&["true", "x"]).to_owned(),
        "label" => d.one(&LABELS).to_owned(),
        "owner" | "author" | "actor" | "principal" => d.principal(),
        "target" => match d.below(3) {
            0 => d.id("space"),
            1 => d.id("resource"),
            _ => d.id("grant"),
        },
        "path" => {
            d.one(&["Atlas", "Beta", "Beta/Attic", "Atlas/Delta", "Vault", "Zeta", "Zeta/Deep", "Home"]).to_owned()
        }
        "action" => {
            let actions = ["resource.create", "grant.create", "space.update", "space.create", "fly", "read", "write"];
            d.one(&actions).to_owned()
        }
        "in_charge" => d.one(&["own", "above", "nobody", "x"]).to_owned(),
        "outcome" => d.one(&["done", "refused"]).to_owned(),
        "format" => d.one(&["csv", "json", "x"]).to_owned(),
        "section" => d.one(&["members", "keys", "resources.task", "x"]).to_owned(),
        "from" | "to" | "created_from" | "created_to" | "updated_from" | "updated_to" => d.time(),
        "disabled" | "system_admin" => d.weighted(&[("true", 6), ("false", 6), ("maybe", 1)]).to_owned(),
        "return" | "state" | "code" | "iss" | "error" => d.one(&["/", "//x", "x", ""]).to_owned(),
        "settings" => d.one(&["true", "false"]).to_owned(),
        "confirm" => d.one(&NAMES).to_owned(),
        _ => return None,
    })
}

/// Fields of bodies, by the last step of their path or with their route, that hold no id of anything that could be hidden.
pub const PLAIN: [&str; 96] = [
    "public_health",
    "alerts",
    "recipients",
    "check_minutes",
    "gap_minutes",
    "minutes",
    "POST /setup: space",
    "POST /system/users/{id}/delete: confirm",
    "POST /system/groups/{id}/members: person",
    "theme",
    "grace",
    "expires",
    "POST /s/{id}/members/invite: to",
    "POST /spaces/new: view",
    "POST /s/{id}/settings/gate: view",
    "POST /s/{id}/settings/gate: edit",
    "then",
    "omit_rate_limits",
    "window",
    "meter",
    "rolling_seconds",
    "roles",
    "units",
    "ceremony",
    "credential",
    "required",
    "slug",
    "issuer",
    "client_id",
    "client_secret",
    "scopes",
    "groups_claim",
    "groups_from",
    "groups_allowed",
    "create_users",
    "allow_private",
    "enabled",
    "return",
    "logout_token",
    "rego",
    "version",
    "input",
    "POST /api/v1/setup: space",
    "POST /api/v1/spaces/{id}/invitations: to",
    "name",
    "description",
    "labels",
    "token",
    "username",
    "password",
    "email",
    "recovery_code",
    "new_password",
    "current",
    "new",
    "type",
    "limit",
    "evaluations_semantic",
    "context",
    "properties",
    "system_admin",
    "disabled",
    "permissions",
    "plural",
    "prefix",
    "schema",
    "shareable",
    "secret_fields",
    "search_fields",
    "registry",
    "default_reference",
    "on_conflict",
    "pointer",
    "requires",
    "follows",
    "exceptions",
    "role",
    "expires_at",
    "inherits",
    "sealed",
    "grace_seconds",
    "old_secret_until",
    "public_access",
    "create_spaces",
    "audit_days",
    "delete_with_last_membership",
    "kind",
    "action",
    "options",
    "page",
    "references",
    "rules",
    "default",
    "effect",
    "archived",
    "order",
];
