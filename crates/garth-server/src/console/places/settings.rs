//! What a space is: its name and description, who gets in, where it lies, and what is one's own of it.

use super::create::GATES;
use super::routes::SpaceForm;
use crate::base::error::{Error, Result};
use crate::console::edit::labels;
use crate::console::frame::{Frame, Section};
use crate::console::look::{Choice, Moment, named};
use crate::console::seat::{Seat, Wrong};
use crate::inbound;
use crate::spaces::{self, Filter, SpacePatch, SpaceView};
use askama::Template;
use axum::response::Response;
use garth_core::KindIx;
use serde_json::{Value, json};
use uuid::Uuid;

/// The fields of the forms.
const FIELDS: [&str; 8] = ["/name", "/description", "/labels", "/view", "/edit", "/sealed", "/prefix", "/kind"];

#[derive(Template)]
#[template(path = "settings.html")]
struct Page {
    frame: Frame,
    /// May the caller change what it is?
    writes: bool,
    manages: bool,
    name: String,
    description: String,
    labels: String,
    version: i64,
    /// What the gate and the edit policy are, in words.
    view: String,
    edit: String,
    gate: super::gate::Gate,
    parent: Option<(String, String)>,
    inherits: bool,
    sealed: bool,
    /// Is it archived itself, or by something above it?
    archived: bool,
    /// How many spaces lie below it, of those that the caller sees.
    below: String,
    first: bool,
    /// Does the caller begin here, and did they choose so?
    usual: bool,
    chosen: bool,
    /// Has the caller a role of their own here, which they can give up?
    own: bool,
    /// For administrators: what comes in by mail.
    mail: Option<Mail>,
    wrong: Wrong,
}

/// The addresses to which mail can be written, and the kinds that it can become.
struct Mail {
    /// Does this server take letters at all?
    on: bool,
    addresses: Vec<Address>,
    kinds: Vec<String>,
}

struct Address {
    id: String,
    address: String,
    kind: String,
    made: Moment,
}

/// The page.
pub async fn show(seat: &Seat, space: &str) -> Result<Response> {
    let view = spaces::get(&seat.ctx, space)?;
    let form = begun(&view);
    again(seat, space, form, super::gate::begun(&view), Wrong::default()).await
}

/// What the form begins with.
pub fn begun(view: &SpaceView) -> SpaceForm {
    SpaceForm {
        name: view.info.name.clone(),
        description: view.info.description.clone(),
        labels: view.info.labels.join(", "),
        version: view.info.version.to_string(),
    }
}

/// The page once more, with what was refused.
pub async fn refused(seat: &Seat, space: &str, error: Error) -> Result<Response> {
    let wrong = seat.refused(error, &FIELDS)?;
    let view = spaces::get(&seat.ctx, space)?;
    again(seat, space, begun(&view), super::gate::begun(&view), wrong).await
}

/// The page with what was tried.
pub async fn again(
    seat: &Seat,
    space: &str,
    tried: SpaceForm,
    gate: super::gate::Gate,
    wrong: Wrong,
) -> Result<Response> {
    let view = spaces::get(&seat.ctx, space)?;
    let frame = Frame::new(seat, space, Section::Settings).await?;
    let (ctx, id) = (&seat.ctx, frame.space.id);
    let me = frame.me.id;
    let mail = if frame.may("space:admin") { Some(mail(seat, space).await?) } else { None };
    let parent = view.parent.and_then(|id| spaces::get(ctx, &id.to_string()).ok());
    let parent = parent.map(|parent| (named(&parent.info.name), format!("/s/{}", parent.info.id)));
    let page = Page {
        writes: spaces::may_change(ctx, space)?,
        manages: frame.may("space:admin"),
        name: tried.name,
        description: tried.description,
        labels: tried.labels,
        version: tried.version.parse().unwrap_or(view.info.version),
        view: told(&view.view),
        edit: told(&view.edit),
        gate,
        parent,
        inherits: view.inherits,
        sealed: view.sealed,
        archived: view.archived,
        below: below(seat, space)?,
        first: view.info.default,
        usual: spaces::usual(ctx)? == Some(id),
        chosen: chosen(seat)? == Some(id),
        own: crate::decisions::explore::held(ctx, space, &me.to_string())?
            .sources
            .iter()
            .any(|source| source.from == "direct"),
        mail,
        frame,
        wrong,
    };
    Ok(Frame::shown(seat, id, &page.wrong, &page))
}

/// What comes in by mail.
async fn mail(seat: &Seat, space: &str) -> Result<Mail> {
    let ctx = &seat.ctx;
    let all = crate::base::http::PageRequest { limit: crate::base::text::PAGE_MAX, cursor: None };
    let found = inbound::list(ctx, space, &all).await?;
    let address = |own: inbound::Inbound| Address {
        made: Moment::new(own.created_at, ctx.now()),
        id: own.id,
        address: own.address,
        kind: own.kind,
    };
    let dir = ctx.directory();
    // What Garth itself reads of a thing, no letter says.
    let own = dir.kinds.iter::<KindIx>().filter(|(_, kind)| kind.built_in().is_none());
    let mut kinds: Vec<String> = own.map(|(_, kind)| kind.definition.name.clone()).collect();
    kinds.sort_unstable();
    Ok(Mail { on: ctx.app.incoming.is_some(), addresses: found.items.into_iter().map(address).collect(), kinds })
}

/// Makes an address.
pub async fn open(seat: &Seat, space: &str, prefix: &str, kind: &str) -> Result<Response> {
    match inbound::create(&seat.ctx, space.to_owned(), prefix.trim().to_owned(), kind.to_owned()).await {
        Ok(made) => {
            Ok(seat.done(&format!("/s/{space}/settings"), &format!("Letters to {} come in here.", made.address)))
        }
        Err(error) => refused(seat, space, error).await,
    }
}

/// Takes one away.
pub async fn shut(seat: &Seat, space: &str, id: String) -> Result<Response> {
    match inbound::delete(&seat.ctx, space.to_owned(), id).await {
        Ok(()) => Ok(seat.done(&format!("/s/{space}/settings"), "Letters to it come in no more.")),
        Err(error) => refused(seat, space, error).await,
    }
}

/// The space that the caller chose to begin in.
fn chosen(seat: &Seat) -> Result<Option<Uuid>> {
    let dir = seat.ctx.directory();
    Ok(dir.users.info(seat.ctx.user(&dir)?).and_then(|me| me.default_space))
}

/// How many spaces lie directly below, in words; empty for none.
pub fn below(seat: &Seat, space: &str) -> Result<String> {
    let filter = Filter { archived: true, parent: Some(space.to_owned()), ..Filter::default() };
    let most = crate::base::text::PAGE_MAX;
    let page = crate::base::http::PageRequest::first(most);
    let found = spaces::list(&seat.ctx, &filter, &page)?;
    Ok(match (found.items.len(), found.next) {
        (0, _) => String::new(),
        (1, _) => "the space below it".to_owned(),
        (some, None) => format!("the {some} spaces below it"),
        (_, Some(_)) => format!("the more than {most} spaces below it"),
    })
}

/// A policy of a space in words.
pub fn told(policy: &Value) -> String {
    if let Some((_, told)) = policy.as_str().and_then(|word| GATES.iter().find(|(own, _)| *own == word)) {
        return (*told).to_owned();
    }
    match (policy.as_str(), policy.get("permission").and_then(Value::as_str)) {
        (Some("admins"), _) => "system administrators".to_owned(),
        (Some("nobody"), _) => "nobody".to_owned(),
        (_, Some("space:admin")) => "its administrators".to_owned(),
        (_, Some(permission)) => format!("whoever holds {permission} in it"),
        _ => "whom its own rules let in".to_owned(),
    }
}

/// A word to choose, or `other` for a policy of another form.
pub fn words(policy: &Value, words: &[(&str, &str)], picked: &str) -> Vec<Choice> {
    let word = if picked.is_empty() { policy.as_str().unwrap_or("other") } else { picked };
    let all = words.iter().chain([&("other", "as written below")]);
    all.map(|(own, told)| Choice::new(own, &format!("{own}: {told}"), word)).collect()
}

/// Changes what it is called and what it is for.
pub async fn update(seat: &Seat, space: &str, tried: SpaceForm) -> Result<Response> {
    let patch = SpacePatch {
        name: Some(tried.name.clone()),
        description: Some(tried.description.clone()),
        labels: Some(labels(&tried.labels)),
        ..SpacePatch::default()
    };
    match spaces::update(&seat.ctx, space.to_owned(), patch, tried.version.parse().ok()).await {
        Ok(view) => Ok(seat.done(&format!("/s/{space}/settings"), &format!("{} is saved.", view.info.name))),
        Err(error) => {
            let wrong = seat.refused(error, &FIELDS)?;
            let gate = super::gate::begun(&spaces::get(&seat.ctx, space)?);
            again(seat, space, tried, gate, wrong).await
        }
    }
}

/// What a form's word and text say of a policy.
///
/// # Errors
/// 422 at the pointer for what is no JSON.
pub fn policy(pointer: &str, word: &str, other: &str) -> Result<Value> {
    match word {
        "other" => serde_json::from_str(other).map_err(|_| Error::field(pointer, "is not a policy as JSON")),
        "administrators" => Ok(json!({ "permission": "space:admin" })),
        word => Ok(json!(word)),
    }
}
