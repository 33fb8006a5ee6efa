//! What the pages show.

use crate::access::Ctx;
use crate::base::clock;
use crate::base::fetch::encoded;
use crate::base::html::{CONSOLE_SCRIPT_NAME, LINK_SCRIPT_NAME, SCRIPT_NAME, STYLE_NAME};
use crate::directory::UserInfo;
use crate::identity_providers::Provider;
use crate::invitations::Joined;
use crate::passkeys::{self, Began};
use crate::sessions::{Kept, SignedIn};
use askama::Template;
use uuid::Uuid;

/// How somebody signs in.
#[derive(Template)]
#[template(path = "sign_in.html")]
pub struct SignIn<'a> {
    /// What went wrong with the last try.
    pub error: Option<String>,
    /// What was typed then.
    pub username: &'a str,
    /// Where they are brought to.
    pub back: &'a str,
    /// The providers that they can sign in by.
    pub providers: Vec<Button>,
    /// Is there nobody yet?
    pub setup: bool,
    /// Can there be passkeys at all?
    pub passkeys: bool,
    /// The script's name.
    pub script: &'a str,
    /// The stylesheet's name.
    pub style: &'a str,
}

/// A way to sign in by a provider.
pub struct Button {
    name: String,
    url: String,
}

impl<'a> SignIn<'a> {
    /// The page as it is first shown.
    pub fn new(ctx: &Ctx, providers: &[Provider], back: &'a str) -> Self {
        let button = |provider: &Provider| Button {
            name: provider.name.clone(),
            url: match back {
                "/" => format!("/auth/oidc/{}/start", provider.slug),
                back => format!("/auth/oidc/{}/start?return={}", provider.slug, encoded(back)),
            },
        };
        let providers = providers.iter().map(button).collect();
        Self {
            error: None,
            username: "",
            back,
            providers,
            setup: ctx.app.needs_setup(),
            passkeys: passkeys::available(ctx),
            script: &SCRIPT_NAME,
            style: &STYLE_NAME,
        }
    }
}

/// Somebody whose password was right is asked for a passkey.
#[derive(Template)]
#[template(path = "passkey.html")]
pub struct AskPasskey<'a> {
    ceremony: &'a str,
    options: String,
    back: &'a str,
    script: &'a str,
    style: &'a str,
}

impl<'a> AskPasskey<'a> {
    /// The page.
    pub fn new(began: &'a Began, back: &'a str) -> Self {
        let options = began.options.to_string();
        Self { ceremony: &began.ceremony, options, back, script: &SCRIPT_NAME, style: &STYLE_NAME }
    }
}

/// What was wrong with a form, where it is to be told.
#[derive(Default)]
pub struct Wrong {
    /// With no field of it.
    pub page: Option<String>,
    /// With the token.
    pub token: Option<String>,
    /// With the name.
    pub name: Option<String>,
    /// With the password.
    pub password: Option<String>,
}

/// Somebody who is signed in is asked whether to accept an invitation.
#[derive(Template)]
#[template(path = "invitation.html")]
pub struct Accept<'a> {
    name: &'a str,
    username: &'a str,
    token: &'a str,
    wrong: Wrong,
    script: &'a str,
    style: &'a str,
}

impl<'a> Accept<'a> {
    /// The page, with the token as far as the server knows it.
    pub fn new(user: &'a UserInfo, token: &'a str, wrong: Wrong) -> Self {
        let (name, username) = (user.name.as_str(), user.username.as_str());
        Self { name, username, token, wrong, script: &LINK_SCRIPT_NAME, style: &STYLE_NAME }
    }
}

/// Somebody chooses a password, by the link of their account or as somebody new.
#[derive(Template)]
#[template(path = "sign_up.html")]
pub struct SignUp<'a> {
    /// Is the link that of an invitation?
    invited: bool,
    /// Who is signed in there.
    username: Option<&'a str>,
    token: &'a str,
    /// What was typed as name.
    name: &'a str,
    wrong: Wrong,
    script: &'a str,
    style: &'a str,
}

impl<'a> SignUp<'a> {
    /// The page.
    pub fn new(invited: bool, user: Option<&'a UserInfo>, token: &'a str, name: &'a str, wrong: Wrong) -> Self {
        let username = user.map(|user| user.username.as_str());
        Self { invited, username, token, name, wrong, script: &LINK_SCRIPT_NAME, style: &STYLE_NAME }
    }
}

/// What somebody who has chosen a password is shown once.
#[derive(Template)]
#[template(path = "welcome.html")]
pub struct Welcome<'a> {
    name: &'a str,
    username: &'a str,
    codes: &'a [String],
    ways: Vec<WayIn>,
    script: &'a str,
    more: &'a str,
    style: &'a str,
}

/// A way in that outlives a new password.
pub struct WayIn {
    pub name: String,
    pub detail: String,
}

impl<'a> Welcome<'a> {
    /// The page.
    pub fn new(signed_in: &'a SignedIn) -> Self {
        Self {
            name: &signed_in.user.name,
            username: &signed_in.user.username,
            codes: &signed_in.recovery_codes,
            ways: ways_in(&signed_in.kept),
            script: &LINK_SCRIPT_NAME,
            more: &CONSOLE_SCRIPT_NAME,
            style: &STYLE_NAME,
        }
    }
}

pub(super) fn ways_in(kept: &Kept) -> Vec<WayIn> {
    let since = |at| clock::to_text(at).chars().take(10).collect::<String>();
    let passkeys = kept.passkeys.iter().map(|passkey| WayIn {
        name: passkey.name.clone(),
        detail: format!("Passkey, made on {}", since(passkey.created_at)),
    });
    let links = kept.identities.iter().map(|link| WayIn {
        name: link.provider.clone(),
        detail: format!("As {}, since {}", link.email.as_ref().unwrap_or(&link.subject), since(link.created_at)),
    });
    passkeys.chain(links).collect()
}

/// Where somebody came in by an invitation.
#[derive(Template)]
#[template(path = "joined.html")]
pub struct Within<'a> {
    space: &'a str,
    role: &'a str,
    /// The shape of the role's chip.
    level: &'a str,
    script: &'a str,
    style: &'a str,
}

impl<'a> Within<'a> {
    /// The page.
    pub fn new(joined: &'a Joined) -> Self {
        let (role, space) = (joined.role.as_str(), named(&joined.space_name));
        Self { space, role, level: level(role), script: &LINK_SCRIPT_NAME, style: &STYLE_NAME }
    }
}

/// What a space is called on a page.
fn named(name: &str) -> &str {
    if name.is_empty() { "Default space" } else { name }
}

/// The shape of a role's chip.
fn level(role: &str) -> &str {
    if matches!(role, "reader" | "writer" | "admin") { role } else { "custom" }
}

/// Two letters that stand for a name: the first of its first two words, or its first two.
pub(super) fn letters(name: &str) -> String {
    let mut words = name.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty());
    let (first, second) = (words.next().unwrap_or_default(), words.next());
    let two: String = match second {
        Some(second) => first.chars().take(1).chain(second.chars().take(1)).collect(),
        None => first.chars().take(2).collect(),
    };
    two.to_uppercase()
}

/// One of twelve hues, the same for the same id, always as long. The last byte of an id is chance.
pub(super) fn hue(id: &Uuid) -> String {
    format!("{:02}", id.as_bytes()[15] % 12)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn two_letters_stand_for_a_name() {
        for (name, is) in [
            ("Marketing", "MA"),
            ("R&D Team", "RD"),
            ("ada", "AD"),
            ("x", "X"),
            ("…", ""),
            ("ßen", "SSE"),
            ("Ада Л", "АЛ"),
        ] {
            assert_eq!(letters(name), is, "{name}");
        }
    }
}
