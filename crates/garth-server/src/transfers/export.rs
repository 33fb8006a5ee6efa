//! Writing a space out: a page at a time, each judged on the picture of its moment, so that nothing is held open meanwhile.

use crate::access::{Ctx, Lane, Viewer, visible_space};
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::directory::policy::Sees;
use crate::directory::{Directory, KindInfo};
use crate::grants::{self, Door};
use crate::resources::{self, ResourceView, is_marker};
use crate::transfers::wire::{self, End, FORMAT, GrantLine, Header, Item, SpaceLine};
use crate::{kinds, policies, spaces};
use axum::body::{Body, Bytes};
use garth_core::{Action, GroupIx, Permission, Principal, Target};
use hashbrown::{HashMap, HashSet};
use serde_json::{Value, json};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;
use tokio::sync::mpsc;

/// Resources that are read at a time.
const PAGE: usize = 100;
/// Bytes that are sent at a time, a line more or less.
const CHUNK: usize = 64 * 1024;
/// The longest that one export may take.
pub const EXPORT_TIME: Duration = Duration::from_secs(60 * 60);

/// Takes what is written; an error ends the export.
pub trait Sink: Send {
    /// Takes some lines, and hears how many resources there were so far.
    ///
    /// # Errors
    /// When nobody takes them any more.
    fn take(&mut self, lines: Vec<u8>, resources: u64) -> impl Future<Output = Result<()>> + Send;
}

/// Writes a space into a sink, its last line included; answers how many resources there were.
///
/// # Errors
/// 404 when the space is hidden or missing, 401, and what the sink says.
pub async fn export(ctx: &Ctx, space: &str, sink: &mut impl Sink) -> Result<u64> {
    let mut writer = Writer { ctx, lines: Vec::new(), told: HashSet::new() };
    writer.header(space).await?;
    let (mut after, mut resources) = (None, 0);
    loop {
        let (views, next) = resources::everything(ctx, space, after, PAGE).await?;
        for (lines, count) in writer.page(views)? {
            resources += count;
            sink.take(lines, resources).await?;
        }
        match next {
            Some(next) => after = Some(next),
            None => break,
        }
    }
    wire::write("end", &End { resources }, &mut writer.lines)?;
    sink.take(writer.lines, resources).await?;
    Ok(resources)
}

struct Writer<'a> {
    ctx: &'a Ctx,
    lines: Vec<u8>,
    /// Kinds and named policies that have their line already.
    told: HashSet<String>,
}

impl Writer<'_> {
    async fn header(&mut self, id: &str) -> Result<()> {
        let ctx = self.ctx;
        let grants = grants_of(ctx, id).await?;
        let view = spaces::get(ctx, id)?;
        let dir = ctx.directory();
        let caller = ctx.caller(&dir)?;
        let viewer = Viewer::new(&dir, &caller, ctx.now());
        let space = SpaceLine {
            id: Some(view.info.id.to_string()),
            name: view.info.name.clone(),
            description: view.info.description.clone(),
            labels: view.info.labels.clone(),
            view: Some(portable(&dir, &viewer, &view.view)),
            edit: Some(portable(&dir, &viewer, &view.edit)),
            archived: view.archived,
        };
        let header = Header { format: FORMAT, exported_at: Some(clock::to_text(ctx.now())), space, grants };
        wire::write("space", &header, &mut self.lines)?;
        self.policies(&view.view)?;
        self.policies(&view.edit)
    }

    /// The lines of a page in parts that are sent together, each with its number of resources.
    fn page(&mut self, views: Vec<ResourceView>) -> Result<Vec<(Vec<u8>, u64)>> {
        let dir = self.ctx.directory();
        let caller = self.ctx.caller(&dir)?;
        let viewer = Viewer::new(&dir, &caller, self.ctx.now());
        // Whom the viewer sees takes a look at every space of theirs: once for each person of a page.
        let mut people = HashMap::new();
        let (mut parts, mut count) = (Vec::new(), 0);
        for view in views {
            self.resource(&dir, &viewer, &mut people, view)?;
            count += 1;
            if self.lines.len() >= CHUNK {
                parts.push((std::mem::take(&mut self.lines), std::mem::take(&mut count)));
            }
        }
        parts.push((std::mem::take(&mut self.lines), count));
        Ok(parts)
    }

    fn resource(
        &mut self,
        dir: &Directory,
        viewer: &Viewer<'_>,
        people: &mut HashMap<String, Option<String>>,
        view: ResourceView,
    ) -> Result<()> {
        let mut named = |text: &str| {
            let found = people.entry(text.to_owned());
            found.or_insert_with(|| named(dir, viewer, text)).clone()
        };
        let kind = dir.world.class(view.row.class).and_then(|class| dir.kinds.info(class.kind)).map(Arc::clone);
        if let Some(kind) = &kind {
            self.kind(kind)?;
        }
        for policy in [&view.view, &view.edit].into_iter().flatten() {
            self.policies(policy)?;
        }
        let own = |policy: &Option<Value>| policy.as_ref().map(|policy| portable(dir, viewer, policy));
        let row = &view.row;
        let item = Item {
            id: Some(row.id.clone()),
            code: Some(row.code.clone()),
            kind: view.kind.clone(),
            name: row.name.clone(),
            secrets: secrets(kind.as_deref(), &view),
            labels: row.labels.clone(),
            view: own(&view.view),
            edit: own(&view.edit),
            author: named(&row.author),
            owner: named(&row.owner),
            subscribers: row.subscribers.iter().filter_map(|who| named(who)).collect(),
            archived: row.archived,
            created_at: Some(clock::to_text(row.created_at)),
            updated_at: Some(clock::to_text(row.updated_at)),
            body: view.body,
        };
        wire::write("resource", &item, &mut self.lines)
    }

    fn kind(&mut self, kind: &KindInfo) -> Result<()> {
        if self.told.insert(format!("kind {}", kind.id)) {
            let mut definition = kinds::get(self.ctx, &kind.id.to_string())?.definition;
            let dir = self.ctx.directory();
            let caller = self.ctx.caller(&dir)?;
            let viewer = Viewer::new(&dir, &caller, self.ctx.now());
            for policy in [&mut definition.default_view, &mut definition.default_edit].into_iter().flatten() {
                *policy = portable(&dir, &viewer, policy);
            }
            wire::write("kind", &definition, &mut self.lines)?;
        }
        Ok(())
    }

    /// A line for each named policy that a policy uses, with its text for those who may edit it.
    fn policies(&mut self, policy: &Value) -> Result<()> {
        let mut found = Vec::new();
        names_in(policy, &mut found);
        for id in found {
            if self.told.insert(format!("policy {id}")) {
                let shown = policies::get(self.ctx, &id)?;
                let dir = self.ctx.directory();
                let caller = self.ctx.caller(&dir)?;
                let viewer = Viewer::new(&dir, &caller, self.ctx.now());
                let text = shown.text.then(|| portable(&dir, &viewer, &shown.info.policy));
                let line = json!({ "name": shown.info.name, "policy": text });
                wire::write("policy", &line, &mut self.lines)?;
            }
        }
        Ok(())
    }
}

/// The grants made in the space, for its administrators; keys and resources stay behind as holders, and so does
/// what they hold.
async fn grants_of(ctx: &Ctx, id: &str) -> Result<Option<Vec<GrantLine>>> {
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let ix = visible_space(&dir, &caller, id, ctx.now())?;
    let administers = Action::Use(Permission::SPACE_ADMIN);
    if !dir.world.decide(&caller, Target::Space(ix), administers, ctx.now()).allowed() {
        return Ok(None);
    }
    let (mut lines, mut cursor) = (Vec::new(), None);
    loop {
        let page = grants::list(ctx, Door::Space, id, &PageRequest { limit: PAGE, cursor }).await?;
        for grant in page.items {
            let principal = dir.principal(&grant.principal);
            let principal = principal.filter(|p| !matches!(p, Principal::Key(_) | Principal::Resource(_)));
            let Some(principal) = principal else { continue };
            let role = dir.role_ref(&grant.role).map(|role| dir.role_name(role).to_owned()).unwrap_or_default();
            let expires_at = grant.expires_at.map(clock::to_text);
            lines.push(GrantLine { principal: name_of(&dir, principal), role, expires_at });
        }
        cursor = page.next;
        if cursor.is_none() {
            return Ok(Some(lines));
        }
    }
}

/// A user or a group by name.
fn name_of(dir: &Directory, principal: Principal) -> String {
    let user = |ix| dir.users.info(ix).filter(|user| !user.deleted).map(|user| format!("user:@{}", user.username));
    let group = |ix: GroupIx| dir.groups.info(ix).map(|group| format!("group:@{}", group.name));
    let name = match principal {
        Principal::User(ix) => user(ix),
        Principal::Group(ix) => group(ix),
        _ => None,
    };
    name.unwrap_or_else(|| dir.principal_text(principal))
}

/// Somebody by name, if the viewer can see them.
fn named(dir: &Directory, viewer: &Viewer<'_>, text: &str) -> Option<String> {
    match dir.principal(text) {
        Some(who @ Principal::User(_)) if viewer.principal(who) => Some(name_of(dir, who)),
        _ => None,
    }
}

/// A policy with names in the place of ids, as far as the viewer sees whom they name: good in another installation, too.
fn portable(dir: &Directory, viewer: &Viewer<'_>, policy: &Value) -> Value {
    let Value::Object(fields) = policy else { return policy.clone() };
    let each = |(form, inner): (&String, &Value)| {
        let inner = match (form.as_str(), inner) {
            ("users" | "groups_any" | "groups_all", Value::Array(list)) => {
                let name = |item: &Value| {
                    let principal = item.as_str().and_then(|text| dir.principal(text));
                    let seen = principal.filter(|principal| viewer.principal(*principal));
                    seen.map_or_else(|| item.clone(), |principal| Value::String(name_of(dir, principal)))
                };
                let mut names: Vec<Value> = list.iter().map(name).collect();
                names.sort_by(|a, b| a.as_str().cmp(&b.as_str()));
                Value::Array(names)
            }
            ("named", Value::String(id)) => {
                let policy = dir.policy_ref(id).and_then(|ix| dir.policies.info(ix));
                policy.map_or_else(|| inner.clone(), |policy| Value::String(format!("@{}", policy.name)))
            }
            ("rules", Value::Array(rules)) => Value::Array(
                rules
                    .iter()
                    .map(|rule| {
                        let mut rule = rule.clone();
                        if let Some(who) = rule.get_mut("who") {
                            *who = portable(dir, viewer, who);
                        }
                        rule
                    })
                    .collect(),
            ),
            _ => inner.clone(),
        };
        (form.clone(), inner)
    };
    Value::Object(fields.iter().map(each).collect())
}

/// The ids of the named policies that a policy uses.
fn names_in(policy: &Value, found: &mut Vec<String>) {
    if let Some(id) = policy["named"].as_str() {
        found.push(id.to_owned());
    }
    for rule in policy["rules"].as_array().into_iter().flatten() {
        names_in(&rule["who"], found);
    }
}

/// Where marks stand in the place of secrets.
fn secrets(kind: Option<&KindInfo>, view: &ResourceView) -> Vec<String> {
    let sealed: serde_json::Map<String, Value> = serde_json::from_str(&view.row.secrets).unwrap_or_default();
    let fields = kind.map_or(&[][..], |kind| &kind.definition.secret_fields);
    let mut found: Vec<String> = sealed.keys().chain(fields).cloned().collect();
    found.retain(|pointer| view.body.pointer(pointer).is_some_and(is_marker));
    found.sort();
    found.dedup();
    found
}

/// An export as the body of an answer. It is written by a task of its own that waits for the reader a page at most, and
/// gives up one that takes nothing for as long as a request may take; what is cut off then does not look whole.
///
/// # Errors
/// 404 when the space is hidden or missing; 429 or 503 when there are too many exports.
pub async fn body(ctx: &Ctx, space: &str) -> Result<Body> {
    // What is refused is refused before there is an answer.
    let dir = ctx.directory();
    visible_space(&dir, &ctx.caller(&dir)?, space, ctx.now())?;
    let lane = ctx.export_lane()?;
    let (sender, receiver) = mpsc::channel(1);
    let whole = Arc::new(AtomicBool::new(false));
    let task = produce(ctx.clone(), space.to_owned(), sender, Arc::clone(&whole), lane);
    tokio::spawn(task);
    let chunks = futures_util::stream::unfold((receiver, whole, false), async |(mut receiver, whole, failed)| {
        match receiver.recv().await {
            Some(chunk) => Some((Ok(chunk), (receiver, whole, failed))),
            None if failed || whole.load(Ordering::Acquire) => None,
            None => Some((Err(std::io::Error::other("the export was cut off")), (receiver, whole, true))),
        }
    });
    Ok(Body::from_stream(Box::pin(chunks)))
}

/// Hands lines to whoever reads the answer.
struct Channel {
    sender: mpsc::Sender<Bytes>,
    patience: Duration,
}

impl Sink for Channel {
    async fn take(&mut self, lines: Vec<u8>, _: u64) -> Result<()> {
        if lines.is_empty() {
            return Ok(());
        }
        let sent = tokio::time::timeout(self.patience, self.sender.send(Bytes::from(lines))).await;
        if matches!(sent, Ok(Ok(()))) { Ok(()) } else { Err(Error::TimedOut) }
    }
}

async fn produce(ctx: Ctx, space: String, sender: mpsc::Sender<Bytes>, whole: Arc<AtomicBool>, lane: Lane) {
    let mut channel = Channel { sender, patience: ctx.app.limits.request };
    let exported = tokio::time::timeout(EXPORT_TIME, export(&ctx, &space, &mut channel)).await;
    let error = match exported {
        Ok(Ok(_)) => None,
        Ok(Err(error)) => Some(error),
        Err(_) => Some(Error::TimedOut),
    };
    if let Some(error) = error {
        let problem = error.problem();
        if let Error::Internal(why) = &error {
            tracing::error!(request_id = ctx.request_id, %why, "an export failed by a fault of ours");
        }
        let mut line = Vec::new();
        let told = wire::write("error", &json!({ "code": problem.code, "detail": problem.detail }), &mut line);
        if told.is_err() || channel.take(line, 0).await.is_err() {
            return;
        }
    }
    whole.store(true, Ordering::Release);
    drop((lane, channel));
}
