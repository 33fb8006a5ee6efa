//! Identity providers: where else people are known, and what is believed of that.

use super::texts::plain;
use super::{ended, lines, refused, wanted};
use crate::base::error::{Error, Result};
use crate::console::fields::{Fields, has, one};
use crate::console::look::{Choice, address};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::identity_providers::{self as providers, Changes, Check, Choices, GroupsFrom, NewProvider, Provider};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;

const HERE: &str = "/system/identity-providers";
/// Where it hangs in the sidebar.
const UNDER: &str = "/system/login-policies";
const FIELDS: [&str; 10] = [
    "/name",
    "/slug",
    "/issuer",
    "/client_id",
    "/client_secret",
    "/scopes",
    "/groups_claim",
    "/groups_from",
    "/groups_allowed",
    "/allow_private",
];

#[derive(Template)]
#[template(path = "system/providers.html")]
struct Providers {
    frame: Shell,
    rows: Vec<Row>,
    next: Option<String>,
}

/// A provider in the list.
struct Row {
    id: String,
    name: String,
    issuer: String,
    enabled: bool,
}

#[derive(Template)]
#[template(path = "system/provider.html")]
struct Page {
    frame: Shell,
    heading: String,
    action: String,
    there: bool,
    typed: Typed,
    from: Vec<Choice>,
    has_secret: bool,
    private: bool,
    redirect: String,
    wrong: Wrong,
}

/// What was typed.
#[derive(Default)]
struct Typed {
    name: String,
    slug: String,
    issuer: String,
    client_id: String,
    scopes: String,
    claim: String,
    from: String,
    any_group: bool,
    groups: String,
    create_users: bool,
    allow_private: bool,
    enabled: bool,
}

impl Typed {
    fn new() -> Self {
        let scopes = "openid profile email".to_owned();
        Self { scopes, from: "id_token".to_owned(), any_group: true, enabled: true, ..Self::default() }
    }

    fn of(provider: &Provider) -> Self {
        let choices = &provider.choices;
        let from = match choices.groups_from {
            GroupsFrom::IdToken => "id_token",
            GroupsFrom::Userinfo => "userinfo",
            GroupsFrom::Both => "both",
        };
        Self {
            name: provider.name.clone(),
            slug: provider.slug.clone(),
            issuer: provider.issuer.clone(),
            client_id: provider.client_id.clone(),
            scopes: choices.scopes.join(" "),
            claim: choices.groups_claim.clone().unwrap_or_default(),
            from: from.to_owned(),
            any_group: choices.groups_allowed.is_none(),
            groups: choices.groups_allowed.as_deref().unwrap_or_default().join("\n"),
            create_users: choices.create_users,
            allow_private: choices.allow_private,
            enabled: provider.enabled,
        }
    }

    fn sent(sent: &Fields) -> Self {
        let text = |name: &str| one(sent, name).trim().to_owned();
        Self {
            name: text("name"),
            slug: text("slug"),
            issuer: text("issuer"),
            client_id: text("client_id"),
            scopes: text("scopes"),
            claim: text("groups_claim"),
            from: text("groups_from"),
            any_group: has(sent, "any_group"),
            groups: plain(one(sent, "groups_allowed")),
            create_users: has(sent, "create_users"),
            allow_private: has(sent, "allow_private"),
            enabled: has(sent, "enabled"),
        }
    }

    fn choices(&self) -> Result<Choices> {
        let groups_from = match self.from.as_str() {
            "id_token" | "" => GroupsFrom::IdToken,
            "userinfo" => GroupsFrom::Userinfo,
            "both" => GroupsFrom::Both,
            _ => return Err(Error::field("/groups_from", "must be id_token, userinfo or both")),
        };
        Ok(Choices {
            scopes: self.scopes.split_whitespace().map(str::to_owned).collect(),
            groups_claim: Some(self.claim.clone()).filter(|claim| !claim.is_empty()),
            groups_from,
            groups_allowed: (!self.any_group).then(|| lines(&self.groups)),
            create_users: self.create_users,
            allow_private: self.allow_private,
        })
    }
}

/// All of them.
pub async fn list(seat: &Seat) -> Result<Response> {
    let found = providers::list(&seat.ctx, &wanted(seat)?).await?;
    let next = found.next.map(|cursor| address(HERE, &[("cursor", &cursor)]));
    let row = |one: Provider| Row { id: one.id.to_string(), name: one.name, issuer: one.issuer, enabled: one.enabled };
    let rows = found.items.into_iter().map(row).collect();
    Ok(seat.page_as(StatusCode::OK, &Providers { frame: Shell::outside(seat, UNDER)?, rows, next }))
}

/// The form of a new one.
pub fn new(seat: &Seat) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    shown(seat, None, Typed::new(), Wrong::default())
}

fn shown(seat: &Seat, there: Option<&Provider>, typed: Typed, wrong: Wrong) -> Result<Response> {
    let from = [("id_token", "in the ID token"), ("userinfo", "at the userinfo endpoint"), ("both", "in both")];
    let page = Page {
        frame: Shell::outside(seat, UNDER)?,
        heading: there.map_or_else(|| "New identity provider".to_owned(), |one| one.name.clone()),
        action: there.map_or_else(|| format!("{HERE}/new"), |one| format!("{HERE}/{}", one.id)),
        there: there.is_some(),
        from: from.map(|(value, label)| Choice::new(value, label, &typed.from)).into_iter().collect(),
        has_secret: there.is_some_and(Provider::has_secret),
        private: seat.ctx.app.limits.allow_private_targets,
        redirect: there.map(|one| providers::redirect_uri(&seat.ctx, one)).unwrap_or_default(),
        typed,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// What is said of a provider that was asked.
fn told(said: &str, check: Option<Check>) -> String {
    match check {
        Some(check) if check.reachable => format!("{said} It answers: {}.", check.detail.trim_end_matches('.')),
        Some(check) => format!("{said} But it does not answer as it should: {}.", check.detail.trim_end_matches('.')),
        None => said.to_owned(),
    }
}

/// Makes one.
pub async fn create(seat: &Seat, sent: Fields) -> Result<Response> {
    let typed = Typed::sent(&sent);
    let secret = Some(one(&sent, "client_secret").to_owned()).filter(|secret| !secret.is_empty());
    let made = async {
        // Who may not is told that first.
        seat.ctx.system_admin(&seat.ctx.directory())?;
        let new = NewProvider {
            name: typed.name.clone(),
            slug: typed.slug.clone(),
            issuer: typed.issuer.clone(),
            client_id: typed.client_id.clone(),
            client_secret: secret,
            choices: typed.choices()?,
            enabled: typed.enabled,
        };
        providers::create(&seat.ctx, new).await
    };
    match made.await {
        Ok((one, check)) => {
            let there = format!("{HERE}/{}", one.id);
            Ok(seat.done(&there, &told(&format!("{} is made.", one.name), check)))
        }
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, None, typed, wrong)
        }
    }
}

/// One of them.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    let there = providers::get(&seat.ctx, id).await?;
    shown(seat, Some(&there), Typed::of(&there), Wrong::default())
}

/// Changes one; a secret that is not written stays.
pub async fn update(seat: &Seat, id: &str, sent: Fields) -> Result<Response> {
    let there = providers::get(&seat.ctx, id).await?;
    let typed = Typed { slug: there.slug.clone(), issuer: there.issuer.clone(), ..Typed::sent(&sent) };
    let client_secret = match one(&sent, "client_secret") {
        _ if has(&sent, "no_secret") => Some(None),
        "" => None,
        secret => Some(Some(secret.to_owned())),
    };
    let saved = async {
        let choices = typed.choices()?;
        let changes = Changes {
            name: Some(typed.name.clone()),
            client_id: Some(typed.client_id.clone()),
            client_secret,
            scopes: Some(choices.scopes),
            groups_claim: Some(choices.groups_claim),
            groups_from: Some(choices.groups_from),
            groups_allowed: Some(choices.groups_allowed),
            create_users: Some(choices.create_users),
            allow_private: Some(choices.allow_private),
            enabled: Some(typed.enabled),
        };
        providers::update(&seat.ctx, id, changes).await
    };
    match saved.await {
        Ok((one, check)) => Ok(seat.done(&format!("{HERE}/{id}"), &told(&format!("{} is saved.", one.name), check))),
        Err(error) => {
            let wrong = refused(seat, error, &FIELDS)?;
            shown(seat, Some(&there), typed, wrong)
        }
    }
}

/// Puts one to rest, or back to work.
pub async fn turn(seat: &Seat, id: &str, enabled: bool) -> Result<Response> {
    let changes = Changes { enabled: Some(enabled), ..Changes::default() };
    match providers::update(&seat.ctx, id, changes).await {
        Ok((one, check)) if enabled => {
            Ok(seat.done(HERE, &told(&format!("People can sign in by {}.", one.name), check)))
        }
        Ok((one, _)) => {
            Ok(seat.done(HERE, &format!("Nobody signs in by {} any more; who came by it is signed out.", one.name)))
        }
        Err(Error::Conflict(_, why)) => Ok(seat.done(HERE, &format!("Not done: {why}."))),
        Err(error) => Err(error),
    }
}

/// Asks one whether it answers.
pub async fn test(seat: &Seat, id: &str) -> Result<Response> {
    let check = providers::test(&seat.ctx, id).await?;
    Ok(seat.done(&format!("{HERE}/{id}"), &told("Asked.", Some(check))))
}

/// Deletes one.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    let name = providers::get(&seat.ctx, id).await?.name;
    let done = providers::delete(&seat.ctx, id).await;
    ended(seat, done, HERE, &format!("{name} is gone; the accounts stay."), &format!("{HERE}/{id}"))
}
