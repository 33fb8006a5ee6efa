//! Letters to whoever runs the installation, when something turns red.
//!
//! A letter tells of all that is red and that nobody was told of; the next one waits for a minimum gap. What was told is in
//! the database, so that a restart repeats nothing. What no mail server took for anybody stays waiting, and the next look
//! tries again.

use super::colours::{Colour, Tally};
use super::overview::{self, BackedUp, Watched};
use super::store;
use crate::access::{App, Ctx, Write, write};
use crate::base::error::Result;
use crate::base::mail::{AGAIN, Letter, NotTaken, TIME};
use crate::directory::Alerts;
use futures_util::future::join_all;
use garth_core::Micros;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

/// How often it is asked whether it is time to look.
const BEAT: Duration = Duration::from_secs(20);
/// The longest that a test waits: less than a request may take.
const TEST: Duration = Duration::from_secs(20);
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

/// Looks now; answers how many letters the mail server took. Stories call it; the server does so on a timer.
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
    let known = written(app, &red).await?;
    let settings = app.directory().settings.alerts.clone();
    let waiting = known.iter().filter(|(subject, told)| subject != LETTER && told.is_none());
    let sentences: Vec<&str> = waiting.filter_map(|(subject, _)| red.get(subject)).map(String::as_str).collect();
    if sentences.is_empty() || !due(&known, &settings, app.clock.now()) {
        return Ok(0);
    }
    let (taken, perhaps) = tell_all(app, &settings.recipients, &words(&app.public_url, &sentences)).await;
    // Written down afterwards: rather told twice, where the server stops in between, than never. What was perhaps taken is
    // told again, and not before the gap.
    if taken > 0 || perhaps {
        write(&Ctx::system(Arc::clone(app)), "alerts.watch", async move |w: &mut Write<'_>| {
            let (permit, now) = (w.system()?, w.now);
            if !store::alerts(w.tx()).await?.iter().any(|(subject, _)| subject == LETTER) {
                store::alert(w.tx(), &permit, LETTER, now).await?;
            }
            let all = (taken == 0).then_some(LETTER);
            Ok(store::told(w.tx(), &permit, all, now).await?)
        })
        .await?;
    }
    Ok(taken)
}

/// Writes to all of them, and again to those whose letter was not taken while others' were; answers how many were taken,
/// and whether one was perhaps.
async fn tell_all(app: &App, recipients: &[String], letter: &Letter) -> (usize, bool) {
    let (mut left, mut taken, mut perhaps) = (recipients.to_vec(), 0, false);
    for pause in [None].into_iter().chain(AGAIN.map(Some)) {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let told = tell(app, &left, letter, TIME).await;
        let now = told.iter().filter(|told| told.is_ok()).count();
        (0..now).for_each(|_| app.figures.alert());
        taken += now;
        perhaps |= told.iter().any(|told| told.as_ref().is_err_and(|no| no.perhaps));
        let again = |told: &Result<(), NotTaken>| told.as_ref().is_err_and(|no| no.again && !no.perhaps);
        left = left.into_iter().zip(&told).filter(|(_, told)| again(told)).map(|(to, _)| to).collect();
        // Where nobody's was taken, the next look tries.
        if taken == 0 || left.is_empty() {
            break;
        }
    }
    (taken, perhaps)
}

/// Keeps what is red, and answers that with when somebody was told of it.
async fn written(app: &Arc<App>, red: &BTreeMap<String, String>) -> Result<Vec<(String, Option<Micros>)>> {
    let known = store::alerts_now(&app.db).await?;
    let kept: Vec<&String> = known.iter().map(|(subject, _)| subject).filter(|subject| *subject != LETTER).collect();
    if kept.len() == red.len() && kept.into_iter().all(|subject| red.contains_key(subject)) {
        return Ok(known);
    }
    let red: Vec<String> = red.keys().cloned().collect();
    write(&Ctx::system(Arc::clone(app)), "alerts.watch", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        let known = store::alerts(w.tx()).await?;
        for (subject, _) in known.iter().filter(|(subject, _)| subject != LETTER && !red.contains(subject)) {
            store::calm(w.tx(), &permit, subject).await?;
        }
        for subject in red.iter().filter(|subject| !known.iter().any(|(other, _)| other == *subject)) {
            store::alert(w.tx(), &permit, subject, now).await?;
        }
        Ok(store::alerts(w.tx()).await?)
    })
    .await
}

/// Hands a letter over to each of them within that time; answers what became of it, in their order.
async fn tell(app: &App, recipients: &[String], letter: &Letter, within: Duration) -> Vec<Result<(), NotTaken>> {
    let Some(mail) = &app.mail else { return Vec::new() };
    let each = recipients.iter().map(async |to| {
        let letter = Letter { to: to.clone(), ..letter.clone() };
        let told = tokio::time::timeout(within, mail.hand_over(&letter)).await.unwrap_or(Err(NotTaken::elapsed()));
        if let Err(NotTaken { why, code, .. }) = &told {
            tracing::warn!(why, code, "a mail server did not take an alert");
        }
        told
    });
    join_all(each).await
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// Did the mail server take it for everybody?
    pub sent: bool,
    /// One sentence.
    pub detail: String,
}

/// Sends a letter that says that letters arrive, and waits until the mail server has taken it, for [`TEST`] at most.
///
/// # Errors
/// 401, 403 for all but system administrators.
pub async fn test(ctx: &Ctx) -> Result<Tested> {
    let dir = ctx.directory();
    ctx.system_admin(&dir)?;
    let failed = |detail: String| Ok(Tested { sent: false, detail });
    let to = &dir.settings.alerts.recipients;
    if to.is_empty() {
        return failed("alerts go to nobody: name addresses in the settings first".to_owned());
    }
    if ctx.app.mail.is_none() {
        return failed("this server has no mail server to send letters by".to_owned());
    }
    if ctx.dry_run {
        return failed("a dry run sends nothing".to_owned());
    }
    let url = &ctx.app.public_url;
    let text = format!("Alerts of Garth at {url} arrive here. This one was asked for; nothing is wrong.\n");
    let letter = Letter { to: String::new(), subject: "Garth: alerts arrive".to_owned(), text };
    let told = tell(&ctx.app, to, &letter, TEST).await;
    let refused: Vec<String> =
        told.iter().zip(to).filter_map(|(told, to)| Some(refusal(to, told.as_ref().err()?))).collect();
    if !refused.is_empty() {
        return failed(refused.join("; "));
    }
    let addresses = if to.len() == 1 { "1 address".to_owned() } else { format!("{} addresses", to.len()) };
    Ok(Tested { sent: true, detail: format!("the mail server took it for {addresses}; look whether it arrives") })
}

fn refusal(to: &str, no: &NotTaken) -> String {
    let code = no.code.map(|code| format!(" ({code})")).unwrap_or_default();
    format!("the mail server did not take it for {to}: {}{code}", no.why)
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
