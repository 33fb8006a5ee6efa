//! Invitations over HTTP.

use super::letter::link;
use crate::access::{App, Ctx};
use crate::base::clock;
use crate::base::error::{Problem, Result};
use crate::base::http::{Input, Json, Page, Query};
use crate::invitations::{self, Invited, Joined as JoinedView, Mine, NewInvitation, Shown};
use axum::extract::Path;
use axum::http::{StatusCode, Uri};
use axum::response::IntoResponse;
use serde::{Deserialize, Serialize};
use std::sync::Arc;
use utoipa::ToSchema;
use utoipa_axum::{router::OpenApiRouter, routes};

/// An open invitation, as the administrators of its space see it.
#[derive(Serialize, ToSchema)]
pub struct Invitation {
    id: String,
    /// The username or the address, as it was written.
    to: String,
    role: String,
    /// Who invites: `user:<id>` or `key:<id>`.
    invited_by: String,
    /// True where the link went to a mail server, false where it was shown to the inviter.
    mailed: bool,
    /// False while its inviter could not give that role any more: nobody can accept it then.
    good: bool,
    created_at: String,
    expires_at: String,
}

impl Invitation {
    fn of(shown: Shown) -> Self {
        let Shown { invitation, role, good } = shown;
        Self {
            id: invitation.id,
            to: invitation.to,
            role,
            invited_by: invitation.invited_by,
            mailed: invitation.mailed,
            good,
            created_at: clock::to_text(invitation.created_at),
            expires_at: clock::to_text(invitation.expires_at),
        }
    }
}

/// An invitation that was just made.
#[derive(Serialize, ToSchema)]
pub struct NewlyInvited {
    #[serde(flatten)]
    invitation: Invitation,
    /// Shown this once, where no mail server is configured: pass the link on yourself.
    #[serde(skip_serializing_if = "Option::is_none")]
    token: Option<String>,
    /// Where to bring the token.
    #[serde(skip_serializing_if = "Option::is_none")]
    link: Option<String>,
}

/// Whom to invite, and to what.
#[derive(Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
pub struct InvitationInput {
    /// A username, or an e-mail address, whether there is such a person or not.
    to: String,
    /// A role's name or id.
    role: String,
}

/// An invitation that is addressed to the caller.
#[derive(Serialize, ToSchema)]
pub struct MyInvitation {
    /// By which it is accepted.
    id: String,
    space: String,
    space_name: String,
    role: String,
    /// What people call the inviter; null for an application.
    invited_by: Option<String>,
    created_at: String,
    expires_at: String,
}

impl MyInvitation {
    fn of(mine: Mine) -> Self {
        Self {
            id: mine.id,
            space: mine.space.to_string(),
            space_name: mine.space_name,
            role: mine.role,
            invited_by: mine.invited_by,
            created_at: clock::to_text(mine.created_at),
            expires_at: clock::to_text(mine.expires_at),
        }
    }
}

/// Where somebody came in.
#[derive(Serialize, ToSchema)]
pub struct Joined {
    space: String,
    space_name: String,
    role: String,
}

impl Joined {
    fn of(joined: JoinedView) -> Self {
        Self { space: joined.space.to_string(), space_name: joined.space_name, role: joined.role }
    }
}

/// The routes of invitations.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new()
        .routes(routes!(list, create))
        .routes(routes!(revoke))
        .routes(routes!(mine))
        .routes(routes!(accept))
}

/// The open invitations of a space (its administrators)
#[utoipa::path(get, path = "/api/v1/spaces/{id}/invitations", tag = "invitations",
    params(("id" = String, Path, description = "The space's id"), ("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of invitations", body = Page<Invitation>), (status = "default", description = "A problem", body = Problem)))]
async fn list(ctx: Ctx, Path(id): Path<String>, uri: Uri) -> Result<Json<Page<Invitation>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(invitations::list(&ctx, &id, &page).await?.map(Invitation::of)))
}

/// Invite somebody by username or e-mail address
///
/// The answer is the same whether there is such a person or not. An earlier invitation of the same into the space is worth
/// nothing from now on.
#[utoipa::path(post, path = "/api/v1/spaces/{id}/invitations", tag = "invitations", params(("id" = String, Path, description = "The space's id")), request_body = InvitationInput,
    responses((status = 202, description = "The invitation; with its link where no mail server is configured", body = NewlyInvited), (status = "default", description = "A problem", body = Problem)))]
async fn create(ctx: Ctx, Path(id): Path<String>, Input(body): Input<InvitationInput>) -> Result<impl IntoResponse> {
    let new = NewInvitation { to: body.to, role: body.role };
    let Invited { shown, token } = invitations::create(&ctx, id, new).await?;
    let link = token.as_deref().map(|token| link(&ctx.app.public_url, token));
    Ok((StatusCode::ACCEPTED, Json(NewlyInvited { invitation: Invitation::of(shown), token, link })))
}

/// Take an invitation back
#[utoipa::path(delete, path = "/api/v1/spaces/{id}/invitations/{invitation}", tag = "invitations",
    params(("id" = String, Path, description = "The space's id"), ("invitation" = String, Path, description = "The invitation's id")),
    responses((status = 204, description = "Revoked"), (status = "default", description = "A problem", body = Problem)))]
async fn revoke(ctx: Ctx, Path((space, id)): Path<(String, String)>) -> Result<StatusCode> {
    invitations::revoke(&ctx, space, id).await.map(|()| StatusCode::NO_CONTENT)
}

/// The invitations that are addressed to oneself: to one's username, and to the address that one has proved to read
#[utoipa::path(get, path = "/api/v1/me/invitations", tag = "invitations",
    params(("limit" = Option<u32>, Query, description = "1 to 100"), ("cursor" = Option<String>, Query, description = "`next` of the page before")),
    responses((status = 200, description = "A page of invitations", body = Page<MyInvitation>), (status = "default", description = "A problem", body = Problem)))]
async fn mine(ctx: Ctx, uri: Uri) -> Result<Json<Page<MyInvitation>>> {
    let mut query = Query::new(&uri)?;
    let page = query.page();
    query.done()?;
    Ok(Json(invitations::mine(&ctx, &page).await?.map(MyInvitation::of)))
}

/// Accept an invitation with the account that one has
///
/// Somebody new brings the token to `/api/v1/signup`.
#[utoipa::path(post, path = "/api/v1/invitations/{token}/accept", tag = "invitations",
    params(("token" = String, Path, description = "The token of its link, or its id from one's own list")),
    responses((status = 200, description = "Where one came in", body = Joined), (status = "default", description = "A problem", body = Problem)))]
async fn accept(ctx: Ctx, Path(token): Path<String>) -> Result<Json<Joined>> {
    invitations::accept(&ctx, token).await.map(Joined::of).map(Json)
}
