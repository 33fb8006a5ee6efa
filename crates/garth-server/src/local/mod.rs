//! The local door: how a command on this machine asks the running server to change something.
//!
//! One writer holds the database, so a command cannot write beside it. It speaks to the server over a Unix socket in the
//! data folder instead: one request a connection, a line of JSON each way. Only who owns the folder (or root) is heard.
//! Where no server runs, the command carries the same request out itself.

mod door;

pub use door::{Answer, Door, ask};

use crate::access::Ctx;
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::secrets::Vault;
use crate::base::secrets::file::Source;
use crate::base::told::Told;
use crate::questions;
use crate::rotation;
use crate::spaces;
use crate::transfers;
use crate::users::{self, NewUser};
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use std::path::PathBuf;

/// What a command may ask for.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(tag = "do", rename_all = "snake_case", deny_unknown_fields)]
pub enum Request {
    /// Give somebody the role admin in a space, whatever keeps others out.
    Unlock {
        /// Its id or path.
        space: String,
        /// Who, as `@username` or an id.
        user: String,
        /// Set the gate to `members` if it would keep them out.
        open_gate: bool,
    },
    /// Make a system administrator, who signs up with a link.
    CreateAdmin {
        /// The name they will sign in with.
        username: String,
        /// What people call them.
        name: Option<String>,
        /// Where to write to them.
        email: Option<String>,
    },
    /// Make a link by which somebody sets a new password.
    ResetLink {
        /// Who, as a username.
        username: String,
    },
    /// Exchange the installation's key.
    RotateKey {
        /// The new key in base64; one is made without.
        new_key: Option<Hidden>,
    },
    /// Exchange the key of a space.
    RotateSpaceKey {
        /// Its id or path.
        space: String,
    },
    /// Read a space's file into a space.
    Import {
        /// Its id or path.
        space: String,
        /// The file, from the root.
        file: PathBuf,
        /// Description, labels, policies and grants of the space, too.
        settings: bool,
        /// Say what would happen, and change nothing.
        dry_run: bool,
    },
}

/// A text that is never printed.
#[derive(Clone, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Hidden(pub String);

impl std::fmt::Debug for Hidden {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("…")
    }
}

/// Carries a request out, as the command line; `told` hears how far a long one is.
///
/// # Errors
/// What the operation answers; nothing has changed then.
pub async fn carry_out(ctx: &Ctx, request: Request, told: Told) -> Result<Value> {
    match request {
        Request::Unlock { space, user, open_gate } => {
            let named = questions::find(ctx, &format!("space:{space}")).await?;
            let done = spaces::unlock(ctx, named.id.clone(), user, open_gate).await?;
            Ok(json!({
                "space": named.id, "path": named.name, "user": done.user.id, "username": done.user.username,
                "granted": done.granted, "gate_opened": done.gate_opened,
            }))
        }
        Request::CreateAdmin { username, name, email } => {
            let (user, token) = users::create_admin(ctx, NewUser { username, name, email }).await?;
            // Whoever is the first needs no setup any more.
            ctx.app.end_setup();
            Ok(link(ctx, &user.id.to_string(), &user.username, &token, users::SIGNUP_SECONDS, false))
        }
        Request::ResetLink { username } => {
            let name = username.trim_start_matches('@');
            let (user, token) = users::reset_link(ctx, format!("@{name}")).await.map_err(|e| match e {
                Error::NotFound => Error::Malformed(format!("there is nobody called @{name}")),
                other => other,
            })?;
            Ok(link(ctx, &user.id.to_string(), &user.username, &token, users::RESET_SECONDS, user.disabled))
        }
        Request::RotateKey { new_key } => {
            let given = new_key.map(|key| Vault::read(&key.0)).transpose();
            let given = given.map_err(|e| Error::Malformed(e.to_string()))?;
            let done = rotation::installation(ctx, given, told).await?;
            let variable = done.source == Source::Variable;
            Ok(json!({ "key": done.key, "spaces": done.spaces, "from_environment": variable }))
        }
        Request::RotateSpaceKey { space } => {
            let named = questions::find(ctx, &format!("space:{space}")).await?;
            let resources = rotation::space(ctx, named.id.clone(), told).await?;
            Ok(json!({ "space": named.id, "path": named.name, "resources": resources }))
        }
        Request::Import { space, file, settings, dry_run } => {
            let named = questions::find(ctx, &format!("space:{space}")).await?;
            let ctx = &mut ctx.clone();
            ctx.dry_run = dry_run;
            let done = transfers::import_file(ctx, named.id.clone(), file, settings, told).await?;
            Ok(json!({
                "space": named.id, "path": named.name, "dry_run": dry_run, "resources": done.made.resources,
                "grants": done.grants, "secrets_left_out": done.made.left_out.len(),
            }))
        }
    }
}

/// A one-time token as it is told; the link where the server knows how clients reach it.
fn link(ctx: &Ctx, id: &str, username: &str, token: &str, seconds: i64, disabled: bool) -> Value {
    let url = &ctx.app.public_url;
    json!({
        "user": id,
        "username": username,
        "token": token,
        "link": (!url.is_empty()).then(|| format!("{url}/signup#{token}")),
        "expires_at": clock::to_text(ctx.now() + seconds * 1_000_000),
        "disabled": disabled,
    })
}
