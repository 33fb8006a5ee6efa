//! From the database into the directory: all of it at start, one thing after a change.
//!
//! Both ways read the same rows by the same functions, so that a picture that was kept up
//! to date and one that was loaded afresh are the same.

use super::{
    BUILT_IN_ROLES, Change, ClassInfo, ClassKey, Definition, Directory, GroupInfo, Index, KeyInfo, KindInfo, LastUse,
    LoginPolicyInfo, PolicyInfo, Quota, RoleInfo, Session, Settings, SpaceInfo, UserInfo,
};
use crate::base::db::{Db, DbError, Row, Tx, Value, params};
use crate::base::ids::{self, Codes};
use crate::base::secrets::Vault;
use crate::base::text::{self, free_slug};
use crate::directory::known::Changed;
use crate::directory::map::Map;
use crate::directory::policy::{self, Place};
use crate::directory::schema;
use garth_core::{
    Brought, Class, Exceptions, Grant, GroupIx, KeyIx, Kind, KindIx, Micros, Pattern, PolicyIx, Principal, ResourceIx,
    Role, RoleIx, Shelf, Space, SpaceIx, UserIx, World,
};
use hashbrown::HashMap;
use sha2::{Digest, Sha256};
use std::sync::{Arc, OnceLock};
use uuid::Uuid;

type Result<T> = std::result::Result<T, DbError>;

/// Reads the whole picture, making first what every installation has: its keys, its built-in
/// roles, and the default space that everybody may write in until somebody names it.
pub async fn all(tx: &mut Tx, now: Micros) -> Result<Directory> {
    found(tx, now).await?;
    picture(tx, now).await
}

/// Reads the whole picture from a store that is open for reading only.
pub async fn read(db: &Db, now: Micros) -> Result<Directory> {
    picture(&mut db.clone(), now).await
}

/// Reads the whole picture of the moment that a transaction sees.
pub async fn read_in(tx: &mut Tx, now: Micros) -> Result<Directory> {
    picture(tx, now).await
}

/// Where rows come from: the writer's transaction, or a store open for reading.
trait Rows {
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>>;
}

impl Rows for Tx {
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        Tx::query(self, sql, values).await
    }
}

impl Rows for Db {
    async fn query(&mut self, sql: &str, values: &[Value]) -> Result<Vec<Row>> {
        self.scan(sql, values.to_vec()).await
    }
}

async fn picture(tx: &mut impl Rows, now: Micros) -> Result<Directory> {
    let mut dir = empty(tx).await?;
    settings(tx, &mut dir).await?;
    kinds_first(tx, &mut dir).await?;
    people(tx, &mut dir).await?;
    for row in tx.query(&format!("{ROLES} ORDER BY created_at, id"), &[]).await? {
        put_role(&mut dir, &row)?;
    }
    // Every named policy has a place before any policy is read, for they may name one another.
    let policies = tx.query(&format!("{POLICIES} ORDER BY id"), &[]).await?;
    for row in &policies {
        let ix: PolicyIx = dir.policies.place(id(row, 0)?);
        dir.policies.name(row.text(1)?, ix);
    }
    for row in &policies {
        put_policy(&mut dir, row)?;
    }
    for row in tx.query(&format!("{KINDS} ORDER BY id"), &[]).await? {
        put_kind(&mut dir, &row)?;
    }
    spaces(tx, &mut dir).await?;
    for row in tx.query(&format!("{CLASSES} ORDER BY id"), &[]).await? {
        put_class(&mut dir, &row)?;
    }
    for row in tx.query(&format!("{SESSIONS} WHERE expires_at > $1"), &params![now]).await? {
        put_session(&mut dir, &row)?;
    }
    let rows = tx.query("SELECT COALESCE(MAX(number), 0) + 1 FROM resources", &[]).await?;
    dir.next_number = rows.first().map_or(Ok(1), |r| r.int(0))?;
    // The last ones made may be deleted since; their numbers are not used again.
    let rows = tx.query("SELECT value FROM installation WHERE name = 'next_number'", &[]).await?;
    if let Some(row) = rows.first() {
        dir.next_number = dir.next_number.max(json(row.text(0)?, "count")?);
    }
    let rows = tx.query("SELECT COALESCE(MAX(seq), 0) FROM changes", &[]).await?;
    dir.last_change = rows.first().map_or(Ok(0), |r| r.int(0))?;
    login_policies(tx, &mut dir).await?;
    dir.login_basis = dir.last_change;
    Ok(dir)
}

/// Reads again what changed.
pub async fn apply(tx: &mut Tx, dir: &mut Directory, change: &Change) -> Result<()> {
    if matches!(change, Change::Space(_) | Change::Role(_) | Change::LoginPolicies) {
        dir.login_basis = dir.last_change;
        dir.login_told = Arc::default();
    }
    match change {
        Change::Space(id) => {
            let rows = tx.query(&format!("{SPACES} WHERE id = $1"), &params![id.to_string()]).await?;
            match rows.first() {
                Some(row) => put_space(dir, row)?,
                None => forget_space(dir, id),
            }
        }
        Change::Grants(id) => {
            let Some(space) = dir.spaces.by_id::<SpaceIx>(id) else { return Ok(()) };
            let rows = tx.query(&format!("{GRANTS} WHERE space_id = $1"), &params![id.to_string()]).await?;
            let acting = actors_in(dir, space);
            let mut grants = Vec::with_capacity(rows.len());
            for row in &rows {
                grants.extend(grant(dir, row)?);
            }
            dir.world.set_grants(space, grants);
            forget_actors(dir, acting);
        }
        Change::User(id) => {
            let text = id.to_string();
            let groups = groups_of(tx, dir, &format!("user:{text}")).await?;
            let rows = tx.query(&format!("{USERS} WHERE id = $1"), &params![text]).await?;
            if let Some(row) = rows.first() {
                put_user(dir, row, &groups)?;
            }
        }
        Change::Group(id) => {
            let text = id.to_string();
            let parents = groups_of(tx, dir, &format!("group:{text}")).await?;
            let rows = tx.query(&format!("{GROUPS} WHERE id = $1"), &params![text]).await?;
            match rows.first() {
                Some(row) => {
                    put_group(dir, row)?;
                    if let Some(ix) = dir.groups.by_id::<GroupIx>(id) {
                        dir.world.set_group(ix, &parents);
                    }
                }
                None => forget_group(dir, id),
            }
        }
        Change::Role(id) => {
            match tx.query(&format!("{ROLES} WHERE id = $1"), &params![id.to_string()]).await?.first() {
                Some(row) => put_role(dir, row)?,
                None => {
                    if let Some(ix) = dir.roles.by_id::<RoleIx>(id) {
                        dir.world.remove_role(ix);
                        if let Some(info) = dir.roles.forget(id, ix) {
                            dir.roles.unname(&info.name, ix);
                        }
                    }
                }
            }
        }
        Change::Kind(id) => {
            match tx.query(&format!("{KINDS} WHERE id = $1"), &params![id.to_string()]).await?.first() {
                Some(row) => put_kind(dir, row)?,
                None => {
                    if let Some(ix) = dir.kinds.by_id::<KindIx>(id) {
                        dir.world.remove_kind(ix);
                        if let Some(info) = dir.kinds.forget(id, ix) {
                            dir.kinds.unname(&info.definition.name, ix);
                        }
                    }
                }
            }
        }
        Change::Policy(id) => {
            match tx.query(&format!("{POLICIES} WHERE id = $1"), &params![id.to_string()]).await?.first() {
                Some(row) => put_policy(dir, row)?,
                None => {
                    if let Some(ix) = dir.policies.by_id::<PolicyIx>(id) {
                        dir.world.remove_policy(ix);
                        if let Some(info) = dir.policies.forget(id, ix) {
                            dir.policies.unname(&info.name, ix);
                        }
                    }
                }
            }
        }
        Change::Class(id) => {
            if let Some(row) = tx.query(&format!("{CLASSES} WHERE id = $1"), &params![*id]).await?.first() {
                put_class(dir, row)?;
            }
        }
        Change::Session(id) => {
            forget_session(dir, id);
            if let Some(row) = tx.query(&format!("{SESSIONS} WHERE id = $1"), &params![id.to_string()]).await?.first() {
                put_session(dir, row)?;
            }
        }
        Change::Sessions => {
            (dir.sessions, dir.session_hashes, dir.bringing) = (Map::default(), Map::default(), Map::default());
            for row in tx.query(SESSIONS, &[]).await? {
                put_session(dir, &row)?;
            }
        }
        Change::LoginPolicies => login_policies(tx, dir).await?,
        Change::Key(id) => {
            match tx.query(&format!("{KEYS} WHERE k.id = $1"), &params![id.to_string()]).await?.first() {
                Some(row) => put_key(dir, row)?,
                None => forget_key(dir, id),
            }
        }
        Change::Quotas(id) => {
            let rows =
                tx.query(&format!("{QUOTAS} WHERE space_id = $1 ORDER BY meter"), &params![id.to_string()]).await?;
            let Some(space) = dir.spaces.by_id::<SpaceIx>(id) else { return Ok(()) };
            dir.quotas.remove(&space);
            put_quotas(dir, &rows)?;
        }
        Change::Settings => settings(tx, dir).await?,
    }
    Ok(())
}

/// Makes what every installation has; does nothing where it is there.
async fn found(tx: &mut Tx, now: Micros) -> Result<()> {
    let keep = "INSERT INTO installation (name, value) VALUES ($1, $2) ON CONFLICT (name) DO NOTHING";
    for name in ["code_key", "cursor_key"] {
        tx.execute(keep, &params![name, ids::hex(&ids::random::<32>())]).await?;
    }
    tx.execute(keep, &params!["settings", "{}"]).await?;
    for name in BUILT_IN_ROLES {
        let sql = "INSERT INTO roles (id, name, permissions, created_at) VALUES ($1, $2, '[]', 0) \
                   ON CONFLICT (name) DO NOTHING";
        tx.execute(sql, &params![built_in_id(name).to_string(), name]).await?;
    }
    slugs(tx).await?;
    if tx.query_opt("SELECT id FROM spaces WHERE default_mark = 1", &[]).await?.is_some() {
        return Ok(());
    }
    let space = ids::new_id(now).to_string();
    let sql = "INSERT INTO spaces (id, name, description, parent_id, view_policy, edit_policy, inherits, sealed, \
               archived, labels, default_mark, secret_key, version, created_at, updated_at) \
               VALUES ($1, '', '', NULL, '\"members\"', '{\"permission\":\"space:admin\"}', 0, 0, 0, '[]', 1, '', 1, $2, $2) \
               ON CONFLICT (default_mark) DO NOTHING";
    tx.execute(sql, &params![&space, now]).await?;
    let sql = "INSERT INTO grants (id, space_id, principal, role_id, expires_at, source, granted_by, created_at) \
               SELECT $1, id, 'group:everyone', $2, NULL, 'direct', 'system', $3 FROM spaces WHERE default_mark = 1 \
               ON CONFLICT (space_id, principal, role_id) DO NOTHING";
    tx.execute(sql, &params![ids::new_id(now).to_string(), built_in_id("writer").to_string(), now]).await?;
    Ok(())
}

/// Roles from before there were slugs get one of their names, the oldest first.
async fn slugs(tx: &mut Tx) -> Result<()> {
    let rows = tx.query("SELECT id, name, slug FROM roles ORDER BY created_at, id", &[]).await?;
    let mut taken: Vec<String> = Vec::new();
    for row in &rows {
        taken.extend(row.opt_text(2)?.map(str::to_owned));
    }
    for row in &rows {
        if row.opt_text(2)?.is_none() {
            let name = row.text(1)?;
            let built_in = BUILT_IN_ROLES.contains(&name);
            let slug = if built_in { name.to_owned() } else { free_slug(name, |slug| taken.iter().any(|t| t == slug)) };
            tx.execute("UPDATE roles SET slug = $2 WHERE id = $1", &params![row.text(0)?, &slug]).await?;
            taken.push(slug);
        }
    }
    Ok(())
}

/// The fixed id of a built-in role: the same in every installation.
fn built_in_id(name: &str) -> Uuid {
    let at = BUILT_IN_ROLES.iter().position(|n| *n == name).unwrap_or_default();
    Uuid::from_u128(at as u128 + 1)
}

async fn empty(tx: &mut impl Rows) -> Result<Directory> {
    let mut key = async |name: &str| -> Result<[u8; 32]> {
        let rows = tx.query("SELECT value FROM installation WHERE name = $1", &params![name]).await?;
        let text = rows.first().map_or(Ok(""), |r| r.text(0))?;
        unhex(text).ok_or_else(|| DbError::Other(format!("the installation's {name} is damaged")))
    };
    let codes = Codes::new(&key("code_key").await?).map_err(|e| DbError::Other(e.to_string()))?;
    let cursor_key = Arc::new(key("cursor_key").await?);
    Ok(Directory {
        world: World::new(),
        spaces: Index::default(),
        users: Index::default(),
        groups: Index::default(),
        roles: Index::default(),
        kinds: Index::default(),
        policies: Index::default(),
        keys: Index::default(),
        actors: Index::default(),
        quotas: Map::default(),
        settings: Arc::default(),
        login_policies: Arc::default(),
        login_basis: 0,
        login_told: Arc::default(),
        codes,
        cursor_key,
        vault: Vault::unused(),
        default_space: SpaceIx(0),
        next_number: 1,
        last_change: 0,
        changed: Changed::Any,
        chains: Map::default(),
        classes: Map::default(),
        class_infos: Shelf::default(),
        next_class: 1,
        sessions: Map::default(),
        session_hashes: Map::default(),
        bringing: Map::default(),
        key_hashes: Map::default(),
    })
}

async fn settings(tx: &mut impl Rows, dir: &mut Directory) -> Result<()> {
    let rows = tx.query("SELECT value FROM installation WHERE name = 'settings'", &[]).await?;
    let settings: Settings = match rows.first() {
        Some(row) => json(row.text(0)?, "settings")?,
        None => Settings::default(),
    };
    dir.world.public_access = settings.public_access;
    dir.settings = Arc::new(settings);
    Ok(())
}

async fn login_policies(tx: &mut impl Rows, dir: &mut Directory) -> Result<()> {
    let mut policies = Vec::new();
    for row in tx.query(&format!("{LOGIN_POLICIES} ORDER BY name"), &[]).await? {
        let info = LoginPolicyInfo {
            id: id(&row, 0)?,
            name: row.text(1)?.to_owned(),
            rego: row.text(2)?.to_owned(),
            version: row.text(3)?.parse().map_err(|()| DbError::Other("a login policy of no version".to_owned()))?,
            enabled: row.bool(4)?,
            ready: OnceLock::new(),
            created_at: row.int(5)?,
            updated_at: row.int(6)?,
        };
        // What is ready stays ready: another policy's change does not make this one be read again.
        let same = dir.login_policies.iter().find(|old| old.id == info.id && old.rego == info.rego);
        if let Some(ready) = same.filter(|old| old.version == info.version).and_then(|old| old.ready.get()) {
            let _ = info.ready.set(Arc::clone(ready));
        }
        policies.push(Arc::new(info));
    }
    dir.login_policies = Arc::new(policies);
    Ok(())
}

/// The words of every kind, before roles and policies that name them are read.
async fn kinds_first(tx: &mut impl Rows, dir: &mut Directory) -> Result<()> {
    for row in tx.query(&format!("{KINDS} ORDER BY id"), &[]).await? {
        put_kind(dir, &row)?;
    }
    Ok(())
}

const USERS: &str = "SELECT id, username, handle, name, email, system_admin, disabled, deleted_at, default_space, \
                     created_at, verified_email FROM users";
const GROUPS: &str = "SELECT id, name, created_at FROM groups";
const ROLES: &str = "SELECT id, name, permissions, created_at, slug FROM roles";
const KINDS: &str = "SELECT id, definition, created_at, search_cut, search_next FROM kinds";
const POLICIES: &str = "SELECT id, name, policy, edit, created_at FROM policies";
const SPACES: &str = "SELECT id, name, description, parent_id, view_policy, edit_policy, inherits, sealed, archived, \
                      labels, default_mark, secret_key, version, created_at, updated_at FROM spaces";
const GRANTS: &str = "SELECT space_id, principal, role_id, expires_at FROM grants";
const CLASSES: &str = "SELECT id, space_id, kind_id, view_policy, edit_policy, windows FROM access_classes";
const SESSIONS: &str = "SELECT id, token_hash, user_id, created_at, expires_at, device, system_admin, roles, teams, \
                        used_at FROM sessions";
const LOGIN_POLICIES: &str = "SELECT id, name, rego, version, enabled, created_at, updated_at FROM login_policies";
const KEYS: &str = "SELECT k.id, k.space_id, k.secret_hash, k.old_hash, k.old_until, k.expires_at, k.disabled, u.at \
                    FROM api_keys k LEFT JOIN api_key_last_used u ON u.key_id = k.id";

const QUOTAS: &str = "SELECT space_id, meter, most, period, roles FROM quotas";

async fn people(tx: &mut impl Rows, dir: &mut Directory) -> Result<()> {
    for row in tx.query(GROUPS, &[]).await? {
        put_group(dir, &row)?;
    }
    let mut of: HashMap<String, Vec<GroupIx>> = HashMap::new();
    for row in tx.query("SELECT DISTINCT group_id, member FROM group_members", &[]).await? {
        if let Some(group) = dir.groups.by_id(&id(&row, 0)?) {
            of.entry(row.text(1)?.to_owned()).or_default().push(group);
        }
    }
    for (member, parents) in &of {
        if let Some(Principal::Group(ix)) = member.starts_with("group:").then(|| dir.principal(member)).flatten() {
            dir.world.set_group(ix, parents);
        }
    }
    for row in tx.query(USERS, &[]).await? {
        let groups = of.get(&format!("user:{}", row.text(0)?)).map_or(&[][..], Vec::as_slice);
        put_user(dir, &row, groups)?;
    }
    Ok(())
}

/// Parents before their children, so that every child finds its parent.
async fn spaces(tx: &mut impl Rows, dir: &mut Directory) -> Result<()> {
    let rows = tx.query(&format!("{SPACES} ORDER BY created_at, id"), &[]).await?;
    let mut below: HashMap<Option<String>, Vec<&Row>> = HashMap::new();
    for row in &rows {
        below.entry(row.opt_text(3)?.map(str::to_owned)).or_default().push(row);
    }
    let mut next = vec![None];
    while let Some(parent) = next.pop() {
        for row in below.remove(&parent).unwrap_or_default() {
            put_space(dir, row)?;
            next.push(Some(row.text(0)?.to_owned()));
        }
    }
    // Grants name keys, and a key knows its space.
    for row in tx.query(&format!("{KEYS} ORDER BY k.id"), &[]).await? {
        put_key(dir, &row)?;
    }
    let mut of: HashMap<SpaceIx, Vec<Grant>> = HashMap::new();
    for row in tx.query(GRANTS, &[]).await? {
        if let Some(space) = dir.spaces.by_id(&id(&row, 0)?) {
            of.entry(space).or_default().extend(grant(dir, &row)?);
        }
    }
    for (space, grants) in of {
        dir.world.set_grants(space, grants);
    }
    put_quotas(dir, &tx.query(&format!("{QUOTAS} ORDER BY space_id, meter"), &[]).await?)
}

async fn groups_of(tx: &mut Tx, dir: &Directory, member: &str) -> Result<Vec<GroupIx>> {
    let rows = tx.query("SELECT DISTINCT group_id FROM group_members WHERE member = $1", &params![member]).await?;
    let mut groups = Vec::new();
    for row in &rows {
        groups.extend(dir.groups.by_id::<GroupIx>(&id(row, 0)?));
    }
    Ok(groups)
}

fn put_user(dir: &mut Directory, row: &Row, groups: &[GroupIx]) -> Result<()> {
    let user = UserInfo {
        id: id(row, 0)?,
        username: row.text(1)?.to_owned(),
        name: row.text(3)?.to_owned(),
        email: row.opt_text(4)?.map(str::to_owned),
        disabled: row.bool(6)?,
        deleted: row.opt_int(7)?.is_some(),
        default_space: row.opt_text(8)?.and_then(|t| Uuid::try_parse(t).ok()),
        created_at: row.int(9)?,
        verified_email: row.opt_text(10)?.map(str::to_owned),
    };
    let ix: UserIx = dir.users.place(user.id);
    if let Some(before) = dir.users.info(ix).map(|u| text::folded(&u.username)) {
        dir.users.unname(&before, ix);
    }
    if !user.deleted {
        dir.users.name(&text::folded(&user.username), ix);
    }
    dir.world.set_user(ix, !user.disabled && !user.deleted, row.bool(5)?, groups);
    dir.users.set(ix, user);
    Ok(())
}

fn put_group(dir: &mut Directory, row: &Row) -> Result<()> {
    let group = GroupInfo { id: id(row, 0)?, name: row.text(1)?.to_owned(), created_at: row.int(2)? };
    let ix: GroupIx = dir.groups.place(group.id);
    if let Some(before) = dir.groups.info(ix).map(|g| g.name.clone()) {
        dir.groups.unname(&before, ix);
    }
    dir.groups.name(&group.name, ix);
    let parents = dir.world.group(ix).map(|g| g.parents.clone()).unwrap_or_default();
    dir.world.set_group(ix, &parents);
    dir.groups.set(ix, group);
    Ok(())
}

fn forget_group(dir: &mut Directory, id: &Uuid) {
    if let Some(ix) = dir.groups.by_id::<GroupIx>(id) {
        dir.world.remove_group(ix);
        if let Some(info) = dir.groups.forget(id, ix) {
            dir.groups.unname(&info.name, ix);
        }
    }
}

fn put_role(dir: &mut Directory, row: &Row) -> Result<()> {
    let name = row.text(1)?.to_owned();
    let permissions: Vec<String> = json(row.text(2)?, "role")?;
    // A store that is only looked at may be one in which no server has given any yet.
    let slug = row.opt_text(4)?.map_or_else(|| text::slug(&name), str::to_owned);
    let role = RoleInfo { id: id(row, 0)?, name, slug, permissions, created_at: row.int(3)? };
    let ix: RoleIx = match BUILT_IN_ROLES.iter().position(|n| *n == role.name) {
        Some(slot) => {
            dir.roles.seat(role.id, slot as u32, BUILT_IN_ROLES.len() as u32);
            RoleIx(slot as u32)
        }
        None => {
            let ix = dir.roles.place(role.id);
            let patterns: Vec<Pattern> = role.permissions.iter().filter_map(|p| stored_pattern(dir, p)).collect();
            dir.world.set_role(ix, Role::custom(patterns));
            ix
        }
    };
    if let Some(before) = dir.roles.info(ix).map(|r| r.name.clone()) {
        dir.roles.unname(&before, ix);
    }
    dir.roles.name(&role.name, ix);
    dir.roles.set(ix, role);
    Ok(())
}

/// A stored pattern; one that cannot be read gives nothing.
fn stored_pattern(dir: &mut Directory, text: &str) -> Option<Pattern> {
    let (noun, verb) = text.split_once(':')?;
    let mut word = |w: &str| if w == "*" { None } else { Some(dir.world.words.intern(w)) };
    Some(Pattern { noun: word(noun), verb: word(verb) })
}

fn put_policy(dir: &mut Directory, row: &Row) -> Result<()> {
    let id = id(row, 0)?;
    let ix: PolicyIx = dir.policies.place(id);
    if let Some(before) = dir.policies.info(ix).map(|p| p.name.clone()) {
        dir.policies.unname(&before, ix);
    }
    dir.policies.name(row.text(1)?, ix);
    let compiled = policy::compile(dir, row.text(2)?, Place::Resource);
    dir.world.set_policy(ix, compiled);
    let info = PolicyInfo {
        id,
        name: row.text(1)?.to_owned(),
        policy: json(row.text(2)?, "policy")?,
        edit: json(row.text(3)?, "policy")?,
        editors: policy::compile(dir, row.text(3)?, Place::SpaceEdit),
        created_at: row.int(4)?,
    };
    dir.policies.set(ix, info);
    Ok(())
}

fn put_kind(dir: &mut Directory, row: &Row) -> Result<()> {
    let definition: Definition = json(row.text(1)?, "kind")?;
    let noun = dir.world.words.intern(&definition.name);
    for permission in &definition.permissions {
        if let Some((_, verb)) = permission.split_once(':') {
            dir.world.words.intern(verb);
        }
    }
    let compiled = |dir: &Directory, value: &Option<serde_json::Value>| {
        value.as_ref().map(|v| Arc::new(policy::compile(dir, &v.to_string(), Place::Resource)))
    };
    let exception = |who: &str| {
        let list = definition.exceptions.get(who).map_or(&[][..], Vec::as_slice);
        (list.iter().any(|e| e == "view"), list.iter().any(|e| e == "edit"))
    };
    let info_id = id(row, 0)?;
    let ix: KindIx = dir.kinds.place(info_id);
    dir.kinds.name(&definition.name, ix);
    let kind = Kind {
        noun,
        default_view: compiled(dir, &definition.default_view),
        default_edit: compiled(dir, &definition.default_edit),
        exceptions: Exceptions {
            author: exception("author"),
            owner: exception("owner"),
            subscribers: exception("subscribers"),
        },
        shareable: definition.shareable,
    };
    dir.world.set_kind(ix, kind);
    let validator = jsonschema::validator_for(&definition.schema).ok();
    let body_depth = schema::work(&definition.schema).ok().and_then(schema::Work::depth);
    let (search_cut, search_ready) = (row.int(3)?, row.opt_int(4)?.is_none());
    let created_at = row.int(2)?;
    let info = KindInfo { id: info_id, definition, validator, body_depth, search_cut, search_ready, created_at };
    dir.kinds.set(ix, info);
    Ok(())
}

fn put_space(dir: &mut Directory, row: &Row) -> Result<()> {
    let space_id = id(row, 0)?;
    let parent = row.opt_text(3)?.and_then(|t| Uuid::try_parse(t).ok()).and_then(|p| dir.spaces.by_id(&p));
    let ix: SpaceIx = dir.spaces.place(space_id);
    let view = policy::compile(dir, row.text(4)?, Place::Gate);
    let edit = policy::compile(dir, row.text(5)?, Place::SpaceEdit);
    let mut space = Space::new(parent, view, edit);
    space.inherits = row.bool(6)?;
    space.sealed = row.bool(7)?;
    space.archived = row.bool(8)?;
    dir.world.set_space(ix, space);
    let default = row.opt_int(10)?.is_some();
    if default {
        dir.default_space = ix;
    }
    let info = SpaceInfo {
        id: space_id,
        name: row.text(1)?.to_owned(),
        description: row.text(2)?.to_owned(),
        labels: json(row.text(9)?, "space")?,
        view: json(row.text(4)?, "space")?,
        edit: json(row.text(5)?, "space")?,
        default,
        secret_key: row.text(11)?.to_owned(),
        version: row.int(12)?,
        created_at: row.int(13)?,
        updated_at: row.int(14)?,
        found_by: OnceLock::new(),
    };
    dir.spaces.set(ix, info);
    Ok(())
}

fn forget_space(dir: &mut Directory, id: &Uuid) {
    if let Some(ix) = dir.spaces.by_id::<SpaceIx>(id) {
        let acting = actors_in(dir, ix);
        dir.world.remove_space(ix);
        dir.spaces.forget(id, ix);
        dir.quotas.remove(&ix);
        forget_actors(dir, acting);
    }
}

/// The resources that grants in that space name.
fn actors_in(dir: &Directory, space: SpaceIx) -> Vec<ResourceIx> {
    let grants = dir.world.space(space).map_or(&[][..], Space::grants);
    grants.iter().filter_map(|g| if let Principal::Resource(ix) = g.principal { Some(ix) } else { None }).collect()
}

/// Forgets those of these resources that no grant names any more.
fn forget_actors(dir: &mut Directory, acting: Vec<ResourceIx>) {
    for ix in acting {
        let idle = dir.world.granted(Principal::Resource(ix)).is_empty();
        if let Some(id) = dir.actors.info(ix).filter(|_| idle).map(|actor| actor.id) {
            dir.actors.forget(&id, ix);
        }
    }
}

fn grant(dir: &mut Directory, row: &Row) -> Result<Option<Grant>> {
    let role: Option<RoleIx> = dir.roles.by_id(&id(row, 2)?);
    // Resources become principals by the grants that name them.
    if let Some(actor) = row.text(1)?.strip_prefix("resource:").filter(|_| role.is_some()).and_then(ids::read_id) {
        dir.actor(actor);
    }
    // A principal or role that is not there holds and gives nothing.
    let found = dir.principal(row.text(1)?).zip(role);
    let expires_at = row.opt_int(3)?;
    Ok(found.map(|(principal, role)| Grant { principal, role, expires_at }))
}

fn put_class(dir: &mut Directory, row: &Row) -> Result<()> {
    let slot = u32::try_from(row.int(0)?).map_err(|_| DbError::Other("too many access classes".to_owned()))?;
    dir.next_class = dir.next_class.max(slot + 1);
    let (Some(space), Some(kind)) = (dir.spaces.by_id(&id(row, 1)?), dir.kinds.by_id(&id(row, 2)?)) else {
        return Ok(());
    };
    let (view, edit) = (row.text(3)?, row.text(4)?);
    let compiled = |text: &str| (!text.is_empty()).then(|| Arc::new(policy::compile(dir, text, Place::Resource)));
    let written = row.text(5)?;
    // What cannot be read opens no window.
    let windows: Vec<String> = serde_json::from_str(written).unwrap_or_default();
    let mut open: Vec<SpaceIx> = windows.iter().filter_map(|id| dir.space_ref(id)).collect();
    open.sort_unstable();
    let class = Class { space, kind, view: compiled(view), edit: compiled(edit), windows: Arc::default() };
    let class = if open.is_empty() { class } else { Class { windows: Arc::from(open), ..class } };
    let parsed = |text: &str| if text.is_empty() { Ok(None) } else { json(text, "class").map(Some) };
    let info = ClassInfo { view: parsed(view)?, edit: parsed(edit)?, windows };
    let key: ClassKey = (space, kind, view.to_owned(), edit.to_owned(), written.to_owned());
    dir.world.set_class(garth_core::ClassIx(slot), class);
    dir.classes.insert(key, slot);
    dir.class_infos.set(slot as usize, Arc::new(info));
    Ok(())
}

fn put_session(dir: &mut Directory, row: &Row) -> Result<()> {
    let Some(user) = dir.users.by_id(&id(row, 2)?) else { return Ok(()) };
    let session = Session {
        id: id(row, 0)?,
        user,
        created_at: row.int(3)?,
        expires_at: row.int(4)?,
        device: row.text(5)?.to_owned(),
        brought: brought(dir, row)?,
        teams: row.opt_text(8)?.map(|teams| json(teams, "session")).transpose()?,
        used: Arc::new(LastUse::new(row.int(9)?.max(row.int(3)?))),
    };
    let (hash, session) = (row.text(1)?.to_owned(), Arc::new(session));
    dir.session_hashes.insert(session.id, hash.clone());
    if session.brought.is_some() {
        let mut there = dir.bringing.get(&user.0).map(|s| s.to_vec()).unwrap_or_default();
        there.push(Arc::clone(&session));
        dir.bringing.insert(user.0, Arc::new(there));
    }
    dir.sessions.insert(hash, session);
    Ok(())
}

/// What a session brings; a space or a role that is gone brings nothing any more.
fn brought(dir: &Directory, row: &Row) -> Result<Option<Arc<Brought>>> {
    let (system_admin, text) = (row.bool(6)?, row.text(7)?);
    if !system_admin && text == "[]" {
        return Ok(None);
    }
    let stored: Vec<(Uuid, Uuid)> = json(text, "session")?;
    let roles = stored.iter().filter_map(|(space, role)| dir.spaces.by_id(space).zip(dir.roles.by_id(role)));
    let mark = Sha256::new().chain_update([u8::from(system_admin)]).chain_update(text).finalize();
    Ok(Some(Arc::new(Brought::new(system_admin, roles.collect(), mark.into()))))
}

fn forget_session(dir: &mut Directory, id: &Uuid) {
    let Some(session) = dir.session_hashes.remove(id).and_then(|hash| dir.sessions.remove(&hash)) else { return };
    let Some(there) = dir.bringing.get(&session.user.0) else { return };
    let left: Vec<Arc<Session>> = there.iter().filter(|other| other.id != *id).cloned().collect();
    if left.is_empty() {
        dir.bringing.remove(&session.user.0);
    } else {
        dir.bringing.insert(session.user.0, Arc::new(left));
    }
}

/// Quotas, those of a space one after the other.
fn put_quotas(dir: &mut Directory, rows: &[Row]) -> Result<()> {
    for rows in rows.chunk_by(|one, next| one.values().first() == next.values().first()) {
        let Some(space) = rows.first().map(|row| id(row, 0)).transpose()?.and_then(|id| dir.spaces.by_id(&id)) else {
            continue;
        };
        let quotas = rows.iter().map(|row| quota(dir, space, row)).collect::<Result<Vec<Quota>>>()?;
        dir.quotas.insert(space, Arc::new(quotas));
    }
    Ok(())
}

fn quota(dir: &Directory, space: SpaceIx, row: &Row) -> Result<Quota> {
    let roles: Option<Vec<Uuid>> = row.opt_text(4)?.map(|roles| json(roles, "quota")).transpose()?;
    Ok(Quota {
        space,
        meter: row.text(1)?.to_owned(),
        limit: row.opt_int(2)?,
        window: json(row.text(3)?, "quota")?,
        // A role that is gone lets nobody take.
        roles: roles.map(|roles| roles.iter().filter_map(|id| dir.roles.by_id(id)).collect()),
    })
}

fn put_key(dir: &mut Directory, row: &Row) -> Result<()> {
    let Some(space) = dir.spaces.by_id(&id(row, 1)?) else { return Ok(()) };
    let key_id = id(row, 0)?;
    let ix: KeyIx = dir.keys.place(key_id);
    let before = dir.keys.info(ix).cloned();
    if let Some(before) = &before {
        forget_hashes(dir, before);
    }
    let old = row.opt_text(3)?.map(str::to_owned).zip(row.opt_int(4)?);
    let key = KeyInfo {
        id: key_id,
        ix,
        space,
        hash: row.text(2)?.to_owned(),
        old,
        expires_at: row.opt_int(5)?,
        disabled: row.bool(6)?,
        used: match before {
            Some(before) => Arc::clone(&before.used),
            None => Arc::new(LastUse::new(row.opt_int(7)?.unwrap_or_default())),
        },
    };
    for hash in std::iter::once(&key.hash).chain(key.old.as_ref().map(|(hash, _)| hash)) {
        dir.key_hashes.insert(hash.clone(), ix);
    }
    dir.world.set_key(ix, Some(space));
    dir.keys.set(ix, key);
    Ok(())
}

fn forget_hashes(dir: &mut Directory, key: &KeyInfo) {
    dir.key_hashes.remove(&key.hash);
    if let Some((hash, _)) = &key.old {
        dir.key_hashes.remove(hash);
    }
}

fn forget_key(dir: &mut Directory, id: &Uuid) {
    if let Some(ix) = dir.keys.by_id::<KeyIx>(id) {
        dir.world.set_key(ix, None);
        if let Some(key) = dir.keys.forget(id, ix) {
            forget_hashes(dir, &key);
        }
    }
}

fn id(row: &Row, column: usize) -> Result<Uuid> {
    let text = row.text(column)?;
    Uuid::try_parse(text).map_err(|_| DbError::Other(format!("column {column} does not hold an id")))
}

fn json<T: serde::de::DeserializeOwned>(text: &str, what: &str) -> Result<T> {
    serde_json::from_str(text).map_err(|e| DbError::Other(format!("a stored {what} cannot be read: {e}")))
}

fn unhex(text: &str) -> Option<[u8; 32]> {
    let mut bytes = [0; 32];
    if text.len() != 64 || !text.is_ascii() {
        return None;
    }
    for (at, byte) in bytes.iter_mut().enumerate() {
        *byte = u8::from_str_radix(text.get(at * 2..at * 2 + 2)?, 16).ok()?;
    }
    Some(bytes)
}
