//! The directory of people: who is found by whom.
//!
//! System administrators find everybody, others the people they share a space with. Those are looked for among whom
//! something is granted near the caller's spaces, so that neither the answer nor its cost follows from how many other
//! accounts there are; only where everyone holds a role in one of these spaces, all accounts are gone through.

use super::{Account, manages, seen, store};
use crate::access::{self, Ctx, People, Viewer};
use crate::base::error::Result;
use crate::base::http::{Page, PageRequest};
use crate::base::text;
use crate::directory::{Directory, UserInfo};
use garth_core::{Caller, Micros, UserIx};
use hashbrown::HashSet;
use std::sync::Arc;
use uuid::Uuid;

/// Accounts that are read at a time where only some of them may be shown.
const SOME: usize = 200;

/// Which accounts a list is to have.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// With that part in the username or the name.
    pub q: Option<String>,
    /// Those only that are disabled, or those only that are not.
    pub disabled: Option<bool>,
    /// Those only that are noted as system administrators, or the others only.
    pub system_admin: Option<bool>,
}

impl Filter {
    fn fits(&self, dir: &Directory, ix: UserIx, info: &UserInfo) -> bool {
        let admin = || dir.world.user(ix).is_some_and(|user| user.system_admin);
        self.disabled.is_none_or(|disabled| info.disabled == disabled)
            && self.system_admin.is_none_or(|wanted| admin() == wanted)
            && self.q.as_deref().is_none_or(|q| matches(info, q))
    }
}

/// The accounts the caller can see, by username.
///
/// # Errors
/// 401, or 422 for a cursor that is not good.
pub async fn list(ctx: &Ctx, page: &PageRequest, filter: &Filter) -> Result<Page<Account>> {
    let q = filter.q.as_deref().filter(|q| !q.trim().is_empty()).map(|q| text::name("?q", q)).transpose()?;
    let filter = &Filter { q, ..filter.clone() };
    let Filter { q, disabled, system_admin } = filter;
    let query = format!("users {disabled:?} {system_admin:?} {}", q.as_deref().unwrap_or_default());
    let wanted = Wanted { page, query: &query, filter };
    let dir = ctx.directory();
    let caller = ctx.somebody(&dir)?;
    let people = Viewer::new(&dir, &caller, ctx.now()).people();
    match people {
        People::These(people) => among(&dir, &caller, ctx.now(), &people, &wanted),
        People::Everybody => among_all(ctx, &wanted).await,
    }
}

/// What is asked for.
struct Wanted<'a> {
    page: &'a PageRequest,
    /// What its cursors are good for.
    query: &'a str,
    filter: &'a Filter,
}

impl Wanted<'_> {
    /// The handle after which the page begins.
    fn after(&self, dir: &Directory, caller: &Caller) -> Result<Option<String>> {
        let cursor = self.page.cursor.as_ref();
        cursor.map(|cursor| Ok(access::read_cursor(dir, caller, self.query, cursor)?.0)).transpose()
    }
}

/// Those of some people whom the caller can see, asked in order and no further than the page goes.
fn among(
    dir: &Directory,
    caller: &Caller,
    now: Micros,
    people: &HashSet<UserIx>,
    wanted: &Wanted<'_>,
) -> Result<Page<Account>> {
    let after = wanted.after(dir, caller)?;
    let mut found: Vec<((String, Uuid), UserIx)> = people
        .iter()
        .filter_map(|ix| Some((*ix, dir.users.info(*ix).filter(|info| !info.deleted)?)))
        .filter(|(ix, info)| wanted.filter.fits(dir, *ix, info))
        .map(|(ix, info)| (key(info), ix))
        .filter(|((handle, _), _)| after.as_ref().is_none_or(|after| handle > after))
        .collect();
    found.sort_unstable();
    let viewer = Viewer::new(dir, caller, now);
    let found = found.into_iter().map(|(_, ix)| ix).filter(|ix| viewer.user(*ix)).take(wanted.page.limit + 1);
    page_of(dir, caller, wanted, found)
}

/// Those of all people whom the caller can see.
async fn among_all(ctx: &Ctx, wanted: &Wanted<'_>) -> Result<Page<Account>> {
    let (mut after, limit) = {
        let dir = ctx.directory();
        let caller = ctx.somebody(&dir)?;
        let limit = if manages(&caller) { wanted.page.limit + 1 } else { SOME };
        (wanted.after(&dir, &caller)?.unwrap_or_default(), limit)
    };
    let q = wanted.filter.q.as_deref();
    let sought = store::Sought {
        like: q.map(|q| (pattern(&text::folded(q)), pattern(&q.to_ascii_lowercase()))),
        disabled: wanted.filter.disabled,
        system_admin: wanted.filter.system_admin,
    };
    let mut found: Vec<UserIx> = Vec::new();
    loop {
        let rows = store::page(&ctx.db(), &after, &sought, limit).await?;
        // The rows first, the picture second: who may no more meanwhile is shown nothing of them.
        let dir = ctx.directory();
        let caller = ctx.somebody(&dir)?;
        let viewer = Viewer::new(&dir, &caller, ctx.now());
        found.extend(rows.iter().filter_map(|(id, _)| dir.users.by_id::<UserIx>(id)));
        found.retain(|ix| viewer.user(*ix));
        match rows.last().filter(|_| rows.len() == limit && found.len() <= wanted.page.limit) {
            Some((_, handle)) => after.clone_from(handle),
            None => return page_of(&dir, &caller, wanted, found.into_iter()),
        }
    }
}

fn page_of(
    dir: &Directory,
    caller: &Caller,
    wanted: &Wanted<'_>,
    found: impl Iterator<Item = UserIx>,
) -> Result<Page<Account>> {
    let found = found.filter_map(|ix| Some((ix, dir.users.info(ix)?)));
    let page = access::page_of(dir, caller, wanted.query, wanted.page, found, |(_, info)| key(info))?;
    Ok(page.map(|(ix, info)| seen(dir, caller, ix, info)))
}

/// The order of lists.
fn key(info: &Arc<UserInfo>) -> (String, Uuid) {
    (text::folded(&info.username), info.id)
}

/// As the store matches: a username in any case, a name in any case of ASCII letters.
fn matches(info: &UserInfo, q: &str) -> bool {
    text::folded(&info.username).contains(&text::folded(q))
        || info.name.to_ascii_lowercase().contains(&q.to_ascii_lowercase())
}

/// A pattern that matches that text anywhere.
fn pattern(part: &str) -> String {
    format!("%{}%", part.replace('\\', "\\\\").replace('%', "\\%").replace('_', "\\_"))
}
