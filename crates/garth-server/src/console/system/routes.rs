//! The pages of the installation over HTTP: what is looked at, and what their forms send.

use super::{
    audit, backup, health, kinds, login_policies, login_samples, policies, providers, registry, roles, settings,
};
use crate::access::App;
use crate::base::error::Problem;
use crate::base::http::REQUEST_BYTES;
use crate::console::answers::{self, Shown};
use crate::console::fields::AnyForm;
use crate::console::seat::Seat;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The routes of these pages.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(system_kinds))
        .routes(routes!(new_kind, create_kind))
        .routes(routes!(system_kind, update_kind))
        .routes(routes!(delete_kind))
        .routes(routes!(system_roles))
        .routes(routes!(new_role, create_role))
        .routes(routes!(system_role, update_role))
        .routes(routes!(delete_role))
        .routes(routes!(system_login_policies))
        .routes(routes!(new_login_policy, create_login_policy))
        .routes(routes!(system_login_policy, update_login_policy))
        .routes(routes!(delete_login_policy))
        .routes(routes!(login_sample))
        .routes(routes!(enable_login_policy))
        .routes(routes!(disable_login_policy))
        .routes(routes!(system_policies))
        .routes(routes!(new_policy, create_policy))
        .routes(routes!(system_policy, update_policy))
        .routes(routes!(delete_policy))
        .routes(routes!(system_providers))
        .routes(routes!(new_provider, create_provider))
        .routes(routes!(system_provider, update_provider))
        .routes(routes!(delete_provider))
        .routes(routes!(enable_provider))
        .routes(routes!(disable_provider))
        .routes(routes!(test_provider))
        .routes(routes!(registry))
        .routes(routes!(registry_space))
        .routes(routes!(registry_give))
        .routes(routes!(registry_take))
        .routes(routes!(registry_quota))
        .routes(routes!(registry_end_quota))
        .routes(routes!(system_settings, update_settings))
        .routes(routes!(system_audit))
        .routes(routes!(export_system_audit))
        .routes(routes!(export_audit))
        .routes(routes!(backup_page))
        .routes(routes!(health_page))
        .routes(routes!(update_alerts))
        .routes(routes!(test_alerts))
        .routes(routes!(create_observer))
        .routes(routes!(revoke_observer))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
}

/// All kinds
#[utoipa::path(get, path = "/system/kinds", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_kinds(seat: Seat) -> Response {
    seat.answer(async { kinds::list(&seat) }).await
}

/// The form of a new kind
#[utoipa::path(get, path = "/system/kinds/new", tag = "console", responses(Shown))]
async fn new_kind(seat: Seat) -> Response {
    seat.answer(async { kinds::new(&seat) }).await
}

/// Make a kind
#[utoipa::path(post, path = "/system/kinds/new", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_kind(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(kinds::create(&seat, form)).await
}

/// A kind
#[utoipa::path(get, path = "/system/kinds/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn system_kind(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(kinds::show(&seat, &id)).await
}

/// Change a kind
#[utoipa::path(post, path = "/system/kinds/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_kind(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(kinds::update(&seat, &id, form)).await
}

/// Delete a kind
#[utoipa::path(post, path = "/system/kinds/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn delete_kind(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(kinds::delete(&seat, &id)).await
}

/// All roles
#[utoipa::path(get, path = "/system/roles", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_roles(seat: Seat) -> Response {
    seat.answer(async { roles::list(&seat) }).await
}

/// The form of a new role
#[utoipa::path(get, path = "/system/roles/new", tag = "console", responses(Shown))]
async fn new_role(seat: Seat) -> Response {
    seat.answer(async { roles::new(&seat) }).await
}

/// Make a role
#[utoipa::path(post, path = "/system/roles/new", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_role(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(roles::create(&seat, form)).await
}

/// A role
#[utoipa::path(get, path = "/system/roles/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn system_role(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(roles::show(&seat, &id)).await
}

/// Change a role
#[utoipa::path(post, path = "/system/roles/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_role(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(roles::update(&seat, &id, form)).await
}

/// Delete a role
#[utoipa::path(post, path = "/system/roles/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn delete_role(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(roles::delete(&seat, &id)).await
}

/// All login policies
#[utoipa::path(get, path = "/system/login-policies", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_login_policies(seat: Seat) -> Response {
    seat.answer(login_policies::list(&seat)).await
}

/// The form of a new login policy
#[utoipa::path(get, path = "/system/login-policies/new", tag = "console", responses(Shown))]
async fn new_login_policy(seat: Seat) -> Response {
    seat.answer(async { login_policies::new(&seat) }).await
}

/// Make a login policy
#[utoipa::path(post, path = "/system/login-policies/new", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_login_policy(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(login_policies::create(&seat, form)).await
}

/// A login policy
#[utoipa::path(get, path = "/system/login-policies/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn system_login_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(async { login_policies::show(&seat, &id) }).await
}

/// Change a login policy
#[utoipa::path(post, path = "/system/login-policies/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_login_policy(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(login_policies::update(&seat, &id, form)).await
}

/// Delete a login policy
#[utoipa::path(post, path = "/system/login-policies/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn delete_login_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(login_policies::delete(&seat, &id)).await
}

/// A sign-in that was kept
#[utoipa::path(get, path = "/system/login-policies/samples/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn login_sample(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(login_samples::show(&seat, &id)).await
}

/// Ask a login policy from now on
#[utoipa::path(post, path = "/system/login-policies/{id}/enable", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn enable_login_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(login_policies::turn(&seat, &id, true)).await
}

/// Stop asking a login policy
#[utoipa::path(post, path = "/system/login-policies/{id}/disable", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn disable_login_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(login_policies::turn(&seat, &id, false)).await
}

/// All named policies
#[utoipa::path(get, path = "/system/policies", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_policies(seat: Seat) -> Response {
    seat.answer(async { policies::list(&seat) }).await
}

/// The form of a new named policy
#[utoipa::path(get, path = "/system/policies/new", tag = "console", responses(Shown))]
async fn new_policy(seat: Seat) -> Response {
    seat.answer(policies::new(&seat)).await
}

/// Make a named policy
#[utoipa::path(post, path = "/system/policies/new", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_policy(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(policies::create(&seat, form)).await
}

/// A named policy
#[utoipa::path(get, path = "/system/policies/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn system_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(policies::show(&seat, &id)).await
}

/// Change a named policy
#[utoipa::path(post, path = "/system/policies/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_policy(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(policies::update(&seat, &id, form)).await
}

/// Delete a named policy
#[utoipa::path(post, path = "/system/policies/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn delete_policy(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(policies::delete(&seat, &id)).await
}

/// All identity providers
#[utoipa::path(get, path = "/system/identity-providers", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_providers(seat: Seat) -> Response {
    seat.answer(providers::list(&seat)).await
}

/// The form of a new identity provider
#[utoipa::path(get, path = "/system/identity-providers/new", tag = "console", responses(Shown))]
async fn new_provider(seat: Seat) -> Response {
    seat.answer(async { providers::new(&seat) }).await
}

/// Make a identity provider
#[utoipa::path(post, path = "/system/identity-providers/new", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_provider(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(providers::create(&seat, form)).await
}

/// A identity provider
#[utoipa::path(get, path = "/system/identity-providers/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(Shown))]
async fn system_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(providers::show(&seat, &id)).await
}

/// Change a identity provider
#[utoipa::path(post, path = "/system/identity-providers/{id}", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_provider(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(providers::update(&seat, &id, form)).await
}

/// Delete a identity provider
#[utoipa::path(post, path = "/system/identity-providers/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn delete_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(providers::delete(&seat, &id)).await
}

/// Let people sign in by a provider
#[utoipa::path(post, path = "/system/identity-providers/{id}/enable", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn enable_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(providers::turn(&seat, &id, true)).await
}

/// Put a provider to rest
#[utoipa::path(post, path = "/system/identity-providers/{id}/disable", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn disable_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(providers::turn(&seat, &id, false)).await
}

/// Ask a provider what it is
#[utoipa::path(post, path = "/system/identity-providers/{id}/test", tag = "console",
    params(("id" = String, Path, description = "Its id")),
    responses(answers::Sent))]
async fn test_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(providers::test(&seat, &id)).await
}

/// Every space that is not sealed, and who is in charge
#[utoipa::path(get, path = "/system/registry", tag = "console",
    params(("q" = Option<String>, Query, description = "With these words in name or labels"),
        ("in_charge" = Option<String>, Query, description = "`own`, `above` or `nobody`"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn registry(seat: Seat) -> Response {
    seat.answer(async { registry::list(&seat) }).await
}

/// A space without its contents
#[utoipa::path(get, path = "/system/registry/{id}", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    responses(Shown))]
async fn registry_space(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(registry::show(&seat, &id)).await
}

/// Give somebody a role there
#[utoipa::path(post, path = "/system/registry/{id}/grants", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn registry_give(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(registry::give(&seat, &id, form)).await
}

/// Take a role away
#[utoipa::path(post, path = "/system/registry/{id}/grants/{grant}/revoke", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("grant" = String, Path, description = "The grant's id")),
    responses(answers::Sent))]
async fn registry_take(seat: Seat, Path((id, grant)): Path<(String, String)>) -> Response {
    seat.answer(registry::take(&seat, &id, &grant)).await
}

/// Set a limit
#[utoipa::path(post, path = "/system/registry/{id}/quotas", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn registry_quota(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(registry::set_quota(&seat, &id, form)).await
}

/// Take a limit away
#[utoipa::path(post, path = "/system/registry/{id}/quotas/end", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn registry_end_quota(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(registry::end_quota(&seat, &id, form)).await
}

/// The settings of the installation
#[utoipa::path(get, path = "/system/settings", tag = "console", responses(Shown))]
async fn system_settings(seat: Seat) -> Response {
    seat.answer(async { settings::show(&seat) }).await
}

/// Change the settings
#[utoipa::path(post, path = "/system/settings", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_settings(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(settings::update(&seat, form)).await
}

/// What was changed and refused of the installation
#[utoipa::path(get, path = "/system/audit", tag = "console",
    params(("actor" = Option<String>, Query, description = "A username, or a principal"),
        ("action" = Option<String>, Query, description = "Of that action"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "The first day, or a time"),
        ("to" = Option<String>, Query, description = "The last day, or a time"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn system_audit(seat: Seat) -> Response {
    seat.answer(audit::show(&seat)).await
}

/// The same as a file
#[utoipa::path(get, path = "/system/audit/export", tag = "console",
    params(("actor" = Option<String>, Query, description = "A username, or a principal"),
        ("action" = Option<String>, Query, description = "Of that action"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "The first day, or a time"),
        ("to" = Option<String>, Query, description = "The last day, or a time"),
        ("format" = Option<String>, Query, description = "`csv` or `json`")),
    responses((status = 200, description = "A file", content((String = "text/csv"), (Object = "application/json"))), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn export_system_audit(seat: Seat) -> Response {
    seat.answer(audit::export(&seat, None)).await
}

/// The record of a space as a file
#[utoipa::path(get, path = "/s/{id}/audit/export", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("actor" = Option<String>, Query, description = "A username, or a principal"),
        ("action" = Option<String>, Query, description = "Of that action"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "The first day, or a time"),
        ("to" = Option<String>, Query, description = "The last day, or a time"),
        ("format" = Option<String>, Query, description = "`csv` or `json`")),
    responses((status = 200, description = "A file", content((String = "text/csv"), (Object = "application/json"))), (status = "default", description = "A problem; a page for who wants one", content((Problem = "application/problem+json"), (String = "text/html")))))]
async fn export_audit(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(audit::export(&seat, Some(&id))).await
}

/// How backups are made
#[utoipa::path(get, path = "/system/backup", tag = "console", responses(Shown))]
async fn backup_page(seat: Seat) -> Response {
    seat.answer(backup::show(&seat)).await
}

/// How the server is
#[utoipa::path(get, path = "/system/health", tag = "console", responses(Shown))]
async fn health_page(seat: Seat) -> Response {
    seat.answer(health::show(&seat)).await
}

/// Change whom the server writes to when something turns red, and what everybody is told
#[utoipa::path(post, path = "/system/health/alerts", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn update_alerts(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(health::update(&seat, form)).await
}

/// Write to them now
#[utoipa::path(post, path = "/system/health/alerts/test", tag = "console", responses(answers::Sent))]
async fn test_alerts(seat: Seat) -> Response {
    seat.answer(health::test(&seat)).await
}

/// Make a key for a program that watches; the page shows its secret this once
#[utoipa::path(post, path = "/system/health/observers", tag = "console",
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(answers::Sent))]
async fn create_observer(seat: Seat, AnyForm(form): AnyForm) -> Response {
    seat.answer(health::observe(&seat, form)).await
}

/// Revoke such a key
#[utoipa::path(post, path = "/system/health/observers/{id}/revoke", tag = "console",
    params(("id" = String, Path, description = "The key's id")),
    responses(answers::Sent))]
async fn revoke_observer(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(health::revoke(&seat, id)).await
}
