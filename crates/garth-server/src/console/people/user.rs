//! One account, for those who administer the installation: what it is, what it holds, and how it ends.

use super::super::look::{Face, Moment};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::{RoleRow, role_rows, typed};
use crate::base::error::{Error, Result};
use crate::users::{self, Account, Changes};
use crate::{grants, groups};
use askama::Template;
use axum::response::Response;

/// The fields of its forms.
const FIELDS: [&str; 3] = ["/name", "/email", "/confirm"];

#[derive(Template)]
#[template(path = "user.html")]
struct User {
    frame: Shell,
    id: String,
    called: String,
    username: String,
    /// As they stand in the form.
    name: String,
    email: String,
    face: Face,
    me: bool,
    admin: bool,
    disabled: bool,
    made: Moment,
    groups: Vec<Group>,
    roles: Vec<RoleRow>,
    more: usize,
    /// What goes when the account ends.
    lost: String,
    wrong: Wrong,
}

struct Group {
    id: String,
    name: String,
}

/// What was tried of the name and the address.
type Typed = Option<(String, String)>;

/// The page.
pub fn show(seat: &Seat, id: &str) -> Result<Response> {
    shown(seat, id, None, Wrong::default())
}

/// The account, for those who administer the installation only.
fn account(seat: &Seat, id: &str) -> Result<Account> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    users::get(&seat.ctx, id)
}

fn shown(seat: &Seat, id: &str, tried: Typed, wrong: Wrong) -> Result<Response> {
    let ctx = &seat.ctx;
    let account = account(seat, id)?;
    let info = &account.info;
    let principal = format!("user:{}", info.id);
    let groups = groups::naming(ctx, &principal)?;
    let held = grants::held(ctx, &principal)?;
    let own = held.iter().filter(|held| held.group.is_none()).count();
    let (roles, more) = role_rows(ctx, held);
    let frame = Shell::outside(seat, "/system/users")?;
    let (name, email) = tried.unwrap_or_else(|| (info.name.clone(), account.email.clone().unwrap_or_default()));
    let called = account.info.called().to_owned();
    let page = User {
        id: info.id.to_string(),
        username: info.username.clone(),
        face: Face::new(&called, &info.id),
        me: info.id == frame.me.id,
        admin: account.system_admin,
        disabled: info.disabled,
        made: Moment::new(info.created_at, ctx.now()),
        lost: lost(own, groups.len()),
        groups: groups.iter().map(|group| Group { id: group.id.to_string(), name: group.name.clone() }).collect(),
        roles,
        more,
        frame,
        called,
        name,
        email,
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// What goes with an account.
fn lost(roles: usize, groups: usize) -> String {
    let several = |number: usize, one: &str, many: &str| match number {
        0 => None,
        1 => Some(format!("1 {one}")),
        number => Some(format!("{number} {many}")),
    };
    let parts = [several(roles, "role in a space", "roles in spaces"), several(groups, "group", "groups")];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    match parts.is_empty() {
        true => "its sessions, passkeys and recovery codes".to_owned(),
        false => format!("{}, its sessions, passkeys and recovery codes", parts.join(", ")),
    }
}

async fn changed(seat: &Seat, id: &str, changes: Changes, said: impl Fn(&str) -> String) -> Result<Response> {
    let tried = changes.name.clone().map(|name| (name, changes.email.clone().flatten().unwrap_or_default()));
    match users::update(&seat.ctx, id.to_owned(), changes).await {
        Ok(account) => Ok(seat.done(&format!("/system/users/{}", account.info.id), &said(account.info.called()))),
        Err(error) => {
            account(seat, id)?;
            let wrong = seat.refused(error, &FIELDS)?;
            shown(seat, id, tried, wrong)
        }
    }
}

/// Changes the name and the address.
pub async fn save(seat: &Seat, id: &str, name: String, email: &str) -> Result<Response> {
    let changes = Changes { name: Some(name), email: Some(typed(email)), ..Changes::default() };
    changed(seat, id, changes, |name| format!("{name} is saved.")).await
}

/// Lets somebody in, or keeps them out.
pub async fn enable(seat: &Seat, id: &str, enabled: bool) -> Result<Response> {
    let changes = Changes { disabled: Some(!enabled), ..Changes::default() };
    changed(seat, id, changes, |name| match enabled {
        true => format!("{name} can sign in again."),
        false => format!("{name} can no longer sign in, and is signed out everywhere."),
    })
    .await
}

/// Makes somebody an administrator of the installation, or one no more.
pub async fn administrate(seat: &Seat, id: &str, admin: bool) -> Result<Response> {
    let changes = Changes { system_admin: Some(admin), ..Changes::default() };
    changed(seat, id, changes, |name| match admin {
        true => format!("{name} administers this installation now."),
        false => format!("{name} no longer administers this installation."),
    })
    .await
}

/// Ends every session of somebody.
pub async fn sign_out(seat: &Seat, id: &str) -> Result<Response> {
    let account = account(seat, id)?;
    users::end_all_sessions(&seat.ctx, id.to_owned()).await?;
    let said = format!("{} is signed out everywhere.", account.info.called().to_owned());
    Ok(seat.done(&format!("/system/users/{}", account.info.id), &said))
}

/// Ends an account, for whoever has typed its username.
pub async fn end(seat: &Seat, id: &str, confirm: &str) -> Result<Response> {
    let account = account(seat, id)?;
    let (name, username) = (account.info.called().to_owned(), account.info.username.as_str());
    let done = match confirm.trim() == username {
        true => users::delete(&seat.ctx, id.to_owned()).await,
        false => Err(Error::field("/confirm", format!("type {username} to go on"))),
    };
    match done {
        Ok(()) => Ok(seat.done("/system/users", &format!("The account of {name} has ended."))),
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            shown(seat, id, None, wrong)
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_goes_with_an_account_is_counted() {
        assert_eq!(lost(0, 0), "its sessions, passkeys and recovery codes");
        assert_eq!(lost(1, 2), "1 role in a space, 2 groups, its sessions, passkeys and recovery codes");
    }
}
