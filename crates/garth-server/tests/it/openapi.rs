//! Stories about the document that describes every route, and the promise that each route asks who is calling.

use crate::support::*;
use axum::http::Method;
use std::collections::BTreeSet;

stories! {
    every_route_of_the_contract_is_described,
    a_description_is_complete,
    every_described_route_is_there_and_asks_who_is_calling,
}

/// What the contract promises so far. Routes may be added to the document freely.
const PROMISED: &str = "
    get /api/v1/setup
    post /api/v1/setup
    post /api/v1/signup
    post /api/v1/login
    post /api/v1/logout
    get /api/v1/me
    patch /api/v1/me
    get /api/v1/users
    post /api/v1/users
    get /api/v1/users/{}
    patch /api/v1/users/{}
    delete /api/v1/users/{}
    get /api/v1/groups
    post /api/v1/groups
    get /api/v1/groups/{}
    patch /api/v1/groups/{}
    delete /api/v1/groups/{}
    get /api/v1/groups/{}/members
    post /api/v1/groups/{}/members
    delete /api/v1/groups/{}/members/{}
    get /api/v1/roles
    post /api/v1/roles
    get /api/v1/roles/{}
    patch /api/v1/roles/{}
    delete /api/v1/roles/{}
    get /api/v1/kinds
    post /api/v1/kinds
    get /api/v1/kinds/{}
    patch /api/v1/kinds/{}
    delete /api/v1/kinds/{}
    get /api/v1/login-policies
    post /api/v1/login-policies
    get /api/v1/login-policies/{}
    patch /api/v1/login-policies/{}
    delete /api/v1/login-policies/{}
    post /api/v1/login-policies/simulate
    get /api/v1/login-policies/samples
    get /api/v1/settings
    patch /api/v1/settings
    get /api/v1/spaces
    post /api/v1/spaces
    get /api/v1/spaces/{}
    patch /api/v1/spaces/{}
    get /api/v1/spaces/{}/grants
    post /api/v1/spaces/{}/grants
    patch /api/v1/spaces/{}/grants/{}
    delete /api/v1/spaces/{}/grants/{}
    get /api/v1/spaces/{}/invitations
    post /api/v1/spaces/{}/invitations
    delete /api/v1/spaces/{}/invitations/{}
    get /api/v1/spaces/{}/inbound-addresses
    post /api/v1/spaces/{}/inbound-addresses
    delete /api/v1/spaces/{}/inbound-addresses/{}
    get /api/v1/health
    get /api/v1/observer-keys
    post /api/v1/observer-keys
    delete /api/v1/observer-keys/{}
    post /api/v1/alerts/test
    get /api/v1/me/invitations
    post /api/v1/invitations/{}/accept
    get /api/v1/spaces/{}/members
    get /api/v1/spaces/{}/audit
    get /api/v1/spaces/{}/quotas
    put /api/v1/spaces/{}/quotas/{}
    delete /api/v1/spaces/{}/quotas/{}
    post /api/v1/spaces/{}/quotas/{}/consume
    get /api/v1/spaces/{}/export
    post /api/v1/spaces/{}/import
    get /api/v1/audit
    get /api/v1/registry/spaces
    get /api/v1/registry/spaces/{}/grants
    get /api/v1/resources
    post /api/v1/resources
    post /api/v1/resources/batch
    get /api/v1/resources/{}
    patch /api/v1/resources/{}
    delete /api/v1/resources/{}
    post /api/v1/resources/{}/move
    post /api/v1/resources/batch-move
    post /api/v1/spaces/{}/copies
    post /api/v1/spaces/{}/archive
    post /api/v1/spaces/{}/activate
    delete /api/v1/spaces/{}
    post /access/v1/evaluation
    post /access/v1/evaluations
    post /access/v1/search/subject
    post /access/v1/search/resource
    post /access/v1/search/action
    get /.well-known/authzen-configuration
    post /api/v1/explain
    post /api/v1/preview
    get /api/v1/identity-providers
    post /api/v1/identity-providers
    get /api/v1/identity-providers/{}
    patch /api/v1/identity-providers/{}
    delete /api/v1/identity-providers/{}
    post /api/v1/identity-providers/{}/test
    get /api/v1/sign-in-options
    get /api/v1/me/identities
    delete /api/v1/me/identities/{}
    get /auth/oidc/{}/start
    get /auth/oidc/{}/callback
    post /auth/oidc/{}/link
    post /auth/oidc/{}/backchannel-logout
    post /auth/logout
    get /api/v1/me/passkeys
    post /api/v1/me/passkeys/begin
    post /api/v1/me/passkeys/finish
    patch /api/v1/me/passkeys/{}
    delete /api/v1/me/passkeys/{}
    put /api/v1/me/second-factor
    post /api/v1/login/passkey/begin
    post /api/v1/login/passkey/finish
    get /
    get /invitation
    post /invitation
    get /signup
    post /signup
    get /sign-in
    post /sign-in
    post /sign-in/passkey
    get /spaces
    post /theme
    get /s/{}
    get /s/{}/members
    post /s/{}/members/invite
    post /s/{}/members/{}/role
    post /s/{}/members/{}/remove
    post /s/{}/invitations/{}/revoke
    get /s/{}/keys
    post /s/{}/keys
    post /s/{}/keys/{}/rotate
    post /s/{}/keys/{}/revoke
    get /s/{}/quotas
    get /s/{}/audit
    get /s/{}/resources
    get /s/{}/new
    post /s/{}/new
    get /s/{}/resources/{}
    get /s/{}/resources/{}/edit
    post /s/{}/resources/{}/edit
    post /s/{}/resources/{}/archive
    post /s/{}/resources/{}/activate
    post /s/{}/resources/{}/delete
    get /healthz
    get /readyz
    get /metrics
    get /api/v1/openapi.json
";

/// The routes that answer somebody without a credential. Adding one is a decision.
const PUBLIC: [&str; 33] = [
    "get /api/v1/health",
    "get /",
    "get /setup",
    "post /setup",
    "get /recover",
    "post /recover",
    "get /mail/{}",
    "post /mail/{}/snooze",
    "post /mail/{}/unsubscribe",
    "post /mail/{}/subscribe",
    "get /invitation",
    "post /invitation",
    "get /signup",
    "post /signup",
    "get /sign-in",
    "post /sign-in",
    "post /sign-in/passkey",
    "get /assets/{}",
    "get /auth/oidc/{}/start",
    "get /auth/oidc/{}/callback",
    "post /auth/oidc/{}/backchannel-logout",
    "get /api/v1/sign-in-options",
    "get /api/v1/setup",
    "post /api/v1/setup",
    "post /api/v1/signup",
    "post /api/v1/recover",
    "post /api/v1/login",
    "post /api/v1/login/passkey/begin",
    "post /api/v1/login/passkey/finish",
    "get /healthz",
    "get /readyz",
    "get /api/v1/openapi.json",
    "get /.well-known/authzen-configuration",
];

/// The document's operations: method, path, and what is said about it.
async fn operations(g: &Garth) -> Vec<(String, String, Value)> {
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    let mut operations = Vec::new();
    for (path, methods) in document["paths"].as_object().expect("paths") {
        for (method, operation) in methods.as_object().expect("methods") {
            if method.parse::<Method>().is_ok() && operation["responses"].is_object() {
                operations.push((method.clone(), path.clone(), operation.clone()));
            }
        }
    }
    operations
}

/// `/spaces/{id}` and `/spaces/{space}` are the same route.
fn nameless(path: &str) -> String {
    let mut parts = path.split('{');
    let mut name = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        name.push_str("{}");
        name.push_str(part.split_once('}').map_or("", |(_, rest)| rest));
    }
    name
}

async fn every_route_of_the_contract_is_described(g: Garth) {
    let described: BTreeSet<String> =
        operations(&g).await.iter().map(|(method, path, _)| format!("{method} {}", nameless(path))).collect();
    let promised = PROMISED.lines().map(str::trim).filter(|line| !line.is_empty());
    let missing: Vec<_> = promised.filter(|route| !described.contains(*route)).collect();
    assert!(missing.is_empty(), "promised and not described: {missing:#?}");
}

async fn a_description_is_complete(g: Garth) {
    let document = g.anonymous().get("/api/v1/openapi.json").await.ok();
    assert!(document.text("openapi").starts_with("3.1"), "OpenAPI 3.1");
    let mut ids = BTreeSet::new();
    for (method, path, operation) in operations(&g).await {
        let id = operation["operationId"].as_str().unwrap_or("");
        assert!(!id.is_empty() && ids.insert(id.to_owned()), "{method} {path} has no name of its own: {id}");
        let said = operation["summary"].as_str().or(operation["description"].as_str()).unwrap_or("");
        assert!(!said.is_empty(), "{method} {path} does not say what it is for");
        for (status, response) in operation["responses"].as_object().expect("responses") {
            let described = response["description"].as_str().is_some_and(|text| !text.is_empty());
            assert!(described || response["$ref"].is_string(), "{method} {path} {status} says nothing");
        }
        let named: BTreeSet<_> = path.split('{').skip(1).filter_map(|part| part.split('}').next()).collect();
        let parameters = operation["parameters"].as_array().cloned().unwrap_or_default();
        for name in named {
            let there = parameters.iter().any(|one| one["name"] == name && one["in"] == "path");
            assert!(there, "{method} {path} does not describe {name}");
        }
    }
    // Every reference leads somewhere: an answer described by a schema that is missing is described by nothing.
    let text = document.json.to_string();
    for reference in text.split("\"$ref\":\"#").skip(1).filter_map(|part| part.split('"').next()) {
        assert!(document.json.pointer(reference).is_some(), "{reference} leads nowhere");
    }
}

async fn every_described_route_is_there_and_asks_who_is_calling(g: Garth) {
    let lin = g.person("lin").await;
    for (method, path, _) in operations(&g).await {
        let name = format!("{method} {}", nameless(&path));
        let url = nameless(&path).replace("{}", "0197a0c0-0000-7000-8000-000000000000");
        let verb: Method = method.to_uppercase().parse().expect("a method");
        let call = |by: &Person| {
            let call = by.call(verb.clone(), &url);
            if method == "get" || method == "delete" { call } else { call.json(json!({})) }
        };
        if name != "post /api/v1/logout" {
            let answer = call(&lin).await;
            assert!(answer.status != 405, "described and not there: {answer}");
        }
        let nobody = call(&g.anonymous()).await;
        if PUBLIC.contains(&name.as_str()) {
            assert!(nobody.status != 401 || name == "post /api/v1/login", "{nobody}");
        } else {
            nobody.not_signed_in();
        }
    }
}
