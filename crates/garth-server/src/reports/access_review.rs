//! The access review: everybody who holds something in a space, what they may do there and why, and what is different from
//! the last time.

use super::content::{Bar, Chart, Content, Shown, Table, eyes, time};
use super::names::{Names, full, gate};
use super::spec::ROWS;
use crate::access::Ctx;
use crate::api_keys;
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::decisions::Entity;
use crate::decisions::explore::{self, Way};
use crate::directory::Directory;
use crate::grants::{self, Door, Member, MemberSource};
use crate::{resources, spaces};
use garth_core::RoleKind;
use hashbrown::{HashMap, HashSet};
use serde_json::{Map, Value, json};

/// Items of a page, while lists are read whole.
const PAGE: usize = 1_000;

/// Everything of a list, at most so much; and whether that is all.
macro_rules! whole {
    ($page:ident => $list:expr) => {{
        let (mut items, mut cursor, mut all) = (Vec::new(), None, true);
        loop {
            let $page = PageRequest { limit: PAGE.min(ROWS - items.len()), cursor };
            let page = $list?;
            items.extend(page.items);
            cursor = page.next;
            if cursor.is_none() {
                break;
            }
            if items.len() >= ROWS {
                all = false;
                break;
            }
        }
        (items, all)
    }};
}
pub(super) use whole;

/// Who holds roles in the space besides people.
struct Other {
    sort: &'static str,
    id: String,
    name: String,
    role: String,
    until: Value,
    used: Value,
}

/// What administrators of the space are told besides.
#[derive(Default)]
struct Inside {
    /// The grants to people, by person and role.
    grants: HashMap<(String, String), grants::Stored>,
    others: Vec<Other>,
    /// Who passes the gate and holds no role.
    visitors: Vec<explore::Somebody>,
    /// Who may change the space itself.
    editors: HashSet<uuid::Uuid>,
    all: bool,
}

/// Makes it.
///
/// # Errors
/// When whoever asks is no member of the space.
pub async fn make(ctx: &Ctx, space: &str, before: Option<&Value>) -> Result<(Content, Value)> {
    let mut content = Content::begin(ctx, "access_review", "Access review", space)?;
    let (members, all) = whole!(page => grants::members(ctx, space, &page));
    let inside = inside(ctx, space, &members).await?;
    let dir = ctx.directory();
    let caller = ctx.caller(&dir)?;
    let names = Names::new(&dir, &caller, ctx.now());
    let state = state(&eyes(&dir, &caller), &content, &members, inside.as_ref(), all);
    let changes = before.and_then(|before| Changes::between(before, &state));

    let admins = members.iter().filter(|member| member.role.as_deref() == Some("admin")).count();
    content.fact("Members", members.len().to_string());
    content.fact("Administrators", admins.to_string());
    if let Some(inside) = &inside {
        content.fact("Keys and resources with roles", inside.others.len().to_string());
    }
    if let Some(changes) = &changes {
        content.fact("Joined", changes.number(Change::Joined).to_string());
        content.fact("Left", changes.left.len().to_string());
        content.fact("Role changed", changes.number(Change::Role).to_string());
    }
    let view = spaces::get(ctx, space)?;
    content.note(format!("The space is seen by {}. Roles are asked of those who see it.", gate(&view.view)));
    match (&changes, before.and_then(|before| before["at"].as_str())) {
        (Some(_), Some(at)) => {
            content.note(format!("Changes are those since the report of {}.", super::content::moment(at)));
        }
        (_, None) => content.note("This is the first report: the next one tells what is different from it."),
        (None, Some(_)) => content.note(
            "Changes are not told: the last report was made with other rights, or not everybody was in it or is in this one.",
        ),
    }
    match &inside {
        None => content.note(
            "Keys, resources with roles, and who sees the space without a role are not told: that needs space:admin.",
        ),
        Some(inside) if !inside.all => {
            content.note("Not all keys, resources and visitors are here: there are too many.")
        }
        Some(_) => {}
    }
    content.note(
        "Policies of single resources can let their author, owner or others through besides; they are not told here.",
    );

    content.charts.push(Chart::bars("Members by role", by_role(&members)));
    content.charts.push(Chart::bars("Where their roles come from", by_source(&members)));
    content.tables.push(table_of_members(&dir, &names, &members, inside.as_ref(), changes.as_ref(), all));
    if let Some(inside) = &inside {
        content.tables.push(table_of_others(&dir, inside, changes.as_ref()));
        content.tables.push(table_of_visitors(inside));
    }
    Ok((content, state))
}

/// What only administrators of the space are told; `None` for everybody else.
async fn inside(ctx: &Ctx, space: &str, members: &[Member]) -> Result<Option<Inside>> {
    let keys = match read_keys(ctx, space).await {
        Ok(keys) => keys,
        Err(Error::Forbidden(_)) => return Ok(None),
        Err(other) => return Err(other),
    };
    let (stored, mut all) = whole!(page => grants::list(ctx, Door::Space, space, &page).await);
    let thing = Entity { kind: "space", id: space };
    let (people, every) = whole!(page => explore::people(ctx, space, &thing, "read", &page).await);
    all &= every;
    let (editors, every) = whole!(page => explore::people(ctx, space, &thing, "write", &page).await);
    all &= every;

    let mut others = Vec::new();
    let dir = ctx.directory();
    for key in keys {
        let used = time(key.last_used_at);
        let (key, role) = (key.key, key.role);
        let sort = if key.disabled { "API key, disabled" } else { "API key" };
        others.push(Other { sort, id: key.id, name: key.name, role, until: time(key.expires_at), used });
    }
    let mut by = HashMap::new();
    for grant in stored {
        let role = dir.role_ref(&grant.role).map(|role| dir.role_name(role).to_owned()).unwrap_or_default();
        let until = time(grant.expires_at);
        match grant.principal.split_once(':') {
            Some(("resource", id)) => {
                let name = match resources::get(ctx, id).await {
                    Ok(view) => format!("{} {}", view.row.code, view.row.name),
                    Err(Error::NotFound) => "hidden from this report".to_owned(),
                    Err(other) => return Err(other),
                };
                others.push(Other { sort: "resource", id: id.to_owned(), name, role, until, used: Value::Null });
            }
            // In a list, a resource that the reader may not view.
            None => {
                let name = "hidden from this report".to_owned();
                others.push(Other { sort: "resource", id: grant.id, name, role, until, used: Value::Null });
            }
            Some(("user", id)) => drop(by.insert((id.to_owned(), role), grant)),
            Some(_) => {}
        }
    }
    let known: HashSet<uuid::Uuid> = members.iter().map(|member| member.user.id).collect();
    let visitors = people.into_iter().filter(|one| !known.contains(&one.user.id)).collect();
    let editors = editors.into_iter().map(|one| one.user.id).collect();
    Ok(Some(Inside { grants: by, others, visitors, editors, all }))
}

async fn read_keys(ctx: &Ctx, space: &str) -> Result<Vec<api_keys::Shown>> {
    let (keys, _) = whole!(page => api_keys::list(ctx, space, None, &page).await);
    Ok(keys)
}

/// What the next report compares with: who held which roles, by whose eyes, and whether that was everybody.
fn state(eyes: &str, content: &Content, members: &[Member], inside: Option<&Inside>, all: bool) -> Value {
    let person = |member: &Member| (member.user.id.to_string(), json!([member.user.username, member.roles.join(", ")]));
    let people: Map<String, Value> = members.iter().map(person).collect();
    let others = inside.map(|inside| {
        let other = |other: &Other| (format!("{} {}", other.id, other.role), json!([other.name, other.role]));
        inside.others.iter().map(other).collect::<Map<String, Value>>()
    });
    let whole = all && inside.is_none_or(|inside| inside.all);
    json!({ "at": content.made_at, "eyes": eyes, "whole": whole, "members": people, "others": others })
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Change {
    Joined,
    Role,
}

/// What is different from the last time.
struct Changes {
    of: HashMap<String, (Change, String)>,
    left: Vec<(String, String)>,
    new_others: HashSet<String>,
    gone_others: Vec<(String, String)>,
}

impl Changes {
    /// `None` where the two cannot be compared.
    fn between(before: &Value, now: &Value) -> Option<Self> {
        let good = before["whole"] == true && now["whole"] == true && before["eyes"] == now["eyes"];
        let (was, is) = (before["members"].as_object()?, now["members"].as_object()?);
        if !good {
            return None;
        }
        let text = |value: &Value, at: usize| value[at].as_str().unwrap_or_default().to_owned();
        let mut of = HashMap::new();
        for (id, person) in is {
            match was.get(id) {
                None => drop(of.insert(id.clone(), (Change::Joined, String::new()))),
                Some(then) if then[1] != person[1] => drop(of.insert(id.clone(), (Change::Role, text(then, 1)))),
                Some(_) => {}
            }
        }
        let gone = was.iter().filter(|(id, _)| !is.contains_key(*id));
        let mut left: Vec<(String, String)> = gone.map(|(_, person)| (text(person, 0), text(person, 1))).collect();
        left.sort();
        let new_others = match (before["others"].as_object(), now["others"].as_object()) {
            (Some(was), Some(is)) => is.keys().filter(|id| !was.contains_key(*id)).cloned().collect(),
            _ => HashSet::new(),
        };
        let mut gone_others: Vec<(String, String)> = match (before["others"].as_object(), now["others"].as_object()) {
            (Some(was), Some(is)) => {
                let gone = was.iter().filter(|(id, _)| !is.contains_key(*id));
                gone.map(|(_, other)| (text(other, 0), text(other, 1))).collect()
            }
            _ => Vec::new(),
        };
        gone_others.sort();
        Some(Self { of, left, new_others, gone_others })
    }

    fn number(&self, change: Change) -> usize {
        self.of.values().filter(|(is, _)| *is == change).count()
    }
}

fn table_of_members(
    dir: &Directory,
    names: &Names<'_>,
    members: &[Member],
    inside: Option<&Inside>,
    changes: Option<&Changes>,
    all: bool,
) -> Table {
    let mut columns = vec![
        ("username", "Who", Shown::Text),
        ("name", "Name", Shown::Text),
        ("roles", "Roles", Shown::Text),
        ("may", "May", Shown::Text),
        ("why", "Why", Shown::Text),
    ];
    if inside.is_some() {
        columns.push(("edits_space", "Changes the space itself", Shown::Text));
    }
    if changes.is_some() {
        columns.push(("change", "Change", Shown::State));
        columns.push(("roles_before", "Roles before", Shown::Text));
    }
    let mut table = Table::new("members", "Members", &columns, "Nobody is a member.");
    table.truncated = !all;
    for member in members {
        let user = &member.user;
        let id = user.id.to_string();
        let why = member.sources.iter().map(|source| why(names, source, &id, inside)).collect::<Vec<_>>();
        let mut row =
            vec![json!(user.username), full(user), json!(member.roles), json!(may(dir, &member.roles)), json!(why)];
        if let Some(inside) = inside {
            row.push(json!(if inside.editors.contains(&user.id) { "yes" } else { "no" }));
        }
        if let Some(changes) = changes {
            let (word, roles) = match changes.of.get(&id) {
                Some((Change::Joined, _)) => (json!("joined"), Value::Null),
                Some((Change::Role, roles)) => (json!("role changed"), json!(roles)),
                None => (Value::Null, Value::Null),
            };
            row.extend([word, roles]);
        }
        table.rows.push(row);
    }
    // Who left has a row as well, so that the rows alone tell all.
    for (username, roles) in changes.into_iter().flat_map(|changes| &changes.left) {
        let mut row = vec![json!(username), Value::Null, json!([]), json!([]), json!([])];
        if inside.is_some() {
            row.push(json!("no"));
        }
        row.extend([json!("left"), json!(roles)]);
        table.rows.push(row);
    }
    table
}

fn table_of_others(dir: &Directory, inside: &Inside, changes: Option<&Changes>) -> Table {
    let columns = [
        ("what", "What", Shown::Text),
        ("name", "Name", Shown::Text),
        ("role", "Role", Shown::Text),
        ("may", "May", Shown::Text),
        ("expires_at", "Until", Shown::Time),
        ("last_used_at", "Last used", Shown::Time),
        ("change", "Change", Shown::State),
    ];
    let title = "Keys and resources that hold roles";
    let mut table = Table::new("keys_and_resources", title, &columns, "No key and no resource holds a role here.");
    for other in &inside.others {
        let key = format!("{} {}", other.id, other.role);
        let new = changes.is_some_and(|changes| changes.new_others.contains(&key));
        table.rows.push(vec![
            json!(other.sort),
            json!(other.name),
            json!(other.role),
            json!(may(dir, std::slice::from_ref(&other.role))),
            other.until.clone(),
            other.used.clone(),
            if new { json!("new") } else { Value::Null },
        ]);
    }
    // What is gone has a row as well, as people who left have.
    for (name, role) in changes.into_iter().flat_map(|changes| &changes.gone_others) {
        let (no, nothing) = (Value::Null, json!([]));
        table.rows.push(vec![no.clone(), json!(name), json!(role), nothing, no.clone(), no, json!("gone")]);
    }
    table
}

fn table_of_visitors(inside: &Inside) -> Table {
    let columns =
        [("username", "Who", Shown::Text), ("name", "Name", Shown::Text), ("let_in_by", "Let in by", Shown::Text)];
    let title = "Who sees the space without a role";
    let mut table = Table::new("visitors", title, &columns, "Everybody who sees the space holds a role in it.");
    for one in &inside.visitors {
        let by = match one.by {
            Way::Role => "a role elsewhere",
            Way::Gate | Way::SpaceEdit => "the space's view policy",
            Way::Policy | Way::KindPolicy => "a policy",
            Way::Exception => "an exception of a kind",
            Way::Elsewhere => "a share with another space",
        };
        table.rows.push(vec![json!(one.user.username), full(&one.user), json!(by)]);
    }
    table
}

/// What roles allow, in words.
fn may(dir: &Directory, roles: &[String]) -> Vec<String> {
    let mut found: Vec<String> = Vec::new();
    for role in roles {
        let Some(ix) = dir.role_ref(role) else { continue };
        let said = match dir.world.role(ix).map(|role| role.kind) {
            Some(RoleKind::Admin) => return vec!["everything in the space".to_owned()],
            Some(RoleKind::Writer) => "read, write and use everything; not share, not administer".to_owned(),
            Some(RoleKind::Reader) => "read everything".to_owned(),
            _ => dir.roles.info(ix).map(|info| info.permissions.join(", ")).unwrap_or_default(),
        };
        if !said.is_empty() && !found.contains(&said) {
            found.push(said);
        }
    }
    // Whoever writes everything reads it, too.
    if found.len() > 1 && found.iter().any(|said| said.starts_with("read, write")) {
        found.retain(|said| said != "read everything");
    }
    found
}

/// Where a role comes from, in words.
fn why(names: &Names<'_>, source: &MemberSource, user: &str, inside: Option<&Inside>) -> String {
    let (role, place) = (&source.role, names.space(source.space));
    match source.from {
        "direct" => {
            let grant = inside.and_then(|inside| inside.grants.get(&(user.to_owned(), role.clone())));
            let Some(grant) = grant else { return format!("{role}: given to them") };
            let day = |at| super::content::day(&clock::to_text(at)).unwrap_or_default();
            let until = grant.expires_at.map(|end| format!(", until {}", day(end))).unwrap_or_default();
            format!("{role}: given by {} on {}{until}", names.of(&grant.granted_by), day(grant.created_at))
        }
        "group" => match names.group(source.group) {
            Some(group) => format!("{role}: by the group {group}"),
            None => format!("{role}: by a group"),
        },
        "ancestor" => match place {
            Some(place) => format!("{role}: from {place} above"),
            None => format!("{role}: from a space above"),
        },
        "everyone" => format!("{role}: everyone who is signed in holds it"),
        "inherits" => format!("{role}: from a space below that inherits"),
        "login_policy" => format!("{role}: by a login policy, while they are signed in"),
        other => format!("{role}: {other}"),
    }
}

fn counted(words: impl Iterator<Item = String>) -> Vec<Bar> {
    let mut counts: HashMap<String, i64> = HashMap::new();
    words.for_each(|word| *counts.entry(word).or_default() += 1);
    let mut bars: Vec<Bar> = counts.into_iter().map(|(label, value)| Bar { label, value, of: None }).collect();
    bars.sort_by(|one, other| (other.value, &one.label).cmp(&(one.value, &other.label)));
    bars
}

fn by_role(members: &[Member]) -> Vec<Bar> {
    counted(members.iter().filter_map(|member| member.role.clone()))
}

fn by_source(members: &[Member]) -> Vec<Bar> {
    let word = |from: &str| match from {
        "direct" => "given to them",
        "group" => "by a group",
        "ancestor" => "from a space above",
        "everyone" => "everyone",
        "inherits" => "from a space below",
        _ => "by a login policy",
    };
    let of = |member: &Member| {
        let words: HashSet<&str> = member.sources.iter().map(|source| word(source.from)).collect();
        words.into_iter().map(str::to_owned).collect::<Vec<_>>()
    };
    counted(members.iter().flat_map(of))
}
