//! The table of the sweep: every route, whom it is for, and a body it takes. Each step is one that the caller of
//! [`Route::caller`] can take after those before it, so that the table is also a day in the life of an installation.

use super::world::{Ids, World};
use crate::support::*;
use axum::http::Method;

/// Whom a route is for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Class {
    /// Anybody.
    Public,
    /// Whoever brings a secret in the body: a token, a password.
    Secret,
    /// Whoever is signed in; anybody where the installation has public access on.
    Open,
    /// Whoever is signed in, people and keys.
    SignedIn,
    /// People who are signed in, not keys.
    People,
    /// System administrators.
    System,
    /// Browsers on their way in and out, and providers: what each gets, the golden file says.
    Browser,
}

impl Class {
    pub fn words(self) -> &'static str {
        match self {
            Class::Public => "anybody",
            Class::Secret => "who brings a secret",
            Class::Open => "signed in, or anybody where public access is on",
            Class::SignedIn => "signed in",
            Class::People => "people who are signed in",
            Class::System => "system administrators",
            Class::Browser => "browsers, and identity providers",
        }
    }
}

type Body = fn(&World, &Person) -> Value;

/// A route as the sweep calls it.
pub struct Route {
    pub method: &'static str,
    pub path: &'static str,
    pub class: Class,
    body: Option<Body>,
}

impl Route {
    pub fn name(&self) -> String {
        format!("{} {}", self.method.to_uppercase(), self.path)
    }

    pub fn verb(&self) -> Method {
        self.method.to_uppercase().parse().expect("a method")
    }

    pub fn changes(&self) -> bool {
        self.method != "get"
    }

    /// Is its answer another one each time, because it counts the requests?
    pub fn counts(&self) -> bool {
        // The audit is longer than a page, and leads to the next one by a cursor, which is another one each time.
        ["/metrics", "/api/v1/audit", "/system/audit"].contains(&self.path) || self.path.starts_with("/system/health")
    }

    /// Its address in the world, with the query it needs.
    pub fn url(&self, w: &World) -> String {
        let ends = self.method == "delete" && !self.path.contains("/grants/") && !self.path.contains("/{principal}");
        let of_atlas = Ids { space: w.ids.space.clone(), ..w.doomed.clone() };
        let ids = match ends {
            true if ["/api-keys/", "/quotas/", "/members/", "/invitations/", "/inbound-addresses/"]
                .iter()
                .any(|part| self.path.contains(part)) =>
            {
                &of_atlas
            }
            true => &w.doomed,
            false => &w.ids,
        };
        let path = ids.fill(self.path);
        if self.name() == "DELETE /api/v1/spaces/{id}" { format!("{path}?confirm=Old") } else { path }
    }

    /// The same with `dry_run`, if it changes anything.
    pub fn dry(&self, w: &World) -> String {
        let url = self.url(w);
        match (self.changes(), url.contains('?')) {
            (false, _) => url,
            (true, false) => format!("{url}?dry_run=true"),
            (true, true) => format!("{url}&dry_run=true"),
        }
    }

    /// The call at that address, with the body that a caller sends.
    pub fn call(&self, w: &World, by: &Person, url: &str) -> Call {
        let call = by.call(self.verb(), url);
        match self.body {
            Some(body) if self.path.ends_with("/import") => {
                let lines = body(w, by).as_array().cloned().unwrap_or_default();
                let text: String = lines.iter().map(|line| format!("{line}\n")).collect();
                call.raw("application/x-ndjson", text)
            }
            Some(body) if self.class == Class::Browser => {
                let fields = body(w, by);
                let fields = fields.as_object().cloned().unwrap_or_default();
                let pairs: Vec<(&str, &str)> =
                    fields.iter().map(|(name, value)| (name.as_str(), value.as_str().unwrap_or_default())).collect();
                let call = call.raw("application/x-www-form-urlencoded", browser::form(&pairs));
                call.header("origin", PUBLIC_URL)
            }
            Some(body) => call.json(body(w, by)),
            None => call,
        }
    }

    /// Somebody it is for, of those who are allowed it.
    pub fn caller<'w>(&self, w: &'w World) -> &'w Person {
        match self.class {
            // Who may read a thing is for applications that may ask.
            _ if self.path == "/access/v1/search/subject" => &w.asker,
            // Who sees the space learns that this is for system administrators; to others it is missing.
            _ if self.path.ends_with("/quotas/{meter}") => &w.ada,
            _ if self.path.starts_with("/system/") => &w.ada,
            Class::Public | Class::Secret => &w.nobody,
            Class::Open | Class::SignedIn => &w.lin,
            Class::People | Class::Browser => &w.kim,
            Class::System => &w.ada,
        }
    }
}

fn get(path: &'static str, class: Class) -> Route {
    Route { method: "get", path, class, body: None }
}

fn delete(path: &'static str, class: Class) -> Route {
    Route { method: "delete", path, class, body: None }
}

fn post(path: &'static str, class: Class, body: Body) -> Route {
    Route { method: "post", path, class, body: Some(body) }
}

fn patch(path: &'static str, class: Class, body: Body) -> Route {
    Route { method: "patch", path, class, body: Some(body) }
}

fn put(path: &'static str, class: Class, body: Body) -> Route {
    Route { method: "put", path, class, body: Some(body) }
}

fn nothing(_: &World, _: &Person) -> Value {
    json!({})
}

fn about_oneself(w: &World, by: &Person) -> Value {
    by.question("read", "task", &w.ids.resource)
}

pub fn routes() -> Vec<Route> {
    let mut all = machines();
    all.extend(browsers());
    all.extend(pages());
    all.extend(people());
    all.extend(system_pages());
    all.extend(administration());
    all.extend(spaces());
    all.extend(resources());
    all.extend(ends());
    all.extend(account());
    all.extend(login_policies());
    all
}

fn machines() -> Vec<Route> {
    use Class::*;
    vec![
        get("/healthz", Public),
        get("/api/v1/health", Public),
        get("/readyz", Public),
        get("/metrics", System),
        get("/api/v1/openapi.json", Public),
        get("/.well-known/authzen-configuration", Public),
        post("/access/v1/evaluation", SignedIn, about_oneself),
        post("/access/v1/evaluations", SignedIn, |w, by| json!({"evaluations": [about_oneself(w, by)]})),
        post("/access/v1/search/subject", SignedIn, |w, _| {
            let resource = json!({"type": "task", "id": w.ids.resource});
            json!({"subject": {"type": "user"}, "action": {"name": "read"}, "resource": resource})
        }),
        post("/access/v1/search/resource", SignedIn, |w, by| {
            let question = about_oneself(w, by);
            json!({"subject": question["subject"], "action": {"name": "read"}, "resource": {"type": "task"}})
        }),
        post("/access/v1/search/action", SignedIn, |w, by| {
            let question = about_oneself(w, by);
            json!({"subject": question["subject"], "resource": question["resource"]})
        }),
        post("/api/v1/explain", SignedIn, about_oneself),
        post(
            "/api/v1/preview",
            SignedIn,
            |w, _| json!({"change": {"type": "space", "space": w.atlas.id, "view": "users"}}),
        ),
        get("/api/v1/setup", Public),
        post("/api/v1/setup", Secret, |_, _| json!({"token": "x", "username": "eve", "password": password("eve")})),
        post("/api/v1/signup", Secret, |w, _| json!({"token": w.signup, "password": password("pending")})),
        post(
            "/api/v1/recover",
            Secret,
            |w, _| json!({"username": "gus", "recovery_code": w.recovery, "new_password": "another correct horse battery"}),
        ),
        post("/api/v1/login", Secret, |_, _| json!({"username": "kim", "password": password("kim")})),
        post("/api/v1/login/passkey/begin", Secret, nothing),
        post(
            "/api/v1/login/passkey/finish",
            Secret,
            |w, _| json!({"ceremony": "pk_x", "credential": w.made["credential"]}),
        ),
    ]
}

fn browsers() -> Vec<Route> {
    use Class::*;
    vec![
        get("/", Browser),
        get("/sign-in", Browser),
        post("/sign-in", Browser, |_, _| json!({"username": "kim", "password": password("kim")})),
        post("/sign-in/passkey", Browser, |_, _| json!({"ceremony": "pk_x", "credential": "{}"})),
        get("/invitation", Browser),
        post("/invitation", Browser, |w, _| json!({"token": w.ids.token})),
        get("/signup", Browser),
        post("/signup", Browser, |w, _| json!({"token": w.signup, "password": password("somebody new")})),
        get("/assets/{name}", Public),
        get("/mail/{token}", Browser),
        post("/mail/{token}/snooze", Browser, |_, _| json!({"minutes": "60"})),
        post("/mail/{token}/unsubscribe", Browser, nothing),
        post("/mail/{token}/subscribe", Browser, nothing),
        get("/auth/oidc/{slug}/start", Browser),
        get("/auth/oidc/{slug}/callback", Browser),
        post("/auth/oidc/{slug}/link", Browser, nothing),
        post("/auth/oidc/{slug}/backchannel-logout", Browser, |_, _| json!({"logout_token": "x"})),
        post("/auth/logout", Browser, nothing),
        get("/api/v1/sign-in-options", Public),
    ]
}

/// The pages inside: a browser is shown what its caller may see, and sends their forms.
fn pages() -> Vec<Route> {
    use Class::*;
    vec![
        get("/spaces", Browser),
        post("/theme", Browser, |_, _| json!({"theme": "dark", "return": "/spaces"})),
        get("/s/{id}", Browser),
        get("/s/{id}/members", Browser),
        post("/s/{id}/members/invite", Browser, |_, _| json!({"to": "new@example.org", "role": "reader"})),
        post("/s/{id}/members/{user}/role", Browser, |_, _| json!({"role": "reader"})),
        post("/s/{id}/members/{user}/remove", Browser, nothing),
        post("/s/{id}/invitations/{invitation}/revoke", Browser, nothing),
        get("/s/{id}/keys", Browser),
        post("/s/{id}/keys", Browser, |_, _| json!({"name": "new", "role": "reader"})),
        post("/s/{id}/keys/{key}/rotate", Browser, |_, _| json!({"grace": "0"})),
        post("/s/{id}/keys/{key}/revoke", Browser, nothing),
        get("/s/{id}/quotas", Browser),
        get("/s/{id}/audit", Browser),
        get("/s/{id}/resources", Browser),
        get("/s/{id}/new", Browser),
        post("/s/{id}/new", Browser, |_, _| json!({"kind": "task", "name": "New"})),
        get("/s/{id}/resources/{resource}", Browser),
        get("/s/{id}/resources/{resource}/edit", Browser),
        post("/s/{id}/resources/{resource}/edit", Browser, |_, _| json!({"name": "Mend the lift"})),
        get("/s/{id}/selected/move", Browser),
        post("/s/{id}/selected/move", Browser, |w, _| json!({"r": w.ids.resource, "space": w.beta.id})),
        get("/s/{id}/selected/copy", Browser),
        post("/s/{id}/selected/copy", Browser, |w, _| json!({"r": w.ids.resource, "space": w.beta.id})),
        get("/s/{id}/selected/done", Browser),
        get("/s/{id}/selected/labels", Browser),
        post("/s/{id}/selected/labels", Browser, |w, _| json!({"r": w.ids.resource, "add": "new"})),
        get("/s/{id}/selected/archive", Browser),
        post("/s/{id}/selected/archive", Browser, |w, _| json!({"r": w.ids.resource})),
        get("/s/{id}/selected/delete", Browser),
        post("/s/{id}/selected/delete", Browser, |w, _| json!({"r": w.ids.resource, "count": "1"})),
        get("/s/{id}/resources/{resource}/policies", Browser),
        post("/s/{id}/resources/{resource}/policies", Browser, |_, _| json!({"view.form": "kind", "do": "save"})),
        post("/s/{id}/resources/{resource}/attach", Browser, |w, _| json!({"resource": w.ids.pool})),
        post("/s/{id}/resources/{resource}/detach", Browser, |w, _| json!({"resource": w.ids.pool})),
        post("/s/{id}/resources/{resource}/share", Browser, |w, _| json!({"space": w.beta.id})),
        post("/s/{id}/resources/{resource}/unshare", Browser, |w, _| json!({"space": w.beta.id})),
        post("/s/{id}/resources/{resource}/archive", Browser, nothing),
        post("/s/{id}/resources/{resource}/activate", Browser, nothing),
        post("/s/{id}/resources/{resource}/delete", Browser, nothing),
        get("/s/{id}/resources/{resource}/runs", Browser),
        post("/s/{id}/resources/{resource}/run", Browser, nothing),
        post("/s/{id}/resources/{resource}/enable", Browser, nothing),
        post("/s/{id}/resources/{resource}/disable", Browser, nothing),
        post("/s/{id}/resources/{resource}/resume", Browser, nothing),
        post("/s/{id}/resources/{resource}/runs/{run}/delete", Browser, nothing),
        post("/s/{id}/resources/{resource}/test", Browser, nothing),
        post("/s/{id}/settings/mail", Browser, |_, _| json!({"prefix": "lifts", "kind": "task"})),
        post("/s/{id}/settings/mail/{address}/delete", Browser, nothing),
        get("/tree", Browser),
        get("/spaces/new", Browser),
        post("/spaces/new", Browser, |w, _| json!({"name": "New", "parent": w.atlas.id})),
        get("/s/{id}/settings", Browser),
        post("/s/{id}/settings", Browser, |_, _| json!({"name": "Atlas"})),
        post("/s/{id}/settings/gate", Browser, |_, _| json!({"view": "users", "edit": "administrators"})),
        get("/s/{id}/settings/move", Browser),
        post("/s/{id}/settings/move", Browser, |w, _| json!({"parent": w.beta.id})),
        get("/s/{id}/settings/delete", Browser),
        post("/s/{id}/settings/delete", Browser, |_, _| json!({"name": "Atlas"})),
        post("/s/{id}/archive", Browser, nothing),
        post("/s/{id}/activate", Browser, nothing),
        post("/s/{id}/default", Browser, |_, _| json!({"default": "true"})),
        post("/s/{id}/leave", Browser, nothing),
        get("/s/{id}/members/grants", Browser),
        post("/s/{id}/members/grants", Browser, |w, _| json!({"principal": w.gus.principal(), "role": "writer"})),
        post("/s/{id}/members/grants/{grant}", Browser, |_, _| json!({"role": "reader"})),
        post("/s/{id}/members/grants/{grant}/revoke", Browser, nothing),
        get("/s/{id}/access", Browser),
    ]
}

/// The pages about people: one's own account, and those for system administrators.
fn people() -> Vec<Route> {
    use Class::*;
    vec![
        get("/setup", Browser),
        post("/setup", Browser, |_, _| json!({"token": "x", "username": "eve", "password": password("eve")})),
        get("/recover", Browser),
        post(
            "/recover",
            Browser,
            |w, _| json!({"username": "gus", "recovery_code": w.recovery, "new_password": "another correct horse battery"}),
        ),
        get("/account", Browser),
        post("/account", Browser, |_, _| json!({"name": "Me", "default_space": ""})),
        post("/account/space", Browser, |_, _| json!({"name": "Mine"})),
        post("/account/invitations/{id}/accept", Browser, nothing),
        get("/account/security", Browser),
        post(
            "/account/password",
            Browser,
            |_, by| json!({"current": password(&by.username), "new": "another correct horse battery"}),
        ),
        post("/account/recovery-codes", Browser, |_, by| json!({"current": password(&by.username)})),
        post("/account/second-factor", Browser, |_, _| json!({"required": "false"})),
        post("/account/passkeys/{id}/rename", Browser, |_, _| json!({"name": "Another name"})),
        post("/account/passkeys/{id}/remove", Browser, nothing),
        post("/account/identities/{id}/unlink", Browser, nothing),
        get("/account/sessions", Browser),
        post("/account/sessions/end", Browser, nothing),
        post("/account/sessions/{id}/end", Browser, nothing),
        get("/system/users", Browser),
        post("/system/users", Browser, |_, _| json!({"username": "newbie"})),
        get("/system/users/{id}", Browser),
        post("/system/users/{id}", Browser, |_, _| json!({"name": "Gus the Second"})),
        post("/system/users/{id}/enabled", Browser, |_, _| json!({"enabled": "false"})),
        post("/system/users/{id}/administrator", Browser, |_, _| json!({"system_admin": "true"})),
        post("/system/users/{id}/sign-out", Browser, nothing),
        post("/system/users/{id}/delete", Browser, |_, _| json!({"confirm": "gus"})),
        get("/system/groups", Browser),
        post("/system/groups", Browser, |_, _| json!({"name": "night shift"})),
        get("/system/groups/{id}", Browser),
        post("/system/groups/{id}", Browser, |_, _| json!({"name": "day shift"})),
        post("/system/groups/{id}/members", Browser, |_, _| json!({"person": "bo"})),
        post("/system/groups/{id}/members/{principal}/remove", Browser, nothing),
        post("/system/groups/{id}/delete", Browser, nothing),
    ]
}

/// The pages of the installation.
fn system_pages() -> Vec<Route> {
    use Class::*;
    vec![
        get("/system/kinds", Browser),
        get("/system/kinds/new", Browser),
        post("/system/kinds/new", Browser, |_, _| json!({"name": "report", "prefix": "R", "schema": "{}"})),
        get("/system/kinds/{id}", Browser),
        post("/system/kinds/{id}", Browser, |_, _| json!({"plural": "spare ones", "schema": "{\"type\": \"object\"}"})),
        post("/system/kinds/{id}/delete", Browser, nothing),
        get("/system/roles", Browser),
        get("/system/roles/new", Browser),
        post("/system/roles/new", Browser, |_, _| json!({"name": "helper", "permission": "task:read"})),
        get("/system/roles/{id}", Browser),
        post("/system/roles/{id}", Browser, |_, _| json!({"name": "other", "permission": "task:write"})),
        post("/system/roles/{id}/delete", Browser, nothing),
        get("/system/login-policies", Browser),
        get("/system/login-policies/new", Browser),
        post(
            "/system/login-policies/new",
            Browser,
            |_, _| json!({"name": "new", "rego": "package garth\nallow := true", "version": "v1"}),
        ),
        get("/system/login-policies/{id}", Browser),
        post(
            "/system/login-policies/{id}",
            Browser,
            |_, _| json!({"name": "new", "rego": "package garth\nallow := true", "version": "v1", "do": "try", "input": "{}"}),
        ),
        post("/system/login-policies/{id}/delete", Browser, nothing),
        get("/system/login-policies/samples/{id}", Browser),
        post("/system/login-policies/{id}/enable", Browser, nothing),
        post("/system/login-policies/{id}/disable", Browser, nothing),
        get("/system/policies", Browser),
        get("/system/policies/new", Browser),
        post("/system/policies/new", Browser, |_, _| json!({"name": "own rule", "policy": "\"users\""})),
        get("/system/policies/{id}", Browser),
        post("/system/policies/{id}", Browser, |_, _| json!({"name": "another rule", "policy": "\"users\""})),
        post("/system/policies/{id}/delete", Browser, nothing),
        get("/system/identity-providers", Browser),
        get("/system/identity-providers/new", Browser),
        post(
            "/system/identity-providers/new",
            Browser,
            |_, _| json!({"name": "Other", "slug": "other", "issuer": "https://127.0.0.1:1/other", "client_id": "garth", "scopes": "openid"}),
        ),
        get("/system/identity-providers/{id}", Browser),
        post(
            "/system/identity-providers/{id}",
            Browser,
            |_, _| json!({"name": "Corporation", "client_id": "garth", "scopes": "openid", "any_group": "true"}),
        ),
        post("/system/identity-providers/{id}/delete", Browser, nothing),
        post("/system/identity-providers/{id}/enable", Browser, nothing),
        post("/system/identity-providers/{id}/disable", Browser, nothing),
        post("/system/identity-providers/{id}/test", Browser, nothing),
        get("/system/registry", Browser),
        get("/system/registry/{id}", Browser),
        post("/system/registry/{id}/grants", Browser, |_, _| json!({"to": "out", "role": "reader"})),
        post("/system/registry/{id}/grants/{grant}/revoke", Browser, nothing),
        post("/system/registry/{id}/quotas", Browser, |_, _| json!({"meter": "llm", "limit": "5", "window": "daily"})),
        post("/system/registry/{id}/quotas/end", Browser, |_, _| json!({"meter": "llm"})),
        get("/system/settings", Browser),
        post("/system/settings", Browser, |_, _| json!({"create_spaces": "system_admins"})),
        get("/system/audit", Browser),
        get("/system/audit/export", Browser),
        get("/s/{id}/audit/export", Browser),
        get("/system/backup", Browser),
        get("/system/health", Browser),
        post(
            "/system/health/alerts",
            Browser,
            |_, _| json!({"recipients": "", "check_minutes": "5", "gap_minutes": "60", "public_health": "colour"}),
        ),
        post("/system/health/alerts/test", Browser, nothing),
        post("/system/health/observers", Browser, |_, _| json!({"name": "Grafana"})),
        post("/system/health/observers/{id}/revoke", Browser, nothing),
    ]
}

fn administration() -> Vec<Route> {
    use Class::*;
    vec![
        get("/api/v1/users", SignedIn),
        post("/api/v1/users", System, |_, _| json!({"username": "newbie"})),
        get("/api/v1/users/{id}", SignedIn),
        patch("/api/v1/users/{id}", System, |_, _| json!({"name": "Gus the Second"})),
        get("/api/v1/groups", SignedIn),
        post("/api/v1/groups", System, |_, _| json!({"name": "night shift"})),
        get("/api/v1/groups/{id}", SignedIn),
        patch("/api/v1/groups/{id}", System, |_, _| json!({"name": "day shift"})),
        get("/api/v1/groups/{id}/members", SignedIn),
        post("/api/v1/groups/{id}/members", System, |w, _| json!({"member": w.bo.principal()})),
        delete("/api/v1/groups/{id}/members/{principal}", System),
        get("/api/v1/roles", SignedIn),
        post("/api/v1/roles", System, |_, _| json!({"name": "helper", "permissions": ["task:read"]})),
        get("/api/v1/roles/{id}", SignedIn),
        patch("/api/v1/roles/{id}", System, |_, _| json!({"permissions": ["task:write"]})),
        get("/api/v1/permissions", SignedIn),
        get("/api/v1/kinds", SignedIn),
        post("/api/v1/kinds", System, |_, _| kind_body("report", json!({}))),
        get("/api/v1/kinds/{id}", SignedIn),
        patch("/api/v1/kinds/{id}", System, |_, _| json!({"plural": "spare ones"})),
        get("/api/v1/policies", SignedIn),
        post("/api/v1/policies", System, |_, _| json!({"name": "own rule", "policy": "users"})),
        get("/api/v1/policies/{id}", SignedIn),
        patch("/api/v1/policies/{id}", System, |_, _| json!({"policy": "users"})),
        get("/api/v1/identity-providers", System),
        post(
            "/api/v1/identity-providers",
            System,
            |_, _| json!({"name": "Other", "slug": "other", "issuer": "https://127.0.0.1:1/other", "client_id": "garth"}),
        ),
        get("/api/v1/identity-providers/{id}", System),
        patch("/api/v1/identity-providers/{id}", System, |_, _| json!({"name": "Corporation"})),
        post("/api/v1/identity-providers/{id}/test", System, nothing),
        get("/api/v1/observer-keys", System),
        post("/api/v1/observer-keys", System, |_, _| json!({"name": "watcher"})),
        post("/api/v1/alerts/test", System, nothing),
        get("/api/v1/settings", System),
        patch("/api/v1/settings", System, |_, _| json!({"create_spaces": "system_admins"})),
        get("/api/v1/audit", System),
        get("/api/v1/registry/spaces", System),
        get("/api/v1/registry/spaces/{id}", System),
        get("/api/v1/registry/spaces/{id}/grants", System),
        post(
            "/api/v1/registry/spaces/{id}/grants",
            System,
            |w, _| json!({"principal": w.out.principal(), "role": "reader"}),
        ),
        patch("/api/v1/registry/spaces/{id}/grants/{grant}", System, |_, _| json!({"role": "writer"})),
        post("/api/v1/spaces", System, |_, _| json!({"name": "New"})),
    ]
}

fn spaces() -> Vec<Route> {
    use Class::*;
    vec![
        get("/api/v1/spaces", Open),
        get("/api/v1/spaces/{id}", Open),
        patch("/api/v1/spaces/{id}", SignedIn, |_, _| json!({"description": "Where lifts are mended"})),
        get("/api/v1/spaces/{id}/members", SignedIn),
        get("/api/v1/spaces/{id}/audit", SignedIn),
        get("/api/v1/spaces/{id}/export", SignedIn),
        get("/api/v1/spaces/{id}/usable", Open),
        post("/api/v1/spaces/{id}/import", SignedIn, |_, _| {
            json!([
                {"type": "space", "format": 1, "space": {}},
                {"type": "resource", "kind": "task", "name": "Old lift"},
                {"type": "end", "resources": 1},
            ])
        }),
        get("/api/v1/spaces/{id}/grants", SignedIn),
        post("/api/v1/spaces/{id}/grants", SignedIn, |w, _| json!({"principal": w.gus.principal(), "role": "writer"})),
        patch("/api/v1/spaces/{id}/grants/{grant}", SignedIn, |w, _| json!({"expires_at": w.lin.g.time_in(SECOND)})),
        patch("/api/v1/spaces/{id}/members/{user}", SignedIn, |_, _| json!({"role": "reader"})),
        get("/api/v1/spaces/{id}/api-keys", SignedIn),
        post("/api/v1/spaces/{id}/api-keys", SignedIn, |_, _| json!({"name": "new", "role": "reader"})),
        get("/api/v1/spaces/{id}/api-keys/{key}", SignedIn),
        patch("/api/v1/spaces/{id}/api-keys/{key}", SignedIn, |_, _| json!({"name": "newer"})),
        post("/api/v1/spaces/{id}/api-keys/{key}/rotate", SignedIn, nothing),
        get("/api/v1/spaces/{id}/quotas", SignedIn),
        put("/api/v1/spaces/{id}/quotas/{meter}", SignedIn, |_, _| json!({"limit": 1_000, "window": "daily"})),
        post("/api/v1/spaces/{id}/quotas/{meter}/consume", SignedIn, |_, _| json!({"units": 1})),
        get("/api/v1/spaces/{id}/invitations", SignedIn),
        post("/api/v1/spaces/{id}/invitations", SignedIn, |_, _| json!({"to": "new@example.org", "role": "reader"})),
        get("/api/v1/spaces/{id}/inbound-addresses", SignedIn),
        post("/api/v1/spaces/{id}/inbound-addresses", SignedIn, |_, _| json!({"prefix": "lifts", "kind": "task"})),
        post("/api/v1/spaces/{id}/archive", SignedIn, nothing),
        post("/api/v1/spaces/{id}/activate", SignedIn, nothing),
    ]
}

fn resources() -> Vec<Route> {
    use Class::*;
    let new = |w: &World, _: &Person| json!({"kind": "task", "name": "New", "space": w.atlas.id});
    let batch = |w: &World, _: &Person| json!({"resources": [{"kind": "task", "name": "New", "space": w.atlas.id}]});
    vec![
        get("/api/v1/resources", Open),
        post("/api/v1/resources", SignedIn, new),
        post("/api/v1/resources/batch", SignedIn, batch),
        get("/api/v1/resources/{id}", Open),
        patch("/api/v1/resources/{id}", SignedIn, |_, _| json!({"name": "Mend the lift"})),
        post("/api/v1/resources/{id}/archive", SignedIn, nothing),
        post("/api/v1/resources/{id}/activate", SignedIn, nothing),
        get("/api/v1/resources/{id}/shares", Open),
        post("/api/v1/resources/{id}/shares", SignedIn, |w, _| json!({"space": w.beta.id})),
        put("/api/v1/resources/{id}/shares", SignedIn, |w, _| json!({"spaces": [w.beta.id]})),
        get("/api/v1/jobs/{id}", SignedIn),
        post("/api/v1/jobs/{id}/run", SignedIn, nothing),
        get("/api/v1/jobs/{id}/runs", SignedIn),
        post("/api/v1/jobs/{id}/disable", SignedIn, nothing),
        post("/api/v1/jobs/{id}/enable", SignedIn, nothing),
        post("/api/v1/jobs/{id}/resume", SignedIn, nothing),
        get("/api/v1/runs/{id}", SignedIn),
        get("/api/v1/runs/{id}/{file}", SignedIn),
        get("/api/v1/resources/{id}/attachments", Open),
        post("/api/v1/resources/{id}/attachments", SignedIn, |w, _| json!({"resource": w.ids.pool})),
        get("/api/v1/resources/{id}/consumers", Open),
        post(
            "/api/v1/resources/batch-move",
            SignedIn,
            |w, _| json!({"resources": [w.ids.resource, w.ids.pool], "space": w.beta.id}),
        ),
        post("/api/v1/deliveries/{id}/test", SignedIn, nothing),
        post("/api/v1/ai-providers/{id}/test", SignedIn, nothing),
        get("/api/v1/ai-providers/{id}/usage", SignedIn),
        post("/api/v1/resources/{id}/move", SignedIn, |w, _| json!({"space": w.beta.id})),
        post("/api/v1/spaces/{id}/copies", SignedIn, |w, _| json!({"resources": [w.beyond.id]})),
    ]
}

fn ends() -> Vec<Route> {
    use Class::*;
    vec![
        delete("/api/v1/runs/{id}", SignedIn),
        delete("/api/v1/resources/{id}/shares/{space}", SignedIn),
        delete("/api/v1/resources/{id}/attachments/{resource}", SignedIn),
        delete("/api/v1/resources/{id}", SignedIn),
        delete("/api/v1/spaces/{id}/grants/{grant}", SignedIn),
        delete("/api/v1/spaces/{id}/members/{user}", SignedIn),
        delete("/api/v1/registry/spaces/{id}/grants/{grant}", System),
        delete("/api/v1/spaces/{id}/api-keys/{key}", SignedIn),
        delete("/api/v1/spaces/{id}/quotas/{meter}", SignedIn),
        delete("/api/v1/spaces/{id}/invitations/{invitation}", SignedIn),
        delete("/api/v1/spaces/{id}/inbound-addresses/{address}", SignedIn),
        delete("/api/v1/spaces/{id}", SignedIn),
        delete("/api/v1/users/{id}/sessions", System),
        delete("/api/v1/users/{id}", System),
        delete("/api/v1/groups/{id}", System),
        delete("/api/v1/roles/{id}", System),
        delete("/api/v1/kinds/{id}", System),
        delete("/api/v1/policies/{id}", System),
        delete("/api/v1/identity-providers/{id}", System),
        delete("/api/v1/observer-keys/{id}", System),
    ]
}

/// A login policy that lets everybody in.
pub const LOGIN_POLICY: &str = "package garth\nallow if input.session.member";

/// Last, because each change ends every session but that of whoever makes it.
fn login_policies() -> Vec<Route> {
    use Class::*;
    let new = |_: &World, _: &Person| json!({"name": "new", "rego": LOGIN_POLICY, "version": "v1", "enabled": false});
    vec![
        get("/api/v1/login-policies", System),
        get("/api/v1/login-policies/{id}", System),
        get("/api/v1/login-policies/samples", System),
        post(
            "/api/v1/login-policies/simulate",
            System,
            |_, _| json!({"rego": LOGIN_POLICY, "version": "v1", "input": {"session": {"member": true}}}),
        ),
        post("/api/v1/login-policies", System, new),
        patch("/api/v1/login-policies/{id}", System, |_, _| json!({"name": "another name"})),
        delete("/api/v1/login-policies/{id}", System),
    ]
}

fn account() -> Vec<Route> {
    use Class::*;
    vec![
        get("/api/v1/me", People),
        patch("/api/v1/me", People, |_, _| json!({"name": "Me"})),
        get("/api/v1/me/sessions", People),
        delete("/api/v1/me/sessions/{id}", People),
        get("/api/v1/me/invitations", People),
        post("/api/v1/invitations/{token}/accept", People, nothing),
        get("/api/v1/me/identities", People),
        delete("/api/v1/me/identities/{id}", People),
        get("/api/v1/me/passkeys", People),
        post("/api/v1/me/passkeys/begin", People, nothing),
        post("/api/v1/me/passkeys/finish", People, |w, _| w.made.clone()),
        put("/api/v1/me/second-factor", People, |_, _| json!({"required": false})),
        patch("/api/v1/me/passkeys/{id}", People, |_, _| json!({"name": "Another name"})),
        delete("/api/v1/me/passkeys/{id}", People),
        post("/api/v1/me/recovery-codes", People, |_, by| json!({"current": password(&by.username)})),
        put(
            "/api/v1/me/password",
            People,
            |_, by| json!({"current": password(&by.username), "new": "another correct horse battery"}),
        ),
        delete("/api/v1/me/sessions", People),
        post("/api/v1/spaces/{id}/leave", People, nothing),
        post("/api/v1/logout", People, nothing),
    ]
}
