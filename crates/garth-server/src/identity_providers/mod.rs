//! Identity providers: sign-in by OpenID Connect, and who somebody is there.
//!
//! System administrators manage providers. Somebody is known by the issuer and the subject that it names, and by nothing
//! else: never by an e-mail address. A provider's groups are those here of the same name; what it says of them replaces
//! what it said before, at each sign-in, and touches nothing that somebody did here by hand.

pub mod api;
pub mod browser;
mod claims;
mod client;
mod flow;
mod identities;
mod jose;
mod logout;
mod store;

pub use claims::{GROUPS, SUBJECT_BYTES};
pub use flow::{Began, FLOW_SECONDS, FLOWS, FLOWS_EACH, local_path, redirect_uri, start};
pub use identities::{Identity, list as identities, unlink};
pub use logout::backchannel;

use crate::access::{Ctx, Permit, Record, Write, page_of, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::fetch::Url;
use crate::base::http::{Page, PageRequest};
use crate::base::secrets::Vault;
use crate::base::{ids, text};
use crate::{groups, sessions};
use garth_core::Micros;
use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use utoipa::ToSchema;
use uuid::Uuid;

/// Most identity providers of an installation.
pub const PROVIDERS: usize = 50;
/// Longest slug.
pub const SLUG_BYTES: usize = 32;
/// Most scopes of one provider.
pub const SCOPES: usize = 20;
/// Most entries of a list of groups that a provider may fill.
pub const GROUPS_ALLOWED: usize = 500;
/// Longest of them, in bytes: a group's name.
const GROUP_BYTES: usize = 255;
/// Longest client secret, in bytes.
pub const SECRET_BYTES: usize = 1_024;

/// Where a provider's groups are read.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, Serialize, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
pub enum GroupsFrom {
    /// In the ID token.
    #[default]
    IdToken,
    /// At the userinfo endpoint.
    Userinfo,
    /// In both; what one does not name the other may.
    Both,
}

/// What is chosen about a provider.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Choices {
    /// What is asked for.
    pub scopes: Vec<String>,
    /// The claim that names groups, `realm_access.roles`; none is read without it.
    pub groups_claim: Option<String>,
    /// Where that claim is read.
    pub groups_from: GroupsFrom,
    /// The names of groups that it may say, whole or, with `*` at the end, as they begin; any without a list. What else
    /// it names is passed over, for groups here and for login policies.
    #[serde(default)]
    pub groups_allowed: Option<Vec<String>>,
    /// May somebody who is not known yet sign in, and get an account by it?
    pub create_users: bool,
    /// May it be at a private address and speak plain HTTP, where the server's configuration allows that at all?
    pub allow_private: bool,
}

impl Choices {
    /// May it say that somebody is in the group of that name?
    pub fn allows(&self, group: &str) -> bool {
        let fits = |entry: &String| match entry.strip_suffix('*') {
            Some(start) => group.starts_with(start),
            None => entry == group,
        };
        self.groups_allowed.as_ref().is_none_or(|allowed| allowed.iter().any(fits))
    }
}

/// An identity provider.
#[derive(Clone, Debug)]
pub struct Provider {
    /// Its id.
    pub id: Uuid,
    /// Its name in addresses; never changed.
    pub slug: String,
    /// Who it says it is, to the byte; never changed.
    pub issuer: String,
    /// What people call it.
    pub name: String,
    /// What it calls this installation.
    pub client_id: String,
    /// Under the installation's key; empty where there is none.
    sealed_secret: String,
    /// What else is chosen.
    pub choices: Choices,
    /// Can somebody sign in by it?
    pub enabled: bool,
    /// When it was made.
    pub created_at: Micros,
    /// When it was changed last.
    pub updated_at: Micros,
}

impl Provider {
    /// Is there a client secret?
    pub fn has_secret(&self) -> bool {
        !self.sealed_secret.is_empty()
    }

    /// May it be asked at a private address?
    fn private(&self, ctx: &Ctx) -> bool {
        self.choices.allow_private && ctx.app.limits.allow_private_targets
    }

    /// The client secret in the clear.
    fn secret(&self, vault: &Vault) -> Result<Option<String>> {
        if self.sealed_secret.is_empty() {
            return Ok(None);
        }
        let plain = vault.open_own(&place(self.id), &self.sealed_secret)?;
        String::from_utf8(plain).map(Some).map_err(|_| Error::internal("a client secret is no text"))
    }

    /// What the audit keeps of it.
    fn state(&self) -> Value {
        json!({
            "slug": self.slug,
            "issuer": self.issuer,
            "name": self.name,
            "client_id": self.client_id,
            "client_secret": self.has_secret(),
            "choices": self.choices,
            "enabled": self.enabled,
        })
    }
}

/// The place that a provider's secret is sealed for.
fn place(id: Uuid) -> String {
    format!("installation/identity_providers/{id}/client_secret")
}

/// Does the sealed secret of a provider open?
pub fn opens(vault: &Vault, id: &str, sealed: &str) -> bool {
    let id = Uuid::try_parse(id).unwrap_or_default();
    sealed.is_empty() || vault.open_own(&place(id), sealed).is_ok()
}

/// Seals the secrets of all providers under another key of the installation.
///
/// # Errors
/// When one does not open, or the store fails.
pub async fn rewrap(w: &mut Write<'_>, permit: &Permit, next: &Vault) -> Result<()> {
    for provider in store::all_in(w.tx()).await? {
        if let Some(secret) = provider.secret(&w.dir().vault)? {
            let sealed = next.seal_own(&place(provider.id), secret.as_bytes())?;
            store::exchange_secret(w.tx(), permit, provider.id, &sealed).await?;
        }
    }
    Ok(())
}

/// A provider to be.
#[derive(Clone, Debug)]
pub struct NewProvider {
    /// What people call it.
    pub name: String,
    /// Its name in addresses.
    pub slug: String,
    /// Who it says it is.
    pub issuer: String,
    /// What it calls this installation.
    pub client_id: String,
    /// What it knows this installation by; a public client has none.
    pub client_secret: Option<String>,
    /// What else is chosen.
    pub choices: Choices,
    /// Can somebody sign in by it from the start?
    pub enabled: bool,
}

/// What to change; what is not given stays.
#[derive(Clone, Debug, Default)]
pub struct Changes {
    /// What people call it.
    pub name: Option<String>,
    /// What it calls this installation.
    pub client_id: Option<String>,
    /// What it knows this installation by; `Some(None)` forgets it.
    pub client_secret: Option<Option<String>>,
    /// What is asked for.
    pub scopes: Option<Vec<String>>,
    /// The claim that names groups; `Some(None)` for none.
    pub groups_claim: Option<Option<String>>,
    /// Where that claim is read.
    pub groups_from: Option<GroupsFrom>,
    /// The groups that it may fill; `Some(None)` is any.
    pub groups_allowed: Option<Option<Vec<String>>>,
    /// Do people who are not known yet get an account?
    pub create_users: Option<bool>,
    /// May it be at a private address?
    pub allow_private: Option<bool>,
    /// Can somebody sign in by it?
    pub enabled: Option<bool>,
}

impl Changes {
    /// Is it only put to rest, or called otherwise?
    fn rest(&self) -> bool {
        let Self { client_id, client_secret, scopes, groups_claim, groups_from, groups_allowed, create_users, .. } =
            self;
        let other = client_id.is_some()
            || client_secret.is_some()
            || scopes.is_some()
            || groups_claim.is_some()
            || groups_from.is_some()
            || groups_allowed.is_some()
            || create_users.is_some()
            || self.allow_private.is_some();
        self.enabled == Some(false) && !other
    }
}

/// Whether a provider could be asked what it is.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Check {
    /// Does it answer, and as it should?
    pub reachable: bool,
    /// What it answered, or what is wrong.
    pub detail: String,
}

/// A provider, and what it said when it was saved.
pub type Saved = (Provider, Option<Check>);

/// Makes a provider. One that cannot be reached is saved all the same, and that is told.
///
/// # Errors
/// 403 for all but system administrators, 409 when its slug or issuer is taken or there are too many, 422.
pub async fn create(ctx: &Ctx, new: NewProvider) -> Result<Saved> {
    ctx.system_admin(&ctx.directory())?;
    let now = ctx.now();
    let id = ids::new_id(now);
    let mut provider = Provider {
        id,
        slug: new.slug,
        issuer: new.issuer,
        name: text::name("/name", &new.name)?,
        client_id: new.client_id,
        sealed_secret: String::new(),
        choices: new.choices,
        enabled: new.enabled,
        created_at: now,
        updated_at: now,
    };
    judge(ctx, &provider, new.client_secret.as_deref())?;
    let check = client::check(ctx, &provider).await;
    let secret = new.client_secret;
    let made = write(ctx, "identity_provider.create", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let there = store::all_in(w.tx()).await?;
        if there.iter().any(|other| other.slug == provider.slug || other.issuer == provider.issuer) {
            return Err(Error::conflict("conflict", "there is an identity provider of that slug or issuer already"));
        }
        if there.len() >= PROVIDERS {
            return Err(Error::conflict("conflict", format!("there are {PROVIDERS} identity providers already")));
        }
        provider.sealed_secret = sealed(w.dir().vault.clone(), id, secret.as_deref())?;
        store::insert(w.tx(), &permit, &provider).await?;
        record(w, &provider, Value::Null, provider.state()).await?;
        Ok(provider)
    })
    .await?;
    Ok((made, Some(check)))
}

fn sealed(vault: Vault, id: Uuid, secret: Option<&str>) -> Result<String> {
    secret.map_or(Ok(String::new()), |secret| vault.seal_own(&place(id), secret.as_bytes()))
}

async fn record(w: &mut Write<'_>, provider: &Provider, before: Value, after: Value) -> Result<()> {
    let target_id = provider.id.to_string();
    w.record(Record { space: None, target_type: "identity_provider", target_id, before, after }).await
}

/// Requires that a provider is well described.
fn judge(ctx: &Ctx, provider: &Provider, secret: Option<&str>) -> Result<()> {
    let mut wrong = Vec::new();
    let mut refuse = |pointer: &str, message: &str| {
        wrong.push(FieldError { pointer: pointer.to_owned(), message: message.to_owned() });
    };
    let slug = provider.slug.as_bytes();
    let word = slug.iter().all(|b| b.is_ascii_lowercase() || b.is_ascii_digit() || *b == b'-');
    if !word || !(1..=SLUG_BYTES).contains(&slug.len()) || !slug[0].is_ascii_lowercase() {
        refuse("/slug", "must be 1 to 32 of a-z, 0-9 and -, a letter first");
    }
    let choices = &provider.choices;
    if choices.allow_private && !ctx.app.limits.allow_private_targets {
        refuse("/allow_private", "needs allow_private_targets in the server's configuration");
    }
    match Url::read(&provider.issuer, provider.private(ctx)) {
        Err(why) => refuse("/issuer", &why.to_string()),
        Ok(_) if provider.issuer.contains('?') => refuse("/issuer", "must not hold a query"),
        Ok(_) => {}
    }
    let plain = |text: &str, most: usize| (1..=most).contains(&text.len()) && !text.chars().any(char::is_control);
    if !plain(&provider.client_id, 255) {
        refuse("/client_id", "must be 1 to 255 bytes long, without control characters");
    }
    if !secret.is_none_or(|secret| plain(secret, SECRET_BYTES)) {
        refuse("/client_secret", "must be 1 to 1,024 bytes long, without control characters");
    }
    let token =
        |scope: &String| plain(scope, 100) && scope.bytes().all(|b| b.is_ascii_graphic() && b != b'"' && b != b'\\');
    if choices.scopes.len() > SCOPES || !choices.scopes.iter().all(token) {
        refuse("/scopes", "must be at most 20 scopes of 1 to 100 visible characters");
    } else if !choices.scopes.iter().any(|scope| scope == "openid") {
        refuse("/scopes", "must hold openid");
    }
    let allowed = choices.groups_allowed.as_deref().unwrap_or_default();
    if allowed.len() > GROUPS_ALLOWED || !allowed.iter().all(|group| plain(group, GROUP_BYTES)) {
        refuse("/groups_allowed", "must be at most 500 names of groups, each 1 to 255 bytes long");
    }
    if !choices.groups_claim.as_ref().is_none_or(|claim| plain(claim, 255)) {
        refuse("/groups_claim", "must be 1 to 255 bytes long, without control characters");
    }
    if wrong.is_empty() { Ok(()) } else { Err(Error::Invalid(wrong)) }
}

/// Changes a provider. When it is disabled, nobody signs in by it any more, and the sessions that began there end. The
/// memberships it made in groups that it may not fill any more end.
///
/// # Errors
/// 403 for all but system administrators, 404, 409 `last_admin` when a space would lose its last administrator by that,
/// 422.
pub async fn update(ctx: &Ctx, id: &str, changes: Changes) -> Result<Saved> {
    let before = get(ctx, id).await?;
    let mut after = before.clone();
    apply(&mut after, &changes)?;
    let secret = changes.client_secret.clone().flatten();
    client::forget(ctx, before.id);
    let check = match changes.rest() {
        // Whatever else is wrong with it, it can be disabled, and that does not wait for its answer.
        true => None,
        false => {
            judge(ctx, &after, secret.as_deref())?;
            Some(client::check(ctx, &after).await)
        }
    };
    let saved = write(ctx, "identity_provider.update", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let before = store::by_id_in(w.tx(), before.id).await?.ok_or(Error::NotFound)?;
        let mut after = before.clone();
        apply(&mut after, &changes)?;
        after.updated_at = w.now;
        if let Some(secret) = &changes.client_secret {
            after.sealed_secret = sealed(w.dir().vault.clone(), after.id, secret.as_deref())?;
        }
        store::update(w.tx(), &permit, &after).await?;
        let mut is = after.state();
        if before.choices.groups_allowed != after.choices.groups_allowed {
            // What it may not say any more is not so from now on, whoever signs in or not.
            let (by, choices) = ((after.id, after.slug.as_str()), &after.choices);
            is["memberships_ended"] = json!(groups::dictate_only(w, &permit, by, |name| choices.allows(name)).await?);
        }
        if before.enabled && !after.enabled {
            let ended = sessions::end_of_provider(w, &permit, after.id, sessions::Which::All).await?;
            is["sessions_ended"] = json!(ended);
        }
        if changes.client_secret.is_some() {
            is["client_secret"] = json!(if after.has_secret() { "changed" } else { "removed" });
        }
        record(w, &after, before.state(), is).await?;
        Ok(after)
    })
    .await?;
    client::forget(ctx, saved.id);
    Ok((saved, check))
}

fn apply(provider: &mut Provider, changes: &Changes) -> Result<()> {
    if let Some(name) = &changes.name {
        provider.name = text::name("/name", name)?;
    }
    let choices = &mut provider.choices;
    choices.scopes = changes.scopes.clone().unwrap_or_else(|| choices.scopes.clone());
    choices.groups_claim = changes.groups_claim.clone().unwrap_or_else(|| choices.groups_claim.clone());
    choices.groups_from = changes.groups_from.unwrap_or(choices.groups_from);
    choices.groups_allowed = changes.groups_allowed.clone().unwrap_or_else(|| choices.groups_allowed.clone());
    choices.create_users = changes.create_users.unwrap_or(choices.create_users);
    choices.allow_private = changes.allow_private.unwrap_or(choices.allow_private);
    provider.client_id = changes.client_id.clone().unwrap_or_else(|| provider.client_id.clone());
    provider.enabled = changes.enabled.unwrap_or(provider.enabled);
    Ok(())
}

/// Deletes a provider: who came by it is not known by it any more, their sessions and the memberships it made end. Their
/// accounts stay.
///
/// # Errors
/// 403 for all but system administrators, 404, 409 when a space would lose its last administrator.
pub async fn delete(ctx: &Ctx, id: &str) -> Result<()> {
    let provider = get(ctx, id).await?;
    let gone = provider.id;
    write(ctx, "identity_provider.delete", async move |w: &mut Write<'_>| {
        let permit = w.system_admin()?;
        let provider = store::by_id_in(w.tx(), provider.id).await?.ok_or(Error::NotFound)?;
        groups::dictate_nothing(w, &permit, (provider.id, &provider.slug)).await?;
        let ended = sessions::end_of_provider(w, &permit, provider.id, sessions::Which::All).await?;
        store::delete(w.tx(), &permit, provider.id).await?;
        let mut before = provider.state();
        before["sessions_ended"] = json!(ended);
        record(w, &provider, before, Value::Null).await
    })
    .await?;
    client::forget(ctx, gone);
    Ok(())
}

/// One provider.
///
/// # Errors
/// 403 for all but system administrators, 404.
pub async fn get(ctx: &Ctx, id: &str) -> Result<Provider> {
    ctx.system_admin(&ctx.directory())?;
    let id = ids::read_id(id).ok_or(Error::NotFound)?;
    let found = store::all(&ctx.app.db).await?.into_iter().find(|provider| provider.id == id);
    found.ok_or(Error::NotFound)
}

/// All providers, by name.
///
/// # Errors
/// 403 for all but system administrators, 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, page: &PageRequest) -> Result<Page<Provider>> {
    ctx.system_admin(&ctx.directory())?;
    let all = store::all(&ctx.app.db).await?;
    let dir = ctx.directory();
    let caller = ctx.system_admin(&dir)?;
    page_of(&dir, &caller, "identity providers", page, all.into_iter(), |p| (p.name.clone(), p.id))
}

/// Asks a provider what it is, now.
///
/// # Errors
/// 403 for all but system administrators, 404.
pub async fn test(ctx: &Ctx, id: &str) -> Result<Check> {
    let provider = get(ctx, id).await?;
    client::forget(ctx, provider.id);
    Ok(client::check(ctx, &provider).await)
}

/// The providers that somebody can sign in by, by name.
///
/// # Errors
/// When the store cannot answer.
pub async fn offered(ctx: &Ctx) -> Result<Vec<Provider>> {
    let all = store::all(&ctx.app.db).await?;
    Ok(all.into_iter().filter(|provider| provider.enabled).collect())
}

/// The origins that a browser is sent to when it signs in or out: forms of our pages lead there.
pub fn origins(ctx: &Ctx, providers: &[Provider]) -> Vec<String> {
    let mut origins: Vec<String> = providers.iter().flat_map(|provider| client::origins(ctx, provider)).collect();
    origins.sort();
    origins.dedup();
    origins
}

/// The enabled provider of a slug.
async fn of_slug(ctx: &Ctx, slug: &str) -> Result<Provider> {
    let found = offered(ctx).await?.into_iter().find(|provider| provider.slug == slug);
    found.ok_or(Error::NotFound)
}
