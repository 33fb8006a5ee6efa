//! Writes the workload as an installation, past the server: straight into SQLite or PostgreSQL.

use crate::workload::{ADA, KINDS, Who, Workload, class};
use futures_util::{SinkExt, pin_mut};
use garth_server::base::ids::{Codes, token_hash};
use std::fmt::Write;
use std::path::Path;
use uuid::Uuid;

/// 2026-01-01 in microseconds; everything was made at or after it.
const BEGIN: i64 = 1_767_225_600_000_000;
const FOREVER: i64 = 4_000_000_000_000_000;

/// Of so many resources one bears a label that attaches it by itself.
const OFFERS: usize = 10;

/// A well-mixed number of two: what makes ids look random.
fn mix(noun: u64, ix: u64) -> u64 {
    let mut x = (noun << 48 ^ ix).wrapping_mul(0x9E37_79B9_7F4A_7C15);
    x = (x ^ x >> 30).wrapping_mul(0xBF58_476D_1CE4_E5B9);
    (x ^ x >> 27).wrapping_mul(0x94D0_49BB_1331_11EB) ^ x >> 31
}

/// The id of the `ix`th of a noun; later ones sort later, as those of a server do.
pub fn id(noun: u8, ix: u32) -> String {
    let time = (BEGIN / 1_000 + i64::from(ix)) as u128;
    let random = u128::from(mix(u64::from(noun), u64::from(ix)));
    Uuid::from_u128(time << 80 | 7 << 76 | (random & 0xfff) << 64 | 2 << 62 | random >> 2).to_string()
}

pub const USER: u8 = 1;
pub const GROUP: u8 = 2;
pub const SPACE: u8 = 3;
const KIND: u8 = 4;
pub const RESOURCE: u8 = 5;
const GRANT: u8 = 6;
const SESSION: u8 = 7;

/// The token that a user's session answers to.
pub fn token(user: u32) -> String {
    format!("gs_bench{user:020}")
}

fn principal(who: Who) -> String {
    match who {
        Who::User(ix) => format!("user:{}", id(USER, ix)),
        Who::Group(ix) => format!("group:{}", id(GROUP, ix)),
    }
}

/// A table, its columns, and its rows in PostgreSQL's text format: tabs between values, `\N` for nothing.
pub struct Rows {
    pub table: &'static str,
    pub columns: &'static str,
    pub next: Box<dyn FnMut(&mut String) -> bool>,
}

fn rows(
    table: &'static str,
    columns: &'static str,
    count: usize,
    mut one: impl FnMut(usize, &mut String) + 'static,
) -> Rows {
    let mut at = 0;
    let next = move |line: &mut String| {
        if at == count {
            return false;
        }
        one(at, line);
        at += 1;
        true
    };
    Rows { table, columns, next: Box::new(next) }
}

/// Everything but what every installation has. `sessions` are users who are signed in.
pub fn tables(load: Workload, sessions: Vec<u32>, code_key: &[u8; 32]) -> Vec<Rows> {
    let size = load.size;
    let codes = Codes::new(code_key).expect("the key of codes");
    let mut members: Vec<(u32, u32)> = Vec::new();
    for (user, groups) in load.groups_of.iter().enumerate() {
        members.extend(groups.iter().map(|g| (*g, user as u32)));
    }
    let grants = load.grants.iter().enumerate();
    let grants: Vec<(u32, Who, u8)> =
        grants.flat_map(|(space, list)| list.iter().map(move |(who, role)| (space as u32, *who, *role))).collect();
    let (spaces, resources) = (load.spaces, load.resources);
    let (of, offering) = (resources.clone(), resources.clone());
    vec![
        rows(
            "users",
            "id, username, handle, name, email, password, system_admin, disabled, deleted_at, default_space, created_at",
            size.users,
            |ix, line| {
                let (admin, made) = (u8::from(ix as u32 == ADA), BEGIN + ix as i64);
                write!(
                    line,
                    "{}\tuser{ix}\tuser{ix}\tUser {ix}\t\\N\t\\N\t{admin}\t0\t\\N\t\\N\t{made}",
                    id(USER, ix as u32)
                )
                .unwrap();
            },
        ),
        rows("groups", "id, name, created_at", size.groups, |ix, line| {
            write!(line, "{}\tgroup{ix}\t{}", id(GROUP, ix as u32), BEGIN + ix as i64).unwrap();
        }),
        rows("group_members", "group_id, member", members.len(), move |ix, line| {
            let (group, user) = members[ix];
            write!(line, "{}\tuser:{}", id(GROUP, group), id(USER, user)).unwrap();
        }),
        rows("kinds", "id, name, prefix, definition, created_at", KINDS, |ix, line| {
            let prefix = char::from(b'A' + ix as u8);
            write!(
                line,
                "{}\tkind{ix}\t{prefix}\t{{\"name\":\"kind{ix}\",\"prefix\":\"{prefix}\",\"shareable\":true}}\t{BEGIN}",
                id(KIND, ix as u32)
            )
            .unwrap();
        }),
        // The default space is there.
        rows(
            "spaces",
            "id, name, description, parent_id, view_policy, edit_policy, inherits, sealed, archived, labels, default_mark, secret_key, version, created_at, updated_at",
            size.spaces - 1,
            move |ix, line| {
                let ix = ix + 1;
                let parent = spaces[ix].parent.map_or("\\N".to_owned(), |p| id(SPACE, p));
                let (inherits, made) = (u8::from(spaces[ix].inherits), BEGIN + ix as i64);
                write!(line, "{}\tSpace {ix}\t\t{parent}\t\"members\"\t{{\"permission\":\"space:admin\"}}\t{inherits}\t0\t0\t[]\t\\N\t\t1\t{made}\t{made}", id(SPACE, ix as u32)).unwrap();
            },
        ),
        rows(
            "grants",
            "id, space_id, principal, role_id, expires_at, source, granted_by, created_at",
            grants.len(),
            move |ix, line| {
                let (space, who, role) = grants[ix];
                let role = Uuid::from_u128(u128::from(role) + 1);
                write!(
                    line,
                    "{}\t{}\t{}\t{role}\t\\N\tdirect\tsystem\t{BEGIN}",
                    id(GRANT, ix as u32),
                    id(SPACE, space),
                    principal(who)
                )
                .unwrap();
            },
        ),
        rows(
            "access_classes",
            "id, space_id, kind_id, view_policy, edit_policy",
            (size.spaces - 1) * KINDS,
            |ix, line| {
                let (space, kind) = ((ix / KINDS) as u32 + 1, ix % KINDS);
                write!(line, "{}\t{}\t{}\t\t", class(space, kind), id(SPACE, space), id(KIND, kind as u32)).unwrap();
            },
        ),
        rows("sessions", "id, token_hash, user_id, created_at, expires_at, device", sessions.len(), move |ix, line| {
            let user = sessions[ix];
            write!(
                line,
                "{}\t{}\t{}\t{BEGIN}\t{FOREVER}\tbench",
                id(SESSION, user),
                token_hash(&token(user)),
                id(USER, user)
            )
            .unwrap();
        }),
        rows(
            "resources",
            "id, number, code, class_id, name, name_key, body, secrets, author, owner, archived, version, created_at, updated_at",
            size.resources,
            move |ix, line| {
                let (class, made) = (resources[ix], BEGIN + ix as i64);
                let changed = made + (mix(9, ix as u64) % 10_000_000_000) as i64;
                let prefix = char::from(b'A' + ((class - 1) % KINDS as u32) as u8).to_string();
                let code = codes.code(&prefix, ix as i64 + 1).expect("a code");
                let author = id(USER, (mix(8, ix as u64) % size.users as u64) as u32);
                write!(line, "{}\t{}\t{code}\t{class}\tResource {ix}\tresource {ix}\t{{\"text\":\"some words\"}}\t{{}}\tuser:{author}\t\t0\t1\t{made}\t{changed}", id(RESOURCE, ix as u32), ix + 1).unwrap();
            },
        ),
        // One in ten attaches itself to everything within reach.
        rows("resource_labels", "resource_id, label", size.resources / OFFERS, |at, line| {
            write!(line, "{}\tautoattach:*", id(RESOURCE, (at * OFFERS) as u32)).unwrap();
        }),
        rows("resource_offers", "class_id, label, resource_id", size.resources / OFFERS, move |at, line| {
            write!(line, "{}\t*\t{}", offering[at * OFFERS], id(RESOURCE, (at * OFFERS) as u32)).unwrap();
        }),
        // What the server cuts "Resource 7" into.
        rows("resource_words", "resource_number, cut, head, body", size.resources, |ix, line| {
            write!(line, "{}\t0\t resource {ix} |\t", ix + 1).unwrap();
        }),
        rows("resource_terms", "resource_number, term, class_id", 2 * size.resources, move |at, line| {
            let (ix, name) = (at / 2, at % 2 == 0);
            let term = if name { "resource".to_owned() } else { ix.to_string() };
            write!(line, "{}\t{term}\t{}", ix + 1, of[ix]).unwrap();
        }),
    ]
}

/// The secondary indexes of the resources and their words are made after the rows: that takes a third of the time.
pub fn sqlite(file: &Path, tables: Vec<Rows>) {
    let db = rusqlite::Connection::open(file).expect("the database");
    db.execute_batch("PRAGMA journal_mode = DELETE; PRAGMA synchronous = OFF; PRAGMA cache_size = -500000; PRAGMA foreign_keys = OFF").unwrap();
    let indexes: Vec<(String, String)> = {
        let mut list = db.prepare("SELECT name, sql FROM sqlite_master WHERE type = 'index' AND tbl_name IN ('resources', 'resource_terms') AND sql IS NOT NULL").unwrap();
        let found = list.query_map([], |row| Ok((row.get(0)?, row.get(1)?))).unwrap();
        found.collect::<Result<_, _>>().unwrap()
    };
    db.execute_batch("BEGIN").unwrap();
    for (name, _) in &indexes {
        db.execute_batch(&format!("DROP INDEX {name}")).unwrap();
    }
    let mut line = String::new();
    for Rows { table, columns, mut next } in tables {
        let marks = vec!["?"; columns.split(',').count()].join(", ");
        let mut insert = db.prepare(&format!("INSERT INTO {table} ({columns}) VALUES ({marks})")).unwrap();
        while next(&mut line) {
            let values = line.split('\t').map(|value| (value != "\\N").then_some(value));
            insert.execute(rusqlite::params_from_iter(values)).unwrap_or_else(|e| panic!("{table}: {e}: {line}"));
            line.clear();
        }
    }
    indexes.iter().for_each(|(_, sql)| db.execute_batch(sql).unwrap());
    db.execute_batch("COMMIT; PRAGMA journal_mode = WAL; PRAGMA wal_checkpoint(TRUNCATE)").unwrap();
}

pub async fn postgres(db: &tokio_postgres::Client, tables: Vec<Rows>) {
    let sql = "SELECT indexname, indexdef FROM pg_indexes WHERE tablename IN ('resources', 'resource_terms') \
               AND schemaname = current_schema() AND indexname LIKE 'resource%_by_%'";
    let indexes: Vec<(String, String)> =
        db.query(sql, &[]).await.unwrap().iter().map(|row| (row.get(0), row.get(1))).collect();
    for (name, _) in &indexes {
        db.batch_execute(&format!("DROP INDEX {name}")).await.unwrap();
    }
    for rows in tables {
        copy(db, rows).await;
    }
    for (_, sql) in &indexes {
        db.batch_execute(sql).await.unwrap();
    }
    db.batch_execute("ANALYZE").await.unwrap();
}

pub async fn copy(db: &tokio_postgres::Client, Rows { table, columns, mut next }: Rows) {
    let sink = db.copy_in::<_, bytes::Bytes>(&format!("COPY {table} ({columns}) FROM STDIN")).await.unwrap();
    pin_mut!(sink);
    let mut part = String::new();
    loop {
        let more = next(&mut part);
        part.push_str(if more { "\n" } else { "" });
        if part.len() > 1 << 20 || !more {
            sink.send(std::mem::take(&mut part).into()).await.unwrap();
        }
        if !more {
            break;
        }
    }
    sink.finish().await.unwrap_or_else(|e| panic!("{table}: {e}"));
}
