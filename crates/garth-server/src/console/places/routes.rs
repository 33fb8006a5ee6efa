//! The pages of spaces themselves over HTTP: the tree, the forms, who holds what and who sees what.

use super::{access, create, ending, gate, grants, moving, settings, tree};
use crate::access::App;
use crate::base::http::REQUEST_BYTES;
use crate::console::answers::{Sent, Shown};
use crate::console::seat::Seat;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// A new space.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewSpaceForm {
    /// 1 to 255 bytes.
    pub name: String,
    /// The id of the space to lie under; empty for a root.
    #[serde(default)]
    pub parent: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Separated by commas.
    #[serde(default)]
    pub labels: String,
    /// A word of view policies; `members` if empty.
    #[serde(default)]
    pub view: String,
    /// `true`, or nothing.
    #[serde(default)]
    pub inherits: String,
}

/// What a space is called, and what it is for.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SpaceForm {
    /// 1 to 255 bytes.
    pub name: String,
    /// What it is for.
    #[serde(default)]
    pub description: String,
    /// Separated by commas.
    #[serde(default)]
    pub labels: String,
    /// The version that was read.
    #[serde(default)]
    pub version: String,
}

/// Who gets into a space, and who may change it.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GateForm {
    /// A word of policies, or `other`.
    pub view: String,
    /// That other policy, as JSON.
    #[serde(default)]
    pub view_other: String,
    /// `administrators`, another word, or `other`.
    pub edit: String,
    /// That other policy, as JSON.
    #[serde(default)]
    pub edit_other: String,
    /// `true`, or nothing.
    #[serde(default)]
    pub sealed: String,
    /// `look` to be shown who gains and who loses; else it is done.
    #[serde(default)]
    pub then: String,
}

/// A new address for mail.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AddressForm {
    /// What it begins with.
    pub prefix: String,
    /// The kind that its letters become.
    pub kind: String,
}

/// Where a space is to lie.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct MoveForm {
    /// The id of the space to lie under; empty for a root.
    #[serde(default)]
    pub parent: String,
    /// `true`, or nothing.
    #[serde(default)]
    pub inherits: String,
}

/// Where somebody begins.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct DefaultForm {
    /// `true` for this space, `false` for the installation's.
    default: String,
}

/// The name of what is to go.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct ConfirmForm {
    /// The space's name.
    name: String,
}

/// A role for somebody.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewGrantForm {
    /// A username, `group:<name>`, `everyone`, or a principal.
    pub principal: String,
    /// A role's name.
    pub role: String,
    /// Its last day, `2031-05-04`; empty for none.
    #[serde(default)]
    pub expires: String,
}

/// What a role is to be instead.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GivenForm {
    /// A role's name.
    pub role: String,
    /// Its last day, `2031-05-04`; empty for none.
    #[serde(default)]
    pub expires: String,
}

/// The routes.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(forest))
        .routes(routes!(new_space, create_space))
        .routes(routes!(space_settings, update_space))
        .routes(routes!(update_gate))
        .routes(routes!(space_move, move_space))
        .routes(routes!(space_delete, delete_space))
        .routes(routes!(archive_space))
        .routes(routes!(activate_space))
        .routes(routes!(choose_space))
        .routes(routes!(leave_space))
        .routes(routes!(grant_list, give_role))
        .routes(routes!(change_grant))
        .routes(routes!(revoke_grant))
        .routes(routes!(explorer))
        .routes(routes!(open_address))
        .routes(routes!(shut_address))
        .layer(DefaultBodyLimit::max(REQUEST_BYTES))
}

/// The tree of the spaces that somebody sees
#[utoipa::path(get, path = "/tree", tag = "console",
    params(("root" = Option<String>, Query, description = "From that space down"),
        ("after" = Option<String>, Query, description = "Of those at the top, the ones after that space"),
        ("open" = Option<Vec<String>>, Query, description = "Repeated: these spaces are open"),
        ("shut" = Option<Vec<String>>, Query, description = "Repeated: these are shut"),
        ("q" = Option<String>, Query, description = "With these words in name or labels")),
    responses(Shown))]
async fn forest(seat: Seat) -> Response {
    seat.answer(tree::show(&seat)).await
}

/// The form of a new space
#[utoipa::path(get, path = "/spaces/new", tag = "console",
    params(("parent" = Option<String>, Query, description = "The space to lie under")),
    responses(Shown))]
async fn new_space(seat: Seat) -> Response {
    seat.answer(create::show(&seat)).await
}

/// Make a space
#[utoipa::path(post, path = "/spaces/new", tag = "console",
    request_body(content = NewSpaceForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn create_space(seat: Seat, Form(form): Form<NewSpaceForm>) -> Response {
    seat.answer(create::create(&seat, form)).await
}

/// What a space is, who gets in and where it lies
#[utoipa::path(get, path = "/s/{id}/settings", tag = "console",
    params(("id" = String, Path, description = "The space's id")), responses(Shown))]
async fn space_settings(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(settings::show(&seat, &id)).await
}

/// Change what a space is called and what it is for
#[utoipa::path(post, path = "/s/{id}/settings", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = SpaceForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn update_space(seat: Seat, Path(id): Path<String>, Form(form): Form<SpaceForm>) -> Response {
    seat.answer(settings::update(&seat, &id, form)).await
}

/// Change who gets into a space, or look who would gain and lose by that
#[utoipa::path(post, path = "/s/{id}/settings/gate", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = GateForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn update_gate(seat: Seat, Path(id): Path<String>, Form(form): Form<GateForm>) -> Response {
    seat.answer(gate::update(&seat, &id, form)).await
}

/// The form to move a space; who gains and who loses, once a place is named
#[utoipa::path(get, path = "/s/{id}/settings/move", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("parent" = Option<String>, Query, description = "The space to lie under; empty for a root"),
        ("inherits" = Option<bool>, Query, description = "Whether it uses its parent's shareable resources"),
        ("q" = Option<String>, Query, description = "Only places whose names have these words")),
    responses(Shown))]
async fn space_move(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(moving::show(&seat, &id)).await
}

/// Move a space
#[utoipa::path(post, path = "/s/{id}/settings/move", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = MoveForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn move_space(seat: Seat, Path(id): Path<String>, Form(form): Form<MoveForm>) -> Response {
    seat.answer(moving::update(&seat, &id, form)).await
}

/// What would go with a space
#[utoipa::path(get, path = "/s/{id}/settings/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id")), responses(Shown))]
async fn space_delete(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(ending::ask(&seat, &id)).await
}

/// Delete a space that is archived and childless, with everything in it
#[utoipa::path(post, path = "/s/{id}/settings/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = ConfirmForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn delete_space(seat: Seat, Path(id): Path<String>, Form(form): Form<ConfirmForm>) -> Response {
    seat.answer(ending::delete(&seat, &id, form.name)).await
}

/// Archive a space and what lies below it
#[utoipa::path(post, path = "/s/{id}/archive", tag = "console",
    params(("id" = String, Path, description = "The space's id")), responses(Sent))]
async fn archive_space(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(ending::archive(&seat, &id, true)).await
}

/// Take an archived space back
#[utoipa::path(post, path = "/s/{id}/activate", tag = "console",
    params(("id" = String, Path, description = "The space's id")), responses(Sent))]
async fn activate_space(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(ending::archive(&seat, &id, false)).await
}

/// Begin in this space from now on, or where the installation says
#[utoipa::path(post, path = "/s/{id}/default", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = DefaultForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn choose_space(seat: Seat, Path(id): Path<String>, Form(form): Form<DefaultForm>) -> Response {
    seat.answer(ending::usual(&seat, &id, form.default == "true")).await
}

/// Give up one's own role in a space
#[utoipa::path(post, path = "/s/{id}/leave", tag = "console",
    params(("id" = String, Path, description = "The space's id")), responses(Sent))]
async fn leave_space(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(ending::leave(&seat, &id)).await
}

/// The roles that are given in a space
#[utoipa::path(get, path = "/s/{id}/members/grants", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("principal" = Option<String>, Query, description = "Whom the form is filled in with"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn grant_list(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(grants::show(&seat, &id)).await
}

/// Give a role to a person, a group or everyone
#[utoipa::path(post, path = "/s/{id}/members/grants", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = NewGrantForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn give_role(seat: Seat, Path(id): Path<String>, Form(form): Form<NewGrantForm>) -> Response {
    seat.answer(grants::give(&seat, &id, form)).await
}

/// Change a role that is given, or when it ends
#[utoipa::path(post, path = "/s/{id}/members/grants/{grant}", tag = "console",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")),
    request_body(content = GivenForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn change_grant(seat: Seat, Path((id, grant)): Path<(String, String)>, Form(form): Form<GivenForm>) -> Response {
    seat.answer(grants::change(&seat, &id, grant, form)).await
}

/// Take a role away
#[utoipa::path(post, path = "/s/{id}/members/grants/{grant}/revoke", tag = "console",
    params(("id" = String, Path, description = "The space's id"), ("grant" = String, Path, description = "The grant's id")),
    responses(Sent))]
async fn revoke_grant(seat: Seat, Path((id, grant)): Path<(String, String)>) -> Response {
    seat.answer(grants::revoke(&seat, &id, grant)).await
}

/// Who sees what in a space, and why: a question with the person or the thing left out
#[utoipa::path(get, path = "/s/{id}/access", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("who" = Option<String>, Query, description = "A username; without, everybody who may"),
        ("what" = Option<String>, Query, description = "`space`, or a resource's id or code; without, all that they see"),
        ("action" = Option<String>, Query, description = "What is to be done: `read` without"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn explorer(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(access::show(&seat, &id)).await
}

/// Make an address to which mail comes in
#[utoipa::path(post, path = "/s/{id}/settings/mail", tag = "console",
    params(("id" = String, Path, description = "The space's id")),
    request_body(content = AddressForm, content_type = "application/x-www-form-urlencoded"),
    responses(Sent))]
async fn open_address(seat: Seat, Path(id): Path<String>, Form(form): Form<AddressForm>) -> Response {
    seat.answer(settings::open(&seat, &id, &form.prefix, &form.kind)).await
}

/// Take such an address away
#[utoipa::path(post, path = "/s/{id}/settings/mail/{address}/delete", tag = "console",
    params(("id" = String, Path, description = "The space's id"),
        ("address" = String, Path, description = "The address' id")),
    responses(Sent))]
async fn shut_address(seat: Seat, Path((id, address)): Path<(String, String)>) -> Response {
    seat.answer(settings::shut(&seat, &id, address)).await
}
