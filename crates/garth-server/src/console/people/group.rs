//! One group: who is in it, what they hold by it, and how it ends.

use super::super::look::{Face, address};
use super::super::names::{Names, called};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::groups::taken;
use super::routes::GroupMemberForm;
use super::{RoleRow, role_rows, typed};
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::{PAGE_DEFAULT, PAGE_MAX};
use crate::{grants, groups};
use askama::Template;
use axum::response::Response;
use garth_core::Principal;

/// The fields of its forms.
const FIELDS: [&str; 3] = ["/name", "/person", "/group"];

#[derive(Template)]
#[template(path = "group.html")]
struct Group {
    frame: Shell,
    id: String,
    called: String,
    name: String,
    rows: Vec<Row>,
    next: Option<String>,
    roles: Vec<RoleRow>,
    more: usize,
    /// The groups that it is in.
    above: Vec<Other>,
    /// The groups that could be put into it.
    others: Vec<Other>,
    person: String,
    wrong: Wrong,
}

/// Who is in it.
struct Row {
    principal: String,
    name: String,
    detail: String,
    href: String,
    face: Face,
    group: bool,
}

struct Other {
    id: String,
    name: String,
}

/// What was tried.
#[derive(Default)]
struct Tried {
    name: Option<String>,
    person: String,
    wrong: Wrong,
}

/// The page.
pub async fn show(seat: &Seat, id: &str) -> Result<Response> {
    shown(seat, id, Tried::default()).await
}

async fn shown(seat: &Seat, id: &str, tried: Tried) -> Result<Response> {
    let ctx = &seat.ctx;
    ctx.system_admin(&ctx.directory())?;
    let info = groups::get(ctx, id)?;
    let own = format!("/system/groups/{}", info.id);
    let mut page = PageRequest::first(PAGE_DEFAULT);
    if seat.looks() {
        let mut query = Query::new(&seat.uri)?;
        page = query.page();
        query.done()?;
    }
    let found = groups::members(ctx, id, &page).await?;
    let next = found.next.map(|next| address(&own, &[("cursor", &next)]));
    let all = groups::list(ctx, &PageRequest::first(PAGE_MAX))?;
    let there = |group: &uuid::Uuid| found.items.contains(&format!("group:{group}"));
    let other = |group: &std::sync::Arc<crate::directory::GroupInfo>| Other {
        id: group.id.to_string(),
        name: group.name.clone(),
    };
    let others = all.items.iter().filter(|group| group.id != info.id && !there(&group.id)).map(other).collect();
    let principal = format!("group:{}", info.id);
    let above = groups::naming(ctx, &principal)?.iter().map(other).collect();
    let (roles, more) = role_rows(ctx, grants::held(ctx, &principal)?);
    let rows = {
        let dir = ctx.directory();
        let caller = ctx.caller(&dir)?;
        let names = Names::new(&dir, &caller, ctx.now());
        let row = |principal: &String| {
            let name = names.of(principal);
            let (id, detail, area) = match dir.principal(principal)? {
                Principal::User(user) => {
                    let info = dir.users.info(user)?;
                    (info.id, info.username.clone(), "users")
                }
                Principal::Group(group) => (dir.groups.info(group)?.id, "A group".to_owned(), "groups"),
                _ => return None,
            };
            Some(Row {
                principal: principal.clone(),
                face: Face::new(&name, &id),
                href: format!("/system/{area}/{id}"),
                group: area == "groups",
                name,
                detail,
            })
        };
        found.items.iter().filter_map(row).collect()
    };
    let page = Group {
        frame: Shell::outside(seat, "/system/groups")?,
        id: info.id.to_string(),
        called: info.name.clone(),
        name: tried.name.unwrap_or_else(|| info.name.clone()),
        rows,
        next,
        roles,
        more,
        above,
        others,
        person: tried.person,
        wrong: tried.wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// The page once more, for those who administer the installation, with what was refused.
async fn again(seat: &Seat, id: &str, error: Error, tried: Tried) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let wrong = seat.refused(error, &FIELDS)?;
    shown(seat, id, Tried { wrong, ..tried }).await
}

/// Renames it.
pub async fn rename(seat: &Seat, id: &str, name: String) -> Result<Response> {
    match groups::rename(&seat.ctx, id.to_owned(), name.trim().to_owned()).await {
        Ok(info) => {
            Ok(seat.done(&format!("/system/groups/{}", info.id), &format!("The group is called {} now.", info.name)))
        }
        Err(error) => {
            let tried = Tried { name: Some(name), ..Tried::default() };
            again(seat, id, taken(error), tried).await
        }
    }
}

/// Puts a person or a group into it.
pub async fn add(seat: &Seat, id: &str, form: GroupMemberForm) -> Result<Response> {
    let (pointer, member) = match (typed(&form.group), typed(&form.person)) {
        (Some(group), _) => ("/group", format!("group:{group}")),
        (None, person) => ("/person", format!("user:@{}", person.unwrap_or_default().trim_start_matches('@'))),
    };
    match groups::add_member(&seat.ctx, id.to_owned(), member.clone()).await {
        Ok(()) => {
            let said = format!("{} is in the group.", called(seat, &member)?);
            Ok(seat.done(&page_of(seat, id)?, &said))
        }
        Err(error) => {
            // What is wrong with the member is told at the field that named it.
            let error = match error {
                Error::Invalid(fields) => {
                    let there = |field: crate::base::error::FieldError| crate::base::error::FieldError {
                        pointer: pointer.to_owned(),
                        message: field.message,
                    };
                    Error::Invalid(fields.into_iter().map(there).collect())
                }
                Error::Conflict("conflict", why) => Error::field(pointer, why),
                other => other,
            };
            again(seat, id, error, Tried { person: form.person, ..Tried::default() }).await
        }
    }
}

/// Takes a person or a group out of it.
pub async fn take_out(seat: &Seat, id: &str, member: String) -> Result<Response> {
    let said = format!("{} is no longer in the group.", called(seat, &member)?);
    match groups::remove_member(&seat.ctx, id.to_owned(), member).await {
        Ok(()) => Ok(seat.done(&page_of(seat, id)?, &said)),
        Err(error) => again(seat, id, error, Tried::default()).await,
    }
}

/// Deletes it.
pub async fn delete(seat: &Seat, id: &str) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let info = groups::get(&seat.ctx, id)?;
    match groups::delete(&seat.ctx, id.to_owned()).await {
        Ok(()) => Ok(seat.done("/system/groups", &format!("The group {} is gone.", info.name))),
        Err(error) => again(seat, id, error, Tried::default()).await,
    }
}

/// Where its page is, however it was named.
fn page_of(seat: &Seat, id: &str) -> Result<String> {
    Ok(format!("/system/groups/{}", groups::get(&seat.ctx, id)?.id))
}
