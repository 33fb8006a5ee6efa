//! Letters to whoever runs the installation, when something turns red.
//!
//! A letter tells of all that is red and that nobody was told of; the next one waits for a minimum gap. What was told is in
//! the database, so that a restart repeats nothing. What nobody could be told of stays waiting.

use super::colours::{Colour, Tally};
use super::overview::{self, BackedUp, Watched};
use super::store;
use crate::access::{App, Ctx, Write, write};
use crate::base::error::Result;
use crate::base::mail::{Letter, Mailer, Place};
use crate::directory::Alerts;
use garth_core::Micros;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often it is asked whether it is time to look.
const BEAT: Duration = Duration::from_secs(20);
/// The subject under which it is kept when the last letter went out.
const LETTER: &str = "";
/// Most things that one letter names.
const NAMED: usize = 50;

/// Looks from time to time, for as long as the server runs.
pub async fn watch(app: Arc<App>) {
    let mut every = tokio::time::interval(BEAT);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    let mut looked: Option<Micros> = None;
    loop {
        every.tick().await;
        let (now, minutes) = (app.clock.now(), app.directory().settings.alerts.check_minutes);
        if looked.is_some_and(|last| now - last < Micros::from(minutes) * 60 * 1_000_000) {
            continue;
        }
        looked = Some(now);
        if let Err(error) = watch_once(&app).await {
            tracing::warn!(%error, "nobody could look how the jobs are; it is tried again");
        }
    }
}

/// Looks now; answers how many letters were handed over. Stories call it; the server does so on a timer.
///
/// # Errors
/// When the store fails.
pub async fn watch_once(app: &Arc<App>) -> Result<usize> {
    let (jobs, deliveries) = overview::watched(app).await?;
    for (noun, list) in [("job", &jobs), ("delivery", &deliveries)] {
        let tally = Tally::of(list.iter().map(|one| one.colour));
        Colour::ALL.into_iter().for_each(|colour| app.figures.watched(noun, colour.name(), tally.many(colour)));
    }
    let backup = BackedUp::look(app).await?;
    let red = troubles(&jobs, &deliveries, backup.as_ref());
    let settings = app.directory().settings.alerts.clone();
    // Places first: what cannot be sent is not on record as told.
    let places = places(app, &settings);
    let known = store::alerts_now(&app.db).await?;
    if !moved(&known, &red, places.is_some(), &settings, app.clock.now()) {
        return Ok(0);
    }
    let ctx = Ctx::system(Arc::clone(app));
    let (named, can) = (red.clone(), places.is_some());
    let tell = write(&ctx, "alerts.watch", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let now = w.now;
        let known = store::alerts(w.tx()).await?;
        for (subject, _) in known.iter().filter(|(subject, _)| subject != LETTER && !named.contains_key(subject)) {
            store::calm(w.tx(), &permit, subject).await?;
        }
        for subject in named.keys().filter(|subject| !known.iter().any(|(other, _)| other == *subject)) {
            store::alert(w.tx(), &permit, subject, now).await?;
        }
        let known = store::alerts(w.tx()).await?;
        if !(can && due(&known, &settings, now)) {
            return Ok(Vec::new());
        }
        let waiting = known.iter().filter(|(subject, told)| subject != LETTER && told.is_none());
        let waiting: Vec<String> = waiting.map(|(subject, _)| subject.clone()).collect();
        if !known.iter().any(|(subject, _)| subject == LETTER) {
            store::alert(w.tx(), &permit, LETTER, now).await?;
        }
        store::told(w.tx(), &permit, now).await?;
        Ok(waiting)
    });
    let tell = tell.await?;
    let Some(places) = places.filter(|_| !tell.is_empty()) else { return Ok(0) };
    let sentences: Vec<&str> = tell.iter().filter_map(|subject| red.get(subject)).map(String::as_str).collect();
    let (many, letter) = (places.len(), words(&app.public_url, &sentences));
    for (to, place) in places {
        place.send(Some(Letter { to, ..letter.clone() }));
        app.figures.alert();
    }
    Ok(many)
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Was it handed to the mail server's queue?
    pub sent: bool,
    /// One sentence.
    pub detail: String,
}

/// Sends a letter that says that letters arrive.
///
/// # Errors
/// 401, 403 for all but system administrators; 503 `overloaded` while too many letters wait.
pub fn test(ctx: &Ctx) -> Result<Tested> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    let failed = |detail: &str| Ok(Tested { sent: false, detail: detail.to_owned() });
    let to = &dir.settings.alerts.recipients;
    if to.is_empty() {
        return failed("alerts go to nobody: name addresses in the settings first");
    }
    let Some(mail) = &ctx.app.mail else {
        return failed("this server has no mail server to send letters by");
    };
    let places = to.iter().map(|_| mail.place()).collect::<Result<Vec<Place>>>()?;
    if !ctx.dry_run {
        let url = &ctx.app.public_url;
        let text = format!("Alerts of Garth at {url} arrive here. This one was asked for; nothing is wrong.\n");
        for (to, place) in to.iter().zip(places) {
            let subject = "Garth: alerts arrive".to_owned();
            place.send(Some(Letter { to: to.clone(), subject, text: text.clone() }));
        }
    }
    let addresses = if to.len() == 1 { "1 address".to_owned() } else { format!("{} addresses", to.len()) };
    Ok(Tested { sent: true, detail: format!("on its way to {addresses}; look whether it arrives") })
}

/// A place for each letter, if somebody is to be written to and that is possible.
fn places(app: &App, settings: &Alerts) -> Option<Vec<(String, Place)>> {
    let mail: &Mailer = app.mail.as_ref().filter(|_| !settings.recipients.is_empty())?;
    let taken = settings.recipients.iter().map(|to| Some((to.clone(), mail.place().ok()?)));
    taken.collect()
}

/// Is there anything to write down, or to tell?
fn moved(
    known: &[(String, Option<Micros>)],
    red: &BTreeMap<String, String>,
    can: bool,
    settings: &Alerts,
    now: Micros,
) -> bool {
    let kept: Vec<&String> = known.iter().map(|(subject, _)| subject).filter(|subject| *subject != LETTER).collect();
    kept.len() != red.len()
        || kept.iter().any(|subject| !red.contains_key(*subject))
        || (can && due(known, settings, now))
}

/// Is there something that nobody was told of, and is the last letter long enough ago?
fn due(known: &[(String, Option<Micros>)], settings: &Alerts, now: Micros) -> bool {
    let waiting = known.iter().any(|(subject, told)| subject != LETTER && told.is_none());
    let last = known.iter().find(|(subject, _)| subject == LETTER).and_then(|(_, told)| *told);
    waiting && last.is_none_or(|last| now - last >= Micros::from(settings.gap_minutes) * 60 * 1_000_000)
}

/// What is red, each with a sentence.
fn troubles(jobs: &[Watched], deliveries: &[Watched], backup: Option<&BackedUp>) -> BTreeMap<String, String> {
    let mut found = BTreeMap::new();
    for (noun, called, list) in [("job", "the job", jobs), ("delivery", "the delivery interface", deliveries)] {
        for one in list.iter().filter(|one| one.colour == Colour::Red) {
            let sentence = format!("{called} “{}” in the space “{}” failed each time lately", one.name, one.space_name);
            found.insert(format!("{noun}:{}", one.resource), sentence);
        }
    }
    for job in jobs.iter().filter(|job| job.paused.is_some()) {
        let sentence = format!("a budget paused the job “{}” in the space “{}”", job.name, job.space_name);
        found.insert(format!("paused:{}", job.resource), sentence);
    }
    // Of backups the last one counts: who needs one needs the newest.
    if backup.is_some_and(|backup| backup.error.is_some()) {
        found.insert("backup".to_owned(), "the last backup that was due failed or was missed".to_owned());
    }
    found
}

fn words(url: &str, sentences: &[&str]) -> Letter {
    let many = sentences.len();
    let things = if many == 1 { "1 thing".to_owned() } else { format!("{many} things") };
    let listed: String = sentences.iter().take(NAMED).map(|sentence| format!("- {sentence}\n")).collect();
    let rest = if many > NAMED { format!("- and {} more\n", many - NAMED) } else { String::new() };
    Letter {
        to: String::new(),
        subject: format!("Garth: {things} turned red"),
        text: format!("At {url}:\n\n{listed}{rest}\nWhat failed is told at {url}/system/health.\n"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const MINUTE: Micros = 60 * 1_000_000;

    #[test]
    fn a_letter_waits_for_the_gap_and_for_news() {
        let settings = Alerts { recipients: Vec::new(), check_minutes: 5, gap_minutes: 60 };
        let row = |subject: &str, told: Option<Micros>| (subject.to_owned(), told);
        let at = |known: &[(String, Option<Micros>)], now: Micros| due(known, &settings, now);
        assert!(!at(&[], 0));
        assert!(at(&[row("job:1", None)], 0));
        assert!(!at(&[row(LETTER, Some(0)), row("job:1", Some(0))], 99 * MINUTE));
        assert!(!at(&[row(LETTER, Some(0)), row("job:1", Some(0)), row("job:2", None)], 59 * MINUTE));
        assert!(at(&[row(LETTER, Some(0)), row("job:1", Some(0)), row("job:2", None)], 60 * MINUTE));
    }

    #[test]
    fn a_letter_names_only_so_much() {
        let many: Vec<&str> = vec!["the job “Digest” in the space “Atlas” failed each time lately"; NAMED + 2];
        let letter = words("https://garth.example", &many);
        assert_eq!(letter.text.lines().filter(|line| line.starts_with("- ")).count(), NAMED + 1);
        assert!(letter.text.contains("and 2 more"), "{}", letter.text);
        assert_eq!(words("x", &["a"]).subject, "Garth: 1 thing turned red");
    }
}
