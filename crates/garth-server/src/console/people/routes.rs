//! The pages about people over HTTP: what is looked at, and what their forms send.

use super::super::answers::{Sent, Shown};
use super::super::seat::Seat;
use super::{account, door, group, groups, security, signed_in, start, user, users};
use crate::access::{App, Visitor};
use crate::base::error::Error;
use crate::base::html;
use crate::base::http::CREDENTIAL_BYTES;
use axum::Form;
use axum::extract::{DefaultBodyLimit, Path};
use axum::http::{HeaderMap, Uri};
use axum::response::Response;
use serde::Deserialize;
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// The first administrator.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct SetupForm {
    /// Printed at the first start, and in `DIR/setup-token`.
    pub(super) token: String,
    pub(super) username: String,
    pub(super) password: String,
    /// Empty: the username.
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) email: String,
    /// What the first space is called; empty for no name yet.
    #[serde(default)]
    pub(super) space: String,
}

/// A recovery code, and the password from now on.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct RecoverForm {
    pub(super) username: String,
    pub(super) recovery_code: String,
    pub(super) new_password: String,
}

/// What one is called, and where one begins.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AccountForm {
    name: String,
    /// A space's id; empty for none of one's own.
    #[serde(default)]
    default_space: Option<String>,
}

/// The current password and the new one.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct PasswordForm {
    current: String,
    new: String,
}

/// The current password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct CurrentForm {
    current: String,
}

/// Whether a passkey is asked for after the password.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct FactorForm {
    required: bool,
    /// Not needed within ten minutes of signing in.
    #[serde(default)]
    current: String,
}

/// What something of one's own is called.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NameForm {
    name: String,
}

/// Somebody to make an account for.
#[derive(Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct NewUserForm {
    pub(super) username: String,
    #[serde(default)]
    pub(super) name: String,
    #[serde(default)]
    pub(super) email: String,
}

/// What an account is called, and where to write to.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserForm {
    name: String,
    #[serde(default)]
    email: String,
}

/// Whether somebody can sign in.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct EnabledForm {
    enabled: bool,
}

/// Whether somebody administers the installation.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct AdministratorForm {
    system_admin: bool,
}

/// That an account is to end.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct UserEndForm {
    /// Its username.
    #[serde(default)]
    confirm: String,
}

/// Who is to be in a group: a person or a group.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct GroupMemberForm {
    /// A username.
    #[serde(default)]
    pub person: String,
    /// A group's id.
    #[serde(default)]
    pub group: String,
}

/// The routes of the pages about people.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(setup_page, set_up))
        .routes(routes!(recover_page, recover))
        .routes(routes!(my_account, save_my_account))
        .routes(routes!(first_space))
        .routes(routes!(accept_mine))
        .routes(routes!(security_page))
        .routes(routes!(set_my_password))
        .routes(routes!(renew_my_codes))
        .routes(routes!(set_my_factor))
        .routes(routes!(rename_passkey))
        .routes(routes!(remove_passkey))
        .routes(routes!(unlink_provider))
        .routes(routes!(sessions_page))
        .routes(routes!(end_my_sessions))
        .routes(routes!(end_my_session))
        .routes(routes!(user_list, make_user))
        .routes(routes!(user_page, save_user))
        .routes(routes!(enable_user))
        .routes(routes!(administrate))
        .routes(routes!(sign_user_out))
        .routes(routes!(end_user))
        .routes(routes!(group_list, make_group))
        .routes(routes!(group_page, rename_group))
        .routes(routes!(add_to_group))
        .routes(routes!(take_out_of_group))
        .routes(routes!(delete_group))
        .layer(DefaultBodyLimit::max(CREDENTIAL_BYTES))
}

/// The page of a fresh installation: who is its first administrator?
#[utoipa::path(get, path = "/setup", tag = "pages", security(()), responses(Shown))]
async fn setup_page(Visitor(ctx): Visitor, uri: Uri, headers: HeaderMap) -> Response {
    let seat = Seat::looking(ctx, uri, headers.clone());
    door::setup_page(&seat).unwrap_or_else(|error| gone(&seat, error, &headers))
}

/// Make the first administrator; the browser is signed in then
#[utoipa::path(post, path = "/setup", tag = "pages", security(()),
    request_body(content = SetupForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn set_up(Visitor(ctx): Visitor, uri: Uri, headers: HeaderMap, Form(form): Form<SetupForm>) -> Response {
    let seat = Seat::looking(ctx, uri, headers.clone());
    door::set_up(&seat, form).await.unwrap_or_else(|error| gone(&seat, error, &headers))
}

/// As any address answers where there is nothing.
fn gone(seat: &Seat, error: Error, headers: &HeaderMap) -> Response {
    html::problem_to(error, headers, &seat.ctx.request_id, ("/", "Go to your spaces"))
}

/// The page of who has lost their password
#[utoipa::path(get, path = "/recover", tag = "pages", security(()), responses(Shown))]
async fn recover_page(_: Visitor) -> Response {
    door::recover_page()
}

/// Set a new password with a recovery code; the browser is signed in then
#[utoipa::path(post, path = "/recover", tag = "pages", security(()),
    request_body(content = RecoverForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn recover(Visitor(ctx): Visitor, uri: Uri, headers: HeaderMap, Form(form): Form<RecoverForm>) -> Response {
    let seat = Seat::looking(ctx, uri, headers.clone());
    let done = door::recover(&seat, &headers, form).await;
    done.unwrap_or_else(|error| html::problem(error, &headers, &seat.ctx.request_id))
}

/// One's own account: what one is called, where one begins, how pages look
#[utoipa::path(get, path = "/account", tag = "console",
    params(("q" = Option<String>, Query, description = "Spaces with these words in name or labels")), responses(Shown))]
async fn my_account(seat: Seat) -> Response {
    seat.answer(account::show(&seat)).await
}

/// Change one's own name and default space
#[utoipa::path(post, path = "/account", tag = "console",
    request_body(content = AccountForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn save_my_account(seat: Seat, Form(form): Form<AccountForm>) -> Response {
    seat.answer(account::save(&seat, form.name, form.default_space)).await
}

/// Make a space for oneself, who has none
#[utoipa::path(post, path = "/account/space", tag = "console",
    request_body(content = NameForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn first_space(seat: Seat, Form(form): Form<NameForm>) -> Response {
    seat.answer(start::make(&seat, form.name)).await
}

/// Accept an invitation to oneself
#[utoipa::path(post, path = "/account/invitations/{id}/accept", tag = "console",
    params(("id" = String, Path, description = "The invitation's id")), responses(Sent))]
async fn accept_mine(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(start::accept(&seat, id)).await
}

/// How one gets in: password, passkeys, recovery codes, identity providers
#[utoipa::path(get, path = "/account/security", tag = "console", responses(Shown))]
async fn security_page(seat: Seat) -> Response {
    seat.answer(security::show(&seat)).await
}

/// Change one's own password
#[utoipa::path(post, path = "/account/password", tag = "console",
    request_body(content = PasswordForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn set_my_password(seat: Seat, Form(form): Form<PasswordForm>) -> Response {
    seat.answer(security::set_password(&seat, form.current, form.new)).await
}

/// Make new recovery codes; the page shows them this once
#[utoipa::path(post, path = "/account/recovery-codes", tag = "console",
    request_body(content = CurrentForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn renew_my_codes(seat: Seat, Form(form): Form<CurrentForm>) -> Response {
    seat.answer(security::renew_codes(&seat, form.current)).await
}

/// Ask for a passkey after one's own password, or no more
#[utoipa::path(post, path = "/account/second-factor", tag = "console",
    request_body(content = FactorForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn set_my_factor(seat: Seat, Form(form): Form<FactorForm>) -> Response {
    let current = Some(form.current).filter(|current| !current.is_empty());
    seat.answer(security::ask(&seat, form.required, current)).await
}

/// Call a passkey of one's own otherwise
#[utoipa::path(post, path = "/account/passkeys/{id}/rename", tag = "console",
    params(("id" = String, Path, description = "The passkey's id")),
    request_body(content = NameForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn rename_passkey(seat: Seat, Path(id): Path<String>, Form(form): Form<NameForm>) -> Response {
    seat.answer(security::rename(&seat, &id, &form.name)).await
}

/// Remove a passkey of one's own
#[utoipa::path(post, path = "/account/passkeys/{id}/remove", tag = "console",
    params(("id" = String, Path, description = "The passkey's id")), responses(Sent))]
async fn remove_passkey(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(security::remove(&seat, &id)).await
}

/// End a link of one's own with an identity provider
#[utoipa::path(post, path = "/account/identities/{id}/unlink", tag = "console",
    params(("id" = String, Path, description = "The link's id")), responses(Sent))]
async fn unlink_provider(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(security::unlink(&seat, &id)).await
}

/// Where one is signed in
#[utoipa::path(get, path = "/account/sessions", tag = "console", responses(Shown))]
async fn sessions_page(seat: Seat) -> Response {
    seat.answer(signed_in::show(&seat)).await
}

/// Sign out everywhere else
#[utoipa::path(post, path = "/account/sessions/end", tag = "console", responses(Sent))]
async fn end_my_sessions(seat: Seat) -> Response {
    seat.answer(signed_in::end(&seat, None)).await
}

/// End one session of one's own
#[utoipa::path(post, path = "/account/sessions/{id}/end", tag = "console",
    params(("id" = String, Path, description = "The session's id")), responses(Sent))]
async fn end_my_session(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(signed_in::end(&seat, Some(id))).await
}

/// Every account (system administrators)
#[utoipa::path(get, path = "/system/users", tag = "console",
    params(("q" = Option<String>, Query, description = "A part of the username or the name"),
        ("state" = Option<String>, Query, description = "`active`, `disabled` or `admins`"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn user_list(seat: Seat) -> Response {
    seat.answer(users::show(&seat)).await
}

/// Make an account; the page shows its link this once
#[utoipa::path(post, path = "/system/users", tag = "console",
    request_body(content = NewUserForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn make_user(seat: Seat, Form(form): Form<NewUserForm>) -> Response {
    seat.answer(users::create(&seat, form)).await
}

/// An account: what it is, what it holds (system administrators)
#[utoipa::path(get, path = "/system/users/{id}", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")), responses(Shown))]
async fn user_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(async { user::show(&seat, &id) }).await
}

/// Change the name and the address of an account
#[utoipa::path(post, path = "/system/users/{id}", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")),
    request_body(content = UserForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn save_user(seat: Seat, Path(id): Path<String>, Form(form): Form<UserForm>) -> Response {
    seat.answer(user::save(&seat, &id, form.name, &form.email)).await
}

/// Let somebody sign in, or keep them out
#[utoipa::path(post, path = "/system/users/{id}/enabled", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")),
    request_body(content = EnabledForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn enable_user(seat: Seat, Path(id): Path<String>, Form(form): Form<EnabledForm>) -> Response {
    seat.answer(user::enable(&seat, &id, form.enabled)).await
}

/// Make somebody a system administrator, or one no more
#[utoipa::path(post, path = "/system/users/{id}/administrator", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")),
    request_body(content = AdministratorForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn administrate(seat: Seat, Path(id): Path<String>, Form(form): Form<AdministratorForm>) -> Response {
    seat.answer(user::administrate(&seat, &id, form.system_admin)).await
}

/// End every session of an account
#[utoipa::path(post, path = "/system/users/{id}/sign-out", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")), responses(Sent))]
async fn sign_user_out(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(user::sign_out(&seat, &id)).await
}

/// Delete an account
#[utoipa::path(post, path = "/system/users/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "The user's id, or `@username`")),
    request_body(content = UserEndForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn end_user(seat: Seat, Path(id): Path<String>, Form(form): Form<UserEndForm>) -> Response {
    seat.answer(user::end(&seat, &id, &form.confirm)).await
}

/// Every group (system administrators)
#[utoipa::path(get, path = "/system/groups", tag = "console",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn group_list(seat: Seat) -> Response {
    seat.answer(async { groups::show(&seat) }).await
}

/// Make a group
#[utoipa::path(post, path = "/system/groups", tag = "console",
    request_body(content = NameForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn make_group(seat: Seat, Form(form): Form<NameForm>) -> Response {
    seat.answer(groups::create(&seat, form.name)).await
}

/// A group: who is in it, what they hold by it (system administrators)
#[utoipa::path(get, path = "/system/groups/{id}", tag = "console",
    params(("id" = String, Path, description = "The group's id"),
        ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "Where the page before ended")),
    responses(Shown))]
async fn group_page(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(group::show(&seat, &id)).await
}

/// Rename a group
#[utoipa::path(post, path = "/system/groups/{id}", tag = "console",
    params(("id" = String, Path, description = "The group's id")),
    request_body(content = NameForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn rename_group(seat: Seat, Path(id): Path<String>, Form(form): Form<NameForm>) -> Response {
    seat.answer(group::rename(&seat, &id, form.name)).await
}

/// Put a person or a group into a group
#[utoipa::path(post, path = "/system/groups/{id}/members", tag = "console",
    params(("id" = String, Path, description = "The group's id")),
    request_body(content = GroupMemberForm, content_type = "application/x-www-form-urlencoded"), responses(Sent))]
async fn add_to_group(seat: Seat, Path(id): Path<String>, Form(form): Form<GroupMemberForm>) -> Response {
    seat.answer(group::add(&seat, &id, form)).await
}

/// Take a person or a group out of a group
#[utoipa::path(post, path = "/system/groups/{id}/members/{principal}/remove", tag = "console",
    params(("id" = String, Path, description = "The group's id"), ("principal" = String, Path, description = "`user:<id>` or `group:<id>`")),
    responses(Sent))]
async fn take_out_of_group(seat: Seat, Path((id, principal)): Path<(String, String)>) -> Response {
    seat.answer(group::take_out(&seat, &id, principal)).await
}

/// Delete a group that nothing uses
#[utoipa::path(post, path = "/system/groups/{id}/delete", tag = "console",
    params(("id" = String, Path, description = "The group's id")), responses(Sent))]
async fn delete_group(seat: Seat, Path(id): Path<String>) -> Response {
    seat.answer(group::delete(&seat, &id)).await
}
