//! AI providers: whoever writes a summary, and how much of their work a space may use.
//!
//! A provider speaks the protocol of OpenAI's chat completions. It is given the words of a report and asked for a few
//! sentences; it is given no tools and no address, and what it answers is plain text of a bounded length that nobody carries
//! out. What a call may use at most is reserved before it is made and settled afterwards, in commits of their own: two calls
//! at the end of a budget do not both pass, and a call that a crash cut off counts as what was reserved for it.

pub mod api;
mod chat;
mod store;

use crate::access::{App, Ctx, Record, Write, write};
use crate::base::clock;
use crate::base::error::{Error, FieldError, Result as Answer};
use crate::base::fetch::Url;
use crate::base::ids;
use crate::base::tries::Tries;
use crate::directory::BuiltIn;
use crate::resources::{self, is_marker};
use chat::Said;
use garth_core::Micros;
use serde_json::{Value, json};
use std::sync::Arc;

/// The name of the kind.
pub const KIND: &str = "ai_provider";
/// Most bytes of a report that a provider is given; the rest is left out, and it is told so.
pub const TEXT_BYTES: usize = 24 * 1024;
/// Most bytes of a job's instructions that a provider is given.
pub const INSTRUCTION_BYTES: usize = 4 * 1024;
/// Most tokens that an answer may have.
pub const ANSWER_TOKENS: i64 = 800;
/// Longest summary, in bytes; the rest of an answer is cut off.
pub const SUMMARY_BYTES: usize = 6 * 1024;
/// Largest budget, in tokens.
pub const BUDGET: i64 = 1_000_000_000_000;
/// Letters and spaces that are counted as a token where nobody says how many there were; of all else each byte is one.
const LETTERS_A_TOKEN: usize = 3;

const HOUR: Micros = 60 * 60 * 1_000_000;
/// The windows of budgets: field, word, length.
const WINDOWS: [(&str, &str, Micros); 2] =
    [("daily_tokens", "daily", 24 * HOUR), ("weekly_tokens", "weekly", 7 * 24 * HOUR)];

/// Why there is no summary.
#[derive(Clone, Debug)]
pub enum Refused {
    /// The space has used up what it may; the job is to pause. The sentence says which limit, and when there is room again.
    Budget(String),
    /// It did not work out this time.
    Failed(String),
}

/// Is that the body of a provider? Beyond what the kind's schema says.
///
/// # Errors
/// What is wrong, each with its place, `/body` in front.
pub fn check(app: &App, body: &Value) -> std::result::Result<(), Vec<FieldError>> {
    let mut found = Vec::new();
    let mut wrong = |pointer: &str, message: String| found.push(FieldError { pointer: pointer.to_owned(), message });
    match Url::read(endpoint(body), app.limits.allow_private_targets) {
        Err(failed) => wrong("/body/endpoint", failed.to_string()),
        Ok(url) if url.query().is_some() => wrong("/body/endpoint", "must be an address without a query".to_owned()),
        Ok(_) => {}
    }
    let model = body["model"].as_str().unwrap_or_default();
    if model.trim().is_empty() || model.len() > 255 || model.chars().any(char::is_control) {
        wrong("/body/model", "must be 1 to 255 bytes".to_owned());
    }
    let key = body.get("api_key").filter(|value| !is_marker(value)).and_then(Value::as_str);
    if key.is_some_and(|key| key.bytes().any(|byte| !byte.is_ascii_graphic())) {
        wrong("/body/api_key", "must be plain characters without spaces".to_owned());
    }
    for (field, _, _) in WINDOWS {
        let given = body.get(field).filter(|value| !value.is_null());
        if given.is_some_and(|value| !value.as_i64().is_some_and(|tokens| (0..=BUDGET).contains(&tokens))) {
            wrong(&format!("/body/{field}"), format!("must be 0 to {BUDGET}"));
        }
    }
    if let (Some(daily), Some(weekly)) = (body["daily_tokens"].as_i64(), body["weekly_tokens"].as_i64())
        && weekly < daily
    {
        wrong("/body/weekly_tokens", "must not be less than the budget of a day".to_owned());
    }
    if found.is_empty() { Ok(()) } else { Err(found) }
}

fn endpoint(body: &Value) -> &str {
    body["endpoint"].as_str().unwrap_or_default().trim_end_matches('/')
}

/// Asks a provider for a summary of a text. `provider` is the resource's id, `space` the space whose budget it is (the
/// provider's), `body` the provider's, with its key opened. What it used is on record before this returns.
///
/// # Errors
/// Why there is none.
pub async fn summarise(
    app: &Arc<App>,
    provider: &str,
    space: &str,
    body: &Value,
    instructions: &str,
    text: &str,
) -> Result<String, Refused> {
    let prompt = chat::summary(instructions, text);
    ask(app, (provider, space), body, &prompt, ANSWER_TOKENS).await
}

/// Asks within the budgets.
async fn ask(
    app: &Arc<App>,
    (provider, space): (&str, &str),
    body: &Value,
    prompt: &chat::Prompt,
    answer_tokens: i64,
) -> Result<String, Refused> {
    let asked: i64 = prompt.texts().into_iter().map(tokens_of).sum();
    let need = asked + answer_tokens;
    let reserved = reserve(app, provider, space, body, need).await?;
    let said = chat::ask(app, body, prompt, answer_tokens).await;
    let used = match &said {
        Said::Answer { text, tokens } => tokens.unwrap_or_else(|| asked + tokens_of(text)),
        Said::Nothing(_) => 0,
        Said::Perhaps(_) => need,
    };
    settle(app, reserved, used).await;
    match said {
        Said::Answer { text, .. } if text.is_empty() => {
            Err(Refused::Failed("The provider answered nothing.".to_owned()))
        }
        Said::Answer { text, .. } => Ok(text),
        Said::Nothing(why) | Said::Perhaps(why) => Err(Refused::Failed(why)),
    }
}

/// Tokens of a text where nobody counted them: rather too many than too few. Words are some letters a token; of digits, signs
/// and what is rare each byte can be one.
fn tokens_of(text: &str) -> i64 {
    let letters = text.bytes().filter(|byte| byte.is_ascii_alphabetic() || *byte == b' ').count();
    i64::try_from(letters.div_ceil(LETTERS_A_TOKEN) + text.len() - letters).unwrap_or(BUDGET)
}

/// Takes what a call may use out of every budget, or out of none.
async fn reserve(app: &Arc<App>, provider: &str, space: &str, body: &Value, need: i64) -> Result<String, Refused> {
    let budgets = WINDOWS.map(|(field, word, length)| (body[field].as_i64(), word, length));
    let (provider, space) = (provider.to_owned(), space.to_owned());
    let ctx = Ctx::system(Arc::clone(app));
    let reserved = write(&ctx, "ai_provider.reserve", async move |w: &mut Write<'_>| {
        let (permit, now) = (w.system()?, w.now);
        store::forget(w.tx(), &permit, now - 7 * 24 * HOUR).await?;
        for (limit, word, length) in budgets {
            let Some(limit) = limit else { continue };
            let each = store::each(w.tx(), &provider, now - length).await?;
            if let Some(why) = lacking(&each, limit, need, word, length) {
                return Ok(Err(Refused::Budget(why)));
            }
        }
        let id = ids::new_id(now).to_string();
        store::reserve(w.tx(), &permit, &id, (&provider, &space), need, now).await?;
        Ok(Ok(id))
    });
    reserved.await.unwrap_or_else(|error| {
        tracing::warn!(%error, "what an AI provider used could not be read; it is not asked now");
        Err(Refused::Failed("The store could not be asked.".to_owned()))
    })
}

/// Why a call does not fit into a budget, and when it would.
fn lacking(each: &[(Micros, i64)], limit: i64, need: i64, word: &str, length: Micros) -> Option<String> {
    let used: i64 = each.iter().map(|(_, tokens)| tokens).sum();
    if used + need <= limit {
        return None;
    }
    if need > limit {
        return Some(format!(
            "The {word} budget of {limit} tokens is less than one call may use, which is {need}; raise it first."
        ));
    }
    let mut free = limit - used;
    let back = each.iter().find(|(_, tokens)| {
        free += tokens;
        free >= need
    });
    let at = back.map(|(at, _)| clock::to_text(at + length)).unwrap_or_default();
    Some(format!(
        "The {word} budget of {limit} tokens is reached: {used} are used, and a call may use {need}. There is room again \
         from {at}."
    ))
}

/// Puts what was used in the place of what was reserved.
async fn settle(app: &Arc<App>, reserved: String, tokens: i64) {
    let ctx = Ctx::system(Arc::clone(app));
    let settled = write(&ctx, "ai_provider.settle", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        Ok(store::settle(w.tx(), &permit, &reserved, tokens.clamp(0, BUDGET)).await?)
    });
    if let Err(error) = settled.await {
        // Then what was reserved counts, which is more.
        tracing::warn!(%error, "what an AI provider used could not be written down; what was reserved for it counts");
    }
}

/// What became of a test.
#[derive(Clone, Debug)]
pub struct Tested {
    /// `answered`, `failed`, or `withheld` in a dry run.
    pub state: &'static str,
    /// One sentence.
    pub detail: String,
}

/// Tries of providers, counted by provider.
#[derive(Default)]
struct Tried(Tries);

/// Asks a provider for a word, within its budget.
///
/// # Errors
/// 404, 403 without `ai_provider:test`, 429 when it was tried often lately.
pub async fn test(ctx: &Ctx, provider: &str) -> Answer<Tested> {
    let opened = resources::opened_to_test(ctx, provider, BuiltIn::AiProvider).await?;
    if ctx.dry_run {
        return Ok(Tested { state: "withheld", detail: "A dry run asks nobody.".to_owned() });
    }
    ctx.app.memory.of::<Tried>().0.take(&opened.row.id, &ctx.app.clock)?;
    let asked =
        ask(&ctx.app, (&opened.row.id, &opened.space_id), &opened.body, &chat::trial(), chat::TRIAL_TOKENS).await;
    let tested = match asked {
        Ok(_) => Tested { state: "answered", detail: "The provider answered.".to_owned() },
        Err(Refused::Budget(why) | Refused::Failed(why)) => Tested { state: "failed", detail: why },
    };
    let (told, space, id) = (tested.state, opened.space, opened.row.id);
    write(ctx, "ai_provider.test", async move |w: &mut Write<'_>| {
        let after = json!({ "state": told });
        w.record(Record { space: Some(space), target_type: KIND, target_id: id, before: Value::Null, after }).await
    })
    .await?;
    Ok(tested)
}

/// How a budget stands.
#[derive(Clone, Debug)]
pub struct Budget {
    /// `daily` or `weekly`.
    pub window: &'static str,
    /// How many tokens there may be; unlimited if `None`.
    pub limit: Option<i64>,
    /// How many were used in it, reserved ones included.
    pub used: i64,
    /// When the first of them count no more.
    pub resets_at: Option<Micros>,
}

/// The budgets of a provider, for whoever may see it.
///
/// # Errors
/// 404.
pub async fn usage(ctx: &Ctx, provider: &str) -> Answer<Vec<Budget>> {
    let view = resources::get(ctx, provider).await?;
    if view.kind != KIND {
        return Err(Error::NotFound);
    }
    let now = ctx.now();
    let mut budgets = Vec::new();
    for (field, window, length) in WINDOWS {
        let used = store::used(&ctx.app.db, &view.row.id, now - length).await?;
        let first = store::first(&ctx.app.db, &view.row.id, now - length).await?;
        let limit = view.body[field].as_i64();
        budgets.push(Budget { window, limit, used, resets_at: first.map(|at| at + length) });
    }
    Ok(budgets)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_says_when_there_is_room_again() {
        let day = 24 * HOUR;
        let used = [(0, 300), (HOUR, 300), (2 * HOUR, 300)];
        assert_eq!(lacking(&used, 1_000, 100, "daily", day), None);
        let why = lacking(&used, 1_000, 101, "daily", day).expect("full");
        assert!(why.contains("1970-01-02T00:00:00") && why.contains("900 are used"), "{why}");
        let why = lacking(&used, 1_000, 500, "daily", day).expect("full");
        assert!(why.contains("1970-01-02T01:00:00"), "{why}");
        let why = lacking(&[], 50, 51, "weekly", day).expect("too small");
        assert!(why.contains("raise it first"), "{why}");
    }
}
