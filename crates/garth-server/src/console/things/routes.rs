//! The pages about things over HTTP.

use super::bulk::{self, Act};
use super::links::{self, Deed};
use super::{copying, done, moving, policies};
use crate::access::App;
use crate::base::http::REQUEST_BYTES;
use crate::console::answers::{Sent, Shown};
use crate::console::fields::AnyForm;
use crate::console::seat::Seat;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// What a resource is to use, or no more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct LinkForm {
    /// The other resource's id or code.
    resource: String,
}

/// Where a resource is shared to, or no more.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct WindowForm {
    /// The other space's id.
    space: String,
}

/// The routes of pages about things.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(move_page, move_all))
        .routes(routes!(copy_page, copy_all))
        .routes(routes!(done_page))
        .routes(routes!(label_page, label_all))
        .routes(routes!(archive_page, archive_all))
        .routes(routes!(delete_page, delete_all))
        .routes(routes!(policy_page, save_policies))
        .routes(routes!(attach))
        .routes(routes!(detach))
        .routes(routes!(share))
        .routes(routes!(unshare))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
}

/// Where to move what is selected, and what would become of each
#[utoipa::path(get, path = "/s/{id}/selected/move", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("r" = Option<Vec<String>>, Query, description = "Up to 100 ids or codes"),
        ("space" = Option<String>, Query, description = "The id of the space they go to"),
        ("q" = Option<String>, Query, description = "Spaces with these words")),
    responses(Shown))]
async fn move_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(moving::show(&seat, &id)).await
}

/// Move what is selected
#[utoipa::path(post, path = "/s/{id}/selected/move", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn move_all(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(moving::act(&seat, &id, form)).await
}

/// Where to copy what is selected, and what would become of each
#[utoipa::path(get, path = "/s/{id}/selected/copy", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("r" = Option<Vec<String>>, Query, description = "Up to 100 ids or codes"),
        ("space" = Option<String>, Query, description = "The id of the space they go to"),
        ("q" = Option<String>, Query, description = "Spaces with these words"),
        ("ref" = Option<Vec<String>>, Query, description = "What becomes of a reference: `<id>:copy`, `<id>:leave` or `<id>:use:<id>`"),
        ("conflict" = Option<String>, Query, description = "`rename`, `skip` or `replace`")),
    responses(Shown))]
async fn copy_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(copying::show(&seat, &id)).await
}

/// Copy what is selected
#[utoipa::path(post, path = "/s/{id}/selected/copy", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn copy_all(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(copying::act(&seat, &id, form)).await
}

/// What was moved or copied, with links to it
#[utoipa::path(get, path = "/s/{id}/selected/done", tag = "console",
    params(("id" = String, Path, description = "The id of the space they come from"),
        ("space" = Option<String>, Query, description = "The id of the space they went to"),
        ("item" = Option<Vec<String>>, Query, description = "What became of which: `<id>:copied`"),
        ("more" = Option<String>, Query, description = "`true` where there were more")),
    responses(Shown))]
async fn done_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(done::show(&seat, &id)).await
}

/// Other labels for what is selected
#[utoipa::path(get, path = "/s/{id}/selected/labels", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("r" = Option<Vec<String>>, Query, description = "Up to 100 ids or codes")),
    responses(Shown))]
async fn label_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(bulk::show(&seat, &id, Act::Label)).await
}

/// Change the labels of what is selected
#[utoipa::path(post, path = "/s/{id}/selected/labels", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn label_all(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(bulk::act(&seat, &id, Act::Label, form)).await
}

/// What archiving the selected means
#[utoipa::path(get, path = "/s/{id}/selected/archive", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("r" = Option<Vec<String>>, Query, description = "Up to 100 ids or codes")),
    responses(Shown))]
async fn archive_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(bulk::show(&seat, &id, Act::Archive)).await
}

/// Archive what is selected
#[utoipa::path(post, path = "/s/{id}/selected/archive", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn archive_all(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(bulk::act(&seat, &id, Act::Archive, form)).await
}

/// What deleting the selected means
#[utoipa::path(get, path = "/s/{id}/selected/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("r" = Option<Vec<String>>, Query, description = "Up to 100 ids or codes")),
    responses(Shown))]
async fn delete_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(bulk::show(&seat, &id, Act::Delete)).await
}

/// Delete what is selected
#[utoipa::path(post, path = "/s/{id}/selected/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn delete_all(seat: Seat, Path(id): Path<String>, AnyForm(form): AnyForm) -> Response {
    seat.answer(bulk::act(&seat, &id, Act::Delete, form)).await
}

/// Who may see and edit a resource
#[utoipa::path(get, path = "/s/{id}/resources/{resource}/policies", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    responses(Shown))]
async fn policy_page(seat: Seat, Path((id, resource)): Path<(String, String)>) -> Response {
    seat.answer(policies::show(&seat, &id, &resource)).await
}

/// Change who may see and edit a resource, or look at who that would be
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/policies", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = Object, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn save_policies(seat: Seat, Path((id, resource)): Path<(String, String)>, AnyForm(form): AnyForm) -> Response {
    seat.answer(policies::act(&seat, &id, resource, form)).await
}

/// Attach a resource to another one
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/attach", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = LinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn attach(seat: Seat, Path((id, resource)): Path<(String, String)>, Form(form): Form<LinkForm>) -> Response {
    seat.answer(links::act(&seat, &id, resource, Deed::Attach(form.resource))).await
}

/// Detach a resource from another one
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/detach", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = LinkForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn detach(seat: Seat, Path((id, resource)): Path<(String, String)>, Form(form): Form<LinkForm>) -> Response {
    seat.answer(links::act(&seat, &id, resource, Deed::Detach(form.resource))).await
}

/// Share a resource to another space
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/share", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = WindowForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn share(seat: Seat, Path((id, resource)): Path<(String, String)>, Form(form): Form<WindowForm>) -> Response {
    seat.answer(links::act(&seat, &id, resource, Deed::Share(form.space))).await
}

/// Take a share back
#[utoipa::path(post, path = "/s/{id}/resources/{resource}/unshare", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("resource" = String, Path, description = "Its id or code")),
    request_body(content = WindowForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn unshare(seat: Seat, Path((id, resource)): Path<(String, String)>, Form(form): Form<WindowForm>) -> Response {
    seat.answer(links::act(&seat, &id, resource, Deed::Unshare(form.space))).await
}
