//! What decisions ask of resources: class, author, owner and who subscribes, and nothing else of their rows.

use super::name_of;
use super::store::requirements::asked_needing;
use super::store::{self, Asked, Name};
use crate::access::{self, About, Ctx, facts, identity};
use crate::base::error::Result;
use crate::base::ids;
use crate::directory::Directory;
use crate::directory::known::{Holder, Row, Ticket};
use garth_core::{Caller, ClassIx, Facts, KindIx, Micros, Target};
use hashbrown::{HashMap, HashSet};
use uuid::Uuid;

impl Asked {
    /// What that caller asks about: to them.
    pub fn target(&self, dir: &Directory, caller: &Caller, subscriber: bool, now: Micros) -> Target {
        let barred = access::barred(dir, caller, &self.id, &self.needed, now);
        Target::Resource(self.class, Facts { barred, ..facts(dir, caller, &self.author, &self.owner, subscriber) })
    }

    /// Could the answer depend on who subscribes?
    pub fn asks_subscribers(&self, dir: &Directory) -> bool {
        asks_subscribers(dir, self.class)
    }
}

/// What a decision about a resource needs, for one subject.
#[derive(Clone, Debug)]
pub struct Found {
    /// Of what kind it is.
    pub kind: KindIx,
    asked: Asked,
    subscriber: bool,
}

impl Found {
    /// Its id.
    pub fn id(&self) -> &str {
        &self.asked.id
    }

    /// What that subject, for whom it was found, asks about.
    pub fn target(&self, dir: &Directory, subject: &Caller, now: Micros) -> Target {
        self.asked.target(dir, subject, self.subscriber, now)
    }
}

/// What a decision about a resource of that id or code needs, `None` when there is none; and whether its row was
/// known without reading.
///
/// # Errors
/// When the store fails.
pub async fn target(
    ctx: &Ctx,
    subject: impl Fn(&Directory) -> Option<Caller>,
    id: &str,
) -> Result<(Option<Found>, bool)> {
    let mut code = String::new();
    let Some(name) = name_of(id, &mut code) else { return Ok((None, false)) };
    let Some((mut row, known)) = row(ctx, &name).await? else { return Ok((None, false)) };
    let dir = ctx.directory();
    let (Some(subject), Some(class)) = (subject(&dir), dir.world.class(row.class)) else { return Ok((None, known)) };
    // Behind a gate that stays shut it does not matter, and must not be read: that would tell that there is something.
    let (kind, me) = (class.kind, identity(&dir, &subject));
    let (asks, requires) = (row.asks_subscribers(&dir), dir.class_requires(row.class));
    let open = (asks || requires) && dir.world.passes_a_gate(&subject, row.class, ctx.now());
    if requires && open {
        // Read again, together with what it requires: both as of one moment.
        let people = json_list(me.as_deref().into_iter());
        let found = asked_needing(&ctx.app.db, &json_list([row.id.as_str()].into_iter()), Some(&people)).await?;
        let Some(found) = found.into_iter().next() else { return Ok((None, known)) };
        row = found;
    }
    let subscriber = match me {
        Some(me) if asks && open => store::subscribed(&ctx.app.db, &row.id, &me).await?,
        _ => false,
    };
    Ok((Some(Found { kind, asked: row, subscriber }), known))
}

/// What is known of a resource that was asked about lately, else its row; and whether it was known.
async fn row(ctx: &Ctx, name: &Name<'_>) -> Result<Option<(Asked, bool)>> {
    let ticket = match name {
        Name::Id(id) => match remembered(ctx, id) {
            Ok(known) => return Ok(Some((known, true))),
            Err(ticket) => ticket,
        },
        Name::Code(_) => None,
    };
    let Some(row) = store::asked(&ctx.app.db, name).await? else { return Ok(None) };
    remember(ctx, ticket, &row);
    Ok(Some((row, false)))
}

/// What is known of a resource, or a ticket to put in what is read now.
fn remembered(ctx: &Ctx, id: &str) -> std::result::Result<Asked, Option<Ticket>> {
    let uuid = Uuid::try_parse(id).map_err(|_| None)?;
    let known = ctx.app.known.get(uuid).map_err(Some)?;
    let (author, owner) = (known.author.text(), known.owner.text());
    Ok(Asked { id: uuid.to_string(), class: known.class, author, owner, needed: Vec::new() })
}

fn remember(ctx: &Ctx, ticket: Option<Ticket>, row: &Asked) {
    if let (Some(ticket), Some(author), Some(owner)) = (ticket, Holder::read(&row.author), Holder::read(&row.owner)) {
        ctx.app.known.put(ticket, Row { class: row.class, author, owner });
    }
}

/// What somebody pays who is told that there is nothing: a look for the rows. Without it, what is hidden and known
/// would be missing faster than what does not exist (`MODEL.md`, law 3).
///
/// # Errors
/// When the store fails.
pub async fn look_in_vain(ctx: &Ctx, ids: &[&str]) -> Result<()> {
    match ids {
        [] => Ok(()),
        [id] => store::asked(&ctx.app.db, &Name::Id(id)).await.map(drop).map_err(Into::into),
        many => {
            let list = json_list(many.iter().copied());
            store::asked_by_ids(&ctx.app.db, list).await.map(drop).map_err(Into::into)
        }
    }
}

/// What a resource of that id or code says to everybody who asks about it; `None` when there is none.
///
/// # Errors
/// When the store fails.
pub async fn about(ctx: &Ctx, id: &str) -> Result<Option<About>> {
    let mut code = String::new();
    let Some(name) = name_of(id, &mut code) else { return Ok(None) };
    let Some((mut row, subscribers)) = store::asked_whole(&ctx.app.db, &name).await? else { return Ok(None) };
    let dir = ctx.directory();
    if dir.class_requires(row.class) {
        let found = asked_needing(&ctx.app.db, &json_list([row.id.as_str()].into_iter()), None).await?;
        let Some(found) = found.into_iter().next() else { return Ok(None) };
        row = found;
    }
    let Asked { id, class, author, owner, needed } = row;
    Ok(Some(About::Resource { id, class, author, owner, subscribers, needed }))
}

/// Could the answer depend on who subscribes?
fn asks_subscribers(dir: &Directory, class: ClassIx) -> bool {
    let Some((class, kind)) = dir.world.class(class).and_then(|c| Some((c, dir.world.kind(c.kind)?))) else {
        return true;
    };
    let policies = [&class.view, &class.edit, &kind.default_view, &kind.default_edit];
    kind.exceptions.subscribers != (false, false)
        || policies.into_iter().flatten().any(|p| p.mentions_facts(&dir.world))
}

/// Many resources, by the ids and codes they were asked for.
#[derive(Default)]
pub struct Rows {
    by_id: HashMap<String, Asked>,
    ids: HashMap<String, String>,
    known: HashSet<String>,
}

impl Rows {
    /// Was the row of that id known without reading?
    pub fn known(&self, id: &str) -> bool {
        self.known.contains(id)
    }

    /// The resource of that id or code.
    pub fn get(&self, text: &str) -> Option<&Asked> {
        self.by_id.get(text).or_else(|| {
            let mut code = String::new();
            match name_of(text, &mut code)? {
                Name::Id(_) => None,
                Name::Code(code) => self.by_id.get(self.ids.get(code)?),
            }
        })
    }
}

/// What decisions about resources of these ids or codes need: what is known, and what is not read by one statement
/// for ids and one for codes.
///
/// # Errors
/// When the store fails.
pub async fn rows(ctx: &Ctx, texts: impl Iterator<Item = &str>) -> Result<Rows> {
    let (mut found, mut tickets, mut codes) = (Rows::default(), HashMap::new(), HashSet::new());
    for text in texts {
        if ids::read_id(text).is_none() {
            codes.extend(ids::read_code(text));
            continue;
        }
        if found.by_id.contains_key(text) || tickets.contains_key(text) {
            continue;
        }
        match remembered(ctx, text) {
            Ok(row) => {
                found.known.insert(row.id.clone());
                found.by_id.insert(row.id.clone(), row);
            }
            Err(ticket) => drop(tickets.insert(text, ticket)),
        }
    }
    if !tickets.is_empty() {
        let list = json_list(tickets.keys().copied());
        for row in store::asked_by_ids(&ctx.app.db, list).await? {
            remember(ctx, tickets.get(row.id.as_str()).copied().flatten(), &row);
            found.by_id.insert(row.id.clone(), row);
        }
    }
    if !codes.is_empty() {
        let list = json_list(codes.iter().map(String::as_str));
        for (code, row) in store::asked_by_codes(&ctx.app.db, list).await? {
            found.ids.insert(code, row.id.clone());
            found.by_id.insert(row.id.clone(), row);
        }
    }
    Ok(found)
}

/// Who of these people subscribes to which of these resources, as pairs of id and principal.
///
/// # Errors
/// When the store fails.
pub async fn follows(ctx: &Ctx, ids: &HashSet<&str>, people: &HashSet<String>) -> Result<HashSet<(String, String)>> {
    if ids.is_empty() || people.is_empty() {
        return Ok(HashSet::new());
    }
    let (ids, people) = (json_list(ids.iter().copied()), json_list(people.iter().map(String::as_str)));
    Ok(store::subscriptions(&ctx.app.db, ids, people).await?.into_iter().collect())
}

/// What decisions about these resources need, by id, read together with what they require: of its followers only these
/// people, or all.
///
/// # Errors
/// When the store fails.
pub async fn needing(
    ctx: &Ctx,
    ids: &HashSet<&str>,
    people: Option<&HashSet<String>>,
) -> Result<HashMap<String, Asked>> {
    let ids = json_list(ids.iter().copied());
    let people = people.map(|people| json_list(people.iter().map(String::as_str)));
    let found = asked_needing(&ctx.app.db, &ids, people.as_deref()).await?;
    Ok(found.into_iter().map(|asked| (asked.id.clone(), asked)).collect())
}

fn json_list<'a>(texts: impl Iterator<Item = &'a str>) -> String {
    serde_json::to_string(&texts.collect::<Vec<_>>()).unwrap_or_default()
}
