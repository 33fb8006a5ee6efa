//! What an invitation's letter says.

use super::Stored;
use super::accepting::inviter_name;
use crate::access::Write;
use crate::base::clock;
use crate::base::mail::{Letter, deliverable};
use crate::directory::UserInfo;
use garth_core::SpaceIx;

/// Where somebody opens an invitation; the token stands behind `#`, which browsers send to no server.
pub fn link(public_url: &str, token: &str) -> String {
    format!("{public_url}/invitation#{token}")
}

/// The letter of an invitation: to the address, or to the one that an administrator has noted with the account. Nobody else
/// gets one.
pub(super) fn write(
    w: &Write<'_>,
    space: SpaceIx,
    invitation: &Stored,
    user: Option<&UserInfo>,
    token: &str,
) -> Option<Letter> {
    let known = user.filter(|user| !user.disabled).and_then(|user| user.email.clone());
    let to = if invitation.by_address { Some(invitation.to.clone()) } else { known };
    let to = to.filter(|to| deliverable(to))?;
    let dir = w.dir();
    let space = &dir.spaces.info(space)?.name;
    let role = dir.role_ref(&invitation.role).map(|role| dir.role_name(role).to_owned())?;
    let by = inviter_name(dir, invitation).unwrap_or_else(|| "An application".to_owned());
    let (link, until) = (link(&w.app.public_url, token), clock::to_text(invitation.expires_at));
    let day = until.split('T').next().unwrap_or_default();
    let text = format!(
        "{by} invites you into the space \u{201c}{space}\u{201d}, with the role {role}.\n\n\
         Open this link to accept, as somebody new or with the account that you have:\n\n{link}\n\n\
         It is good once, until {day}. It is for you alone: whoever has it can come in instead of you.\n\
         If you do not know what this is about, leave it; nothing happens then.\n"
    );
    Some(Letter { to, subject: format!("You are invited into \u{201c}{space}\u{201d}"), text })
}
