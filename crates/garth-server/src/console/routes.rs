//! The pages of the console over HTTP: what is looked at, and what its forms send.

use super::answers::{Sent, Shown};
use super::fields::AnyForm;
use super::resources::Deed;
use super::seat::{Seat, Wrong};
use super::{audit, edit, home, keys, members, quotas, resources, switcher};
use crate::access::App;

use crate::base::http::REQUEST_BYTES;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Whom to invite, and to what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InviteForm {
    to: String,
    /// A role's name.
    role: String,
}

/// What somebody is to be.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RoleForm {
    /// A role's name.
    role: String,
}

/// A new API key.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct KeyForm {
    name: String,
    /// A role's name.
    role: String,
    /// Its last day, `2031-05-04`; empty for none.
    #[serde(default)]
    expires: String,
}

/// How the old secret ends.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GraceForm {
    /// Seconds.
    grace: String,
}

/// How pages are to look.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ThemeForm {
    /// `light`, `dark` or `system`.
    theme: String,
    /// A path of this server to go to.
    #[serde(default)]
    r#return: Option<String>,
}

/// The routes of the pages inside.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(all_spaces))
        .routes(routes!(theme))
        .routes(routes!(space))
        .routes(routes!(member_list))
        .routes(routes!(invite))
        .routes(routes!(take_back))
        .routes(routes!(change_role))
        .routes(routes!(remove))
        .routes(routes!(key_list, create_key))
        .routes(routes!(rotate_key))
        .routes(routes!(revoke_key))
        .routes(routes!(meters))
        .routes(routes!(changes))
        .routes(routes!(resource_list))
        .routes(routes!(new_resource, create_resource))
        .routes(routes!(resource))
        .routes(routes!(edit_resource, update_resource))
        .routes(routes!(archive))
        .routes(routes!(activate))
        .routes(routes!(delete))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
}

/// All spaces of somebody, to go to one of them
#[utoipa::path(get, path = "/spaces", tag = "console",
    params(("q" = Option<String>, Query, description = "With these words in name or labels"),
        ("section" = Option<String>, Query, description = "The part of a space that they look at"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn all_spaces(seat: Seat) -> Response {
    seat.answer(switcher::show(&seat)).await
}

/// A space: what is here, what was changed, how much is used, who is here
#[utoipa::path(get, path = "/s/{id}", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    responses(Shown))]
async fn space(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(home::show(&seat, &id)).await
}

/// Who has what in a space, and why
#[utoipa::path(get, path = "/s/{id}/members", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn member_list(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(members::show(&seat, &id)).await
}

/// The API keys of a space
#[utoipa::path(get, path = "/s/{id}/keys", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn key_list(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(keys::show(&seat, &id)).await
}

/// The quotas of a space
#[utoipa::path(get, path = "/s/{id}/quotas", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn meters(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(quotas::show(&seat, &id)).await
}

/// What was changed and refused in a space
#[utoipa::path(get, path = "/s/{id}/audit", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("actor" = Option<String>, Query, description = "A username, or a principal"),
        ("action" = Option<String>, Query, description = "Of that action"),
        ("target" = Option<String>, Query, description = "Of the thing of that id"),
        ("outcome" = Option<String>, Query, description = "`done` or `refused`"),
        ("from" = Option<String>, Query, description = "The first day, or a time"),
        ("to" = Option<String>, Query, description = "The last day, or a time"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn changes(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(audit::show(&seat, &id)).await
}

/// The resources of a space
#[utoipa::path(get, path = "/s/{id}/resources", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("kind" = Option<String>, Query, description = "Of that kind"),
        ("q" = Option<String>, Query, description = "With these words, or of that code"),
        ("label" = Option<String>, Query, description = "With that label"),
        ("owner" = Option<String>, Query, description = "A username, or a principal"),
        ("order" = Option<String>, Query, description = "`updated`, `created` or `name`"),
        ("archived" = Option<bool>, Query, description = "Archived ones, too"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn resource_list(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(resources::list(&seat, &id)).await
}

/// The form of a new resource
#[utoipa::path(get, path = "/s/{id}/new", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("kind" = Option<String>, Query, description = "Of that kind")),
    responses(Shown))]
async fn new_resource(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(edit::new(&seat, &id)).await
}

/// A resource
#[utoipa::path(get, path = "/s/{id}/resources/{resource}", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Shown))]
async fn resource(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(resources::show(&seat, &id, &resource, Wrong::default())).await
}

/// The form of a resource
#[utoipa::path(get, path = "/s/{id}/resources/{resource}/edit", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Shown))]
async fn edit_resource(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(edit::edit(&seat, &id, &resource)).await
}

/// How pages look from now on, in this browser
#[utoipa::path(post, path = "/theme", tag = "console",
    request_body(content = ThemeForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn theme(seat: Seat, Form(form): Form<ThemeForm>) -> Response {
    seat.answer(async { switcher::look(&seat, &form.theme, form.r#return.as_deref()) }).await
}

/// Invite somebody
#[utoipa::path(post, path = "/s/{id}/members/invite", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = InviteForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn invite(seat: Seat, Path(id): Path<String>, Form(form): Form<InviteForm>) -> Response {
    seat.answer(members::invite(&seat, &id, form.to, form.role)).await
}

/// Take an invitation back
#[utoipa::path(post, path = "/s/{id}/invitations/{invitation}/revoke", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("invitation" = String, Path, description = "The invitation's id")),
    responses(Sent))]
async fn take_back(seat: Seat, Path((id, invitation)): Path<(String, String)>) -> Response {
    seat.answer(members::take_back(&seat, &id, invitation)).await
}

/// Give a member another role
#[utoipa::path(post, path = "/s/{id}/members/{user}/role", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("user" = String, Path, description = "The user's id")),
    request_body(content = RoleForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn change_role(seat: Seat, Path((id, user)): Path<(String, String)>, Form(form): Form<RoleForm>) -> Response {
    seat.answer(members::change_role(&seat, &id, user, form.role)).await
}

/// Take a member out
#[utoipa::path(post, path = "/s/{id}/members/{user}/remove", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("user" = String, Path, description = "The user's id")),
    responses(Sent))]
async fn remove(seat: Seat, Path((id, user)): Path<(String, String)>) -> Response {
    seat.answer(members::remove(&seat, &id, user)).await
}

/// Make an API key; the page shows its secret this once
#[utoipa::path(post, path = "/s/{id}/keys", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = KeyForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn create_key(seat: Seat, Path(id): Path<String>, Form(form): Form<KeyForm>) -> Response {
    let KeyForm { name, role, expires } = form;
    let tried = keys::Tried { name, role, expires, ..keys::Tried::default() };
    seat.answer(keys::create(&seat, &id, tried)).await
}

/// Exchange an API key's secret; the page shows the new one this once
#[utoipa::path(post, path = "/s/{id}/keys/{key}/rotate", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("key" = String, Path, description = "The key's id")),
    request_body(content = GraceForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn rotate_key(seat: Seat, Path((id, key)): Path<(String, String)>, Form(form): Form<GraceForm>) -> Response {
    seat.answer(keys::rotate(&seat, &id, key, &form.grace)).await
}

/// Revoke an API key
#[utoipa::path(post, path = "/s/{id}/keys/{key}/revoke", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("key" = String, Path, description = "The key's id")),
    responses(Sent))]
async fn revoke_key(seat: Seat, Path((id, key)): Path<(String, String)>) -> Response {
    seat.answer(keys::revoke(&seat, &id, key)).await
}

/// Make a resource
#[utoipa::path(post, path = "/s/{id}/new", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn create_resource(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(edit::create(&seat, &id, form)).await
}

/// Change a resource
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/edit", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn update_resource(seat: Seat, Path((id, resource)): Path<(String, String)>, AnyForm(form): AnyForm) -> Response {
    seat.answer(edit::update(&seat, &id, resource, form)).await
}

/// Archive a resource
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/archive", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Sent))]
async fn archive(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(resources::act(&seat, &id, resource, Deed::Archive)).await
}

/// Take an archived resource back
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/activate", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Sent))]
async fn activate(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(resources::act(&seat, &id, resource, Deed::Activate)).await
}

/// Delete a resource
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Sent))]
async fn delete(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(resources::act(&seat, &id, resource, Deed::Delete)).await
}
