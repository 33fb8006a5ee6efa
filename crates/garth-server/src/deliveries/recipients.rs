//! Whom a job's entry is for, and who of them does not want it: for a while, or for good.
//!
//! Links to say so are for individuals only, and stand in their own letters. They are signed and name job, entry and
//! address, so that whoever has one speaks for that address and nothing else; no account is needed.

use super::{KIND, SECOND, store, wrong};
use crate::access::{App, Ctx, Record, Write, write};
use crate::base::error::{Error, FieldError, Result};
use crate::base::tries::Tries;
use crate::base::{clock, ids};
use crate::resources;
use garth_core::Micros;
use serde_json::{Value, json};

/// Most recipients of one entry of a job.
pub const RECIPIENTS: usize = 100;
/// Longest address.
pub const ADDRESS_BYTES: usize = 254;
/// How long something can be snoozed, in minutes: 5 minutes to 8 days.
pub const SNOOZE_MINUTES: std::ops::RangeInclusive<i64> = 5..=8 * 24 * 60;
/// What the links are signed for.
const PURPOSE: &str = "delivery/recipient";
/// Longest token of a link that is looked at.
const TOKEN_BYTES: usize = 1_024;

/// Somebody who is sent reports.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recipient {
    /// The address.
    pub address: String,
    /// Is it one person's, who may snooze and unsubscribe?
    pub individual: bool,
}

impl Recipient {
    fn read(value: &Value) -> Option<Self> {
        let (address, individual) = match value {
            Value::String(address) => (address.as_str(), true),
            Value::Object(fields) => {
                (fields.get("address")?.as_str()?, fields.get("individual").and_then(Value::as_bool).unwrap_or(true))
            }
            _ => return None,
        };
        Some(Self { address: address.to_owned(), individual })
    }

    /// Could a letter go there? A domain without a dot may mean something to the interface's own mail server.
    fn plausible(&self) -> bool {
        let odd = |c: char| c.is_control() || c.is_whitespace();
        let parts = self.address.rsplit_once('@').is_some_and(|(who, place)| !who.is_empty() && !place.is_empty());
        self.address.len() <= ADDRESS_BYTES && parts && !self.address.contains(odd)
    }
}

/// The recipients of an entry, each once. One that no letter can go to is among them, so that it fails and is told of.
pub(super) fn read(value: &Value) -> Vec<Recipient> {
    let mut found: Vec<Recipient> = Vec::new();
    for one in value.as_array().into_iter().flatten().filter_map(Recipient::read).take(RECIPIENTS) {
        if !found.iter().any(|known| same(&known.address, &one.address)) {
            found.push(one);
        }
    }
    found
}

/// Are those recipients of an entry: plain addresses (of individuals), or `{address, individual}`? `pointer` is where they
/// stand.
///
/// # Errors
/// What is wrong, each with its place.
pub fn check_recipients(value: &Value, pointer: &str) -> std::result::Result<(), Vec<FieldError>> {
    let Some(list) = value.as_array() else { return Err(vec![wrong(pointer, "must be a list")]) };
    if list.len() > RECIPIENTS {
        return Err(vec![wrong(pointer, format!("must be at most {RECIPIENTS}"))]);
    }
    let mut found = Vec::new();
    let mut seen: Vec<String> = Vec::new();
    for (at, value) in list.iter().enumerate() {
        match Recipient::read(value).filter(Recipient::plausible) {
            None => found.push(wrong(format!("{pointer}/{at}"), "must be an e-mail address, or an object with one")),
            Some(one) if seen.iter().any(|known| same(known, &one.address)) => {
                found.push(wrong(format!("{pointer}/{at}"), "stands there twice"));
            }
            Some(one) => seen.push(one.address),
        }
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

/// Are two addresses the same mailbox, as far as one can tell?
pub(super) fn same(one: &str, other: &str) -> bool {
    key(one) == key(other)
}

/// An address as it is compared.
pub(super) fn key(address: &str) -> String {
    address.to_lowercase()
}

/// Who does not want what that entry sends, at this moment.
///
/// # Errors
/// When the store fails.
pub(super) async fn silent(app: &App, job: &str, entry: &str) -> Result<Vec<String>> {
    let now = app.clock.now();
    let all = store::silences(&app.db, job, entry).await?;
    Ok(all.into_iter().filter(|(_, until)| until.is_none_or(|until| until > now)).map(|(address, _)| address).collect())
}

/// For whom a link speaks.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Link {
    pub job: String,
    pub entry: String,
    pub address: String,
}

impl Link {
    /// The token of the link.
    pub fn token(&self, app: &App) -> String {
        let text = json!([self.job, self.entry, self.address]).to_string();
        app.directory().vault.signed(PURPOSE, text.as_bytes())
    }

    /// What a token stands for.
    ///
    /// # Errors
    /// 404 for anything that was not signed here.
    pub fn read(app: &App, token: &str) -> Result<Self> {
        let short = Some(token).filter(|token| token.len() <= TOKEN_BYTES);
        let text = short.and_then(|token| app.directory().vault.read_signed(PURPOSE, token));
        let parts: Option<[String; 3]> = text.and_then(|text| serde_json::from_slice(&text).ok());
        let [job, entry, address] = parts.ok_or(Error::NotFound)?;
        Ok(Self { job, entry, address })
    }
}

/// What somebody wants by their link.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Wish {
    /// Nothing for so many minutes.
    Snooze(i64),
    /// Nothing any more.
    Unsubscribe,
    /// To get it again.
    Subscribe,
}

/// What holds for whoever has that link: `None` when they get it, `Some(None)` when they do not any more.
///
/// # Errors
/// 404 when the link is none of ours, or the job is gone.
pub(super) async fn standing(app: &std::sync::Arc<App>, token: &str) -> Result<(Link, Option<Option<Micros>>)> {
    let link = Link::read(app, token)?;
    resources::get(&Ctx::system(std::sync::Arc::clone(app)), &link.job).await?;
    let (all, now) = (store::silences(&app.db, &link.job, &link.entry).await?, app.clock.now());
    let own = all.into_iter().find(|(address, _)| *address == key(&link.address));
    let until = own.map(|(_, until)| until).filter(|until| until.is_none_or(|until| until > now));
    Ok((link, until))
}

/// What is wanted by links, counted by whom a link speaks for.
#[derive(Default)]
struct Wished(Tries);

/// Does what somebody wants by their link. It is on record in the job's space, unless it holds already.
///
/// # Errors
/// 404 as [`standing`], 422 for a snooze that is too short or too long, 429 when the link was used often lately.
pub(super) async fn wish(ctx: &Ctx, token: &str, wish: Wish) -> Result<()> {
    if let Wish::Snooze(minutes) = wish
        && !SNOOZE_MINUTES.contains(&minutes)
    {
        return Err(Error::field("/minutes", "must be 5 to 11520"));
    }
    let link = Link::read(&ctx.app, token)?;
    let address = key(&link.address);
    let whose = ids::hash_of(&[link.job.as_bytes(), link.entry.as_bytes(), address.as_bytes()]);
    ctx.app.memory.of::<Wished>().0.take(&whose, &ctx.app.clock)?;
    let action = match wish {
        Wish::Snooze(_) => "delivery.snooze",
        Wish::Unsubscribe => "delivery.unsubscribe",
        Wish::Subscribe => "delivery.subscribe",
    };
    write(ctx, action, async move |w: &mut Write<'_>| {
        let (permit, now) = (w.by_secret(), w.now);
        let space = resources::lies_in(w, &link.job).await?.ok_or(Error::NotFound)?;
        let place = (link.job.as_str(), link.entry.as_str(), address.as_str());
        let before = store::silence(w.tx(), place).await?.filter(|until| until.is_none_or(|until| until > now));
        let after = match wish {
            Wish::Snooze(minutes) => Some(Some(now + minutes * 60 * SECOND)),
            Wish::Unsubscribe => Some(None),
            Wish::Subscribe => None,
        };
        if before == after {
            return Ok(());
        }
        match after {
            Some(until) => store::keep_silence(w.tx(), &permit, place, until, now).await?,
            None => store::end_silence(w.tx(), &permit, place).await?,
        }
        let told = |state: Option<Option<Micros>>| match state {
            None => json!({ "recipient": address, "silent": false }),
            Some(until) => json!({ "recipient": address, "silent": true, "until": until.map(clock::to_text) }),
        };
        let (before, after) = (told(before), told(after));
        w.record(Record { space: Some(space), target_type: KIND, target_id: link.job.clone(), before, after }).await
    })
    .await
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn recipients_are_individuals_unless_they_say_otherwise() {
        let list = json!(["lin@example.org", {"address": "team@example.org", "individual": false}, "LIN@example.org"]);
        let [lin, team] = &read(&list)[..] else { panic!("two") };
        assert!(lin.individual && !team.individual);
        assert_eq!(check_recipients(&list, "/x").expect_err("twice")[0].pointer, "/x/2");
        for wrong in
            [json!("lin@example.org"), json!(["lin"]), json!(["a b@c"]), json!([{"individual": true}]), json!([7])]
        {
            assert!(check_recipients(&wrong, "/x").is_err(), "{wrong}");
        }
        let many: Vec<String> = (0..=RECIPIENTS).map(|n| format!("a{n}@example.org")).collect();
        assert_eq!(check_recipients(&json!(many), "/x").expect_err("too many")[0].pointer, "/x");
        assert!(check_recipients(&json!(many[1..]), "/x").is_ok());
    }
}
