//! Who somebody is at a provider, and which account that is here.

use super::claims::{Groups, Person};
use super::{Provider, store};
use crate::access::{Ctx, Permit, Record, Write, write};
use crate::base::error::{Error, Result};
use crate::base::{ids, text};
use crate::directory::Directory;
use crate::groups;
use crate::sessions::{self, Admission, Outside, SignedIn};
use crate::users::{self, NewUser};
use garth_core::{GroupIx, Micros, UserIx};
use serde_json::{Value, json};
use uuid::Uuid;

/// Longest part of a username that a provider chooses, in characters.
const HANDLE_CHARACTERS: usize = 60;

/// Somebody as a provider knows them.
#[derive(Clone)]
pub(super) struct Known {
    /// What they are told apart by there.
    pub subject: String,
    /// What an account is made of.
    pub person: Person,
    /// Their groups.
    pub groups: Groups,
}

/// Who a user is at a provider.
#[derive(Clone, Debug)]
pub struct Identity {
    /// The link's id.
    pub id: Uuid,
    /// The provider.
    pub provider: Uuid,
    /// Its name in addresses.
    pub slug: String,
    /// What people call it.
    pub provider_name: String,
    /// Can somebody sign in by it?
    pub enabled: bool,
    /// What they are told apart by there.
    pub subject: String,
    /// The address that the provider had verified.
    pub email: Option<String>,
    /// Since when.
    pub created_at: Micros,
}

/// Which account somebody has here who comes from a provider.
pub(super) struct Arrived {
    /// The account; of a new one another each time, until it is made in earnest.
    pub user: Uuid,
    /// Is it made for them?
    pub new: bool,
    /// What it is called.
    username: String,
}

/// Somebody who has been admitted, on their way in.
pub(super) struct Coming {
    /// Who they are there.
    pub known: Known,
    /// Who they would be here.
    pub arrived: Arrived,
    /// What the login policies said of that.
    pub admission: Admission,
    /// What is kept with their session.
    pub outside: Outside,
    /// When they set out.
    pub began: Micros,
    /// What they sign in with.
    pub device: String,
}

/// Who somebody from a provider would be here, and everything as it would be then. Nothing is changed.
///
/// # Errors
/// 404 when the provider is disabled, 403 for somebody who has no account here and gets none.
pub(super) async fn foreseen(ctx: &Ctx, provider: Uuid, known: &Known) -> Result<(Arrived, Directory)> {
    let ((trying, tried), known) = (ctx.trying(), known.clone());
    let arrived = write(&trying, "identity.sign_in", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        arrive(w, &permit, provider, &known, None).await
    })
    .await?;
    let pictures = tried.take().ok_or_else(|| Error::internal("a sign-in was tried and left no pictures"))?;
    Ok((arrived, pictures.after))
}

/// Somebody comes in from a provider: who they are, where they belong and their session, all of it or nothing.
///
/// # Errors
/// 403 when the provider has ended their sessions since they set out, or their account or itself was disabled; 409
/// `conflict` when they would not be whom the login policies judged.
pub(super) async fn enter(ctx: &Ctx, coming: Coming) -> Result<SignedIn> {
    write(ctx, "identity.sign_in", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        let Coming { known, arrived: foreseen, admission, outside, began, device } = coming;
        // A logout that the provider sent while they were under way is not outrun.
        for (subject, session) in store::logouts_since(w.tx(), outside.provider, began).await? {
            if sessions::meant(subject.as_deref(), session.as_deref(), &outside.subject, outside.sid.as_deref()) {
                return Err(sessions::ended_meanwhile());
            }
        }
        let arrived = arrive(w, &permit, outside.provider, &known, Some(&foreseen.username)).await?;
        let same = arrived.new == foreseen.new && arrived.username == foreseen.username;
        if !same || (!arrived.new && arrived.user != foreseen.user) {
            return Err(Error::conflict("conflict", "another sign-in came between; try again"));
        }
        let admission = if arrived.new { admission.of_new(arrived.user)? } else { admission };
        w.goes_on_as("login");
        sessions::enter(w, &permit, &admission, &device, &outside).await
    })
    .await
}

/// Finds the account of somebody who comes from a provider, or makes one, and replaces what the provider said of their
/// groups.
async fn arrive(
    w: &mut Write<'_>,
    permit: &Permit,
    provider: Uuid,
    known: &Known,
    called: Option<&str>,
) -> Result<Arrived> {
    let provider = enabled(w, provider).await?;
    let (user, new) = match store::whom(w.tx(), &provider.issuer, &known.subject).await? {
        Some((_, user)) => (user, false),
        None if provider.choices.create_users => (make(w, permit, &provider, known, called).await?, true),
        None => return Err(stranger()),
    };
    let ix = w.dir().users.by_id::<UserIx>(&user).ok_or_else(stranger)?;
    if !w.dir().world.user(ix).is_some_and(|user| user.enabled) {
        return Err(stranger());
    }
    let username = w.dir().users.info(ix).map(|info| info.username.clone()).unwrap_or_default();
    let (named, problem) = match &known.groups {
        Groups::Named(names) => (names.as_slice(), None),
        Groups::Unknown(why) => (&[][..], Some(*why)),
    };
    if named.iter().any(|name| !provider.choices.allows(name)) {
        return Err(Error::conflict("conflict", "the identity provider was changed meanwhile; try again"));
    }
    // By name, to the letter: what is called otherwise here is another group.
    let groups: Vec<GroupIx> = named.iter().filter_map(|name| w.dir().groups.by_name(name)).collect();
    w.dictated(permit);
    let (come, gone) = groups::dictate(w, permit, (provider.id, &provider.slug), user, &groups).await?;
    if problem.is_some() || !come.is_empty() || !gone.is_empty() {
        let mut after = json!({ "identity_provider": provider.slug, "groups_come": come, "groups_gone": gone });
        if let Some(why) = problem {
            after["groups_unknown"] = json!(why);
        }
        let (target_id, before) = (user.to_string(), Value::Null);
        w.record(Record { space: None, target_type: "user", target_id, before, after }).await?;
    }
    Ok(Arrived { user, new, username })
}

async fn enabled(w: &mut Write<'_>, provider: Uuid) -> Result<Provider> {
    store::by_id_in(w.tx(), provider).await?.filter(|provider| provider.enabled).ok_or(Error::NotFound)
}

/// Whoever has no account, and whoever's is disabled, is told the same.
fn stranger() -> Error {
    Error::Forbidden(
        "no account here can be used with this sign-in; ask somebody who manages this installation".to_owned(),
    )
}

/// Makes an account; `called` is what it would be called when it was tried.
async fn make(
    w: &mut Write<'_>,
    permit: &Permit,
    provider: &Provider,
    known: &Known,
    called: Option<&str>,
) -> Result<Uuid> {
    let free = called.filter(|name| w.dir().users.by_name::<UserIx>(&text::folded(name)).is_none());
    let username = match free {
        Some(name) => name.to_owned(),
        None => free_username(w.dir(), provider, known.person.handle.as_deref()),
    };
    let name = known.person.name.clone().or_else(|| Some(handle(known.person.handle.as_deref())));
    let new = NewUser { username, name, email: known.person.email.clone() };
    let user = users::make(w, permit, &new, false).await?;
    put(w, permit, provider, user, known).await?;
    Ok(user)
}

/// `lin@corp`: what they are called there, and where. With the provider's slug behind it the name is never one that somebody
/// here has, so that making it unique tells nothing of them.
fn free_username(dir: &Directory, provider: &Provider, wanted: Option<&str>) -> String {
    let handle = handle(wanted);
    let plain = format!("{handle}@{}", provider.slug);
    if dir.users.by_name::<UserIx>(&text::folded(&plain)).is_none() {
        return plain;
    }
    format!("{handle}-{}@{}", &ids::new_token("")[..8], provider.slug)
}

/// What a provider calls somebody, as far as it can stand in a username; an address without its domain.
fn handle(wanted: Option<&str>) -> String {
    let local = wanted.unwrap_or_default().trim().split('@').next().unwrap_or_default();
    let plain = |c: char| if c.is_alphanumeric() || "._-+".contains(c) { c } else { '-' };
    let handle: String = text::composed(local).chars().map(plain).take(HANDLE_CHARACTERS).collect();
    let handle = handle.trim_matches('-').to_owned();
    if handle.is_empty() || text::handle("", &handle).is_err() { "user".to_owned() } else { handle }
}

/// Notes that somebody at a provider is that user here.
async fn put(w: &mut Write<'_>, permit: &Permit, provider: &Provider, user: Uuid, known: &Known) -> Result<()> {
    let (now, id) = (w.now, ids::new_id(w.now));
    let email = known.person.email.as_deref();
    let link = store::Link { id, provider, subject: &known.subject, user, email };
    store::link(w.tx(), permit, &link, now).await?;
    let (target_id, before) = (user.to_string(), Value::Null);
    let after = json!({ "identity": id, "identity_provider": provider.slug, "subject": known.subject });
    w.record(Record { space: None, target_type: "user", target_id, before, after }).await
}

/// Somebody who is signed in is known by a provider from now on.
pub(super) async fn link(ctx: &Ctx, provider: Uuid, user: Uuid, known: &Known) -> Result<()> {
    let known = Known { subject: known.subject.clone(), person: known.person.clone(), groups: known.groups.clone() };
    write(ctx, "identity.link", async move |w: &mut Write<'_>| {
        let (permit, ix) = w.own()?;
        if w.dir().users.info(ix).is_none_or(|info| info.id != user) {
            return Err(Error::Unauthenticated);
        }
        let provider = enabled(w, provider).await?;
        match store::whom(w.tx(), &provider.issuer, &known.subject).await? {
            Some((_, other)) if other == user => return Ok(()),
            // Whoever they are there, they have proved it; that they are somebody here already is theirs to know.
            Some(_) => return Err(Error::conflict("conflict", "this sign-in belongs to another account already")),
            None => {}
        }
        let own = store::of_user_in(w.tx(), user).await?;
        if own.iter().any(|identity| identity.provider == provider.id) {
            return Err(Error::conflict(
                "conflict",
                "this account is known by that provider already; unlink that first",
            ));
        }
        put(w, &permit, &provider, user, &known).await
    })
    .await
}

/// Who the caller is at providers, oldest first.
///
/// # Errors
/// 401 for anybody who is not a user, 403 for an API key.
pub async fn list(ctx: &Ctx) -> Result<Vec<Identity>> {
    let user = myself(ctx)?;
    Ok(store::of_user(&ctx.app.db, user).await?)
}

fn myself(ctx: &Ctx) -> Result<Uuid> {
    let dir = ctx.directory();
    Ok(dir.users.info(ctx.user(&dir)?).ok_or(Error::Unauthenticated)?.id)
}

/// The caller is not known by a provider any more: the sessions that began there end, but for the one that asks, and so do
/// the memberships that the provider made.
///
/// # Errors
/// 401, 404 for a link that is not theirs, 409 when it is their only way to sign in.
pub async fn unlink(ctx: &Ctx, id: &str) -> Result<()> {
    let id = ids::read_id(id).ok_or(Error::NotFound);
    let current = ctx.session(&ctx.directory())?.id;
    let id = id?;
    write(ctx, "identity.unlink", async move |w: &mut Write<'_>| {
        let (permit, ix) = w.own()?;
        let user = w.dir().users.info(ix).ok_or(Error::Unauthenticated)?.id;
        let own = store::of_user_in(w.tx(), user).await?;
        let identity = own.iter().find(|identity| identity.id == id).ok_or(Error::NotFound)?;
        // A provider that is disabled lets nobody in.
        let other = own.iter().any(|other| other.id != id && other.enabled);
        if !other && !store::has_own_way(w.tx(), user).await? {
            return Err(Error::conflict("conflict", "it is your only way to sign in: link another one first"));
        }
        store::unlink(w.tx(), &permit, id).await?;
        groups::dictate(w, &permit, (identity.provider, &identity.slug), user, &[]).await?;
        let which = sessions::Which::Of { subject: identity.subject.clone(), but: Some(current) };
        sessions::end_of_provider(w, &permit, identity.provider, which).await?;
        let (target_id, after) = (user.to_string(), Value::Null);
        let before = json!({ "identity": id, "identity_provider": identity.slug, "subject": identity.subject });
        w.record(Record { space: None, target_type: "user", target_id, before, after }).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_handle_can_stand_in_a_username() {
        for (wanted, is) in [
            (Some("lin"), "lin"),
            (Some("lin@corp.example"), "lin"),
            (Some("  Lin O'Neil "), "Lin-O-Neil"),
            (Some("@"), "user"),
            (Some("a/b:c|d"), "a-b-c-d"),
            (Some("\u{202e}evil"), "evil"),
            (Some("ünï"), "ünï"),
            (Some(""), "user"),
            (None, "user"),
        ] {
            assert_eq!(handle(wanted), is, "{wanted:?}");
        }
        assert_eq!(handle(Some(&"x".repeat(500))).len(), HANDLE_CHARACTERS);
    }
}
