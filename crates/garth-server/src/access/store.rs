//! SQL of enforcement: the audit and its chains, the change-log row, kept answers, and the interning of classes.

pub(super) mod calls;
pub(super) mod counts;
pub(super) mod links;

use crate::access::once::{Kept, Once};
use crate::access::{About, Needed, Permit};
use crate::base::db::{Db, DbError, Row, Tx, Value, params};
use crate::directory::{ChainEnd, Change, ClassKey};
use garth_core::{ClassIx, Micros};
use hashbrown::HashMap;
use uuid::Uuid;

/// One change or refusal, as it is stored.
#[derive(Clone, Debug)]
pub struct AuditEntry {
    /// A random id.
    pub id: String,
    /// When.
    pub at: Micros,
    /// The space whose administrators see it; empty for the system's.
    pub space: String,
    /// Who did it, as a principal, or `system` or `anonymous`.
    pub actor: String,
    /// By what credential.
    pub credential: String,
    /// What, as `space.create`.
    pub action: String,
    /// The type of what it was done to.
    pub target_type: String,
    /// Its id.
    pub target_id: String,
    /// `done` or `refused`.
    pub outcome: String,
    /// The state before, as JSON; empty if there was none.
    pub before: String,
    /// The state after, as JSON; empty if there is none.
    pub after: String,
    /// The request that did it.
    pub request_id: String,
}

const AUDIT: &str = "SELECT seq, mac, id, at, space_id, actor, credential, action, target_type, target_id, outcome, \
                     before_state, after_state, request_id FROM audit";

fn audit_entry(row: &Row) -> Result<(i64, String, AuditEntry), DbError> {
    let text = |column: usize| row.text(column).map(str::to_owned);
    let entry = AuditEntry {
        id: text(2)?,
        at: row.int(3)?,
        space: text(4)?,
        actor: text(5)?,
        credential: text(6)?,
        action: text(7)?,
        target_type: text(8)?,
        target_id: text(9)?,
        outcome: text(10)?,
        before: text(11)?,
        after: text(12)?,
        request_id: text(13)?,
    };
    Ok((row.int(0)?, text(1)?, entry))
}

pub(super) async fn insert_audit(tx: &mut Tx, e: &AuditEntry, seq: i64, mac: &str) -> Result<(), DbError> {
    let sql = format!("{INSERT_AUDIT} ($1, $2, $3, $4, $5, $6, $7, $8, $9, $10, $11, $12, $13, $14)");
    tx.execute(&sql, &audit_values(e, seq, mac)).await.map(drop)
}

/// The same for many, each with its number and what binds it.
pub(super) async fn insert_audits(
    tx: &mut Tx,
    entries: &[AuditEntry],
    places: &[(i64, String)],
) -> Result<(), DbError> {
    let rows = entries.iter().zip(places).map(|(e, (seq, mac))| audit_values(e, *seq, mac).to_vec());
    tx.insert_all(INSERT_AUDIT, rows.collect()).await
}

const INSERT_AUDIT: &str = "INSERT INTO audit (id, at, space_id, actor, credential, action, target_type, target_id, \
                            outcome, before_state, after_state, request_id, seq, mac) VALUES";

fn audit_values(e: &AuditEntry, seq: i64, mac: &str) -> [Value; 14] {
    params![
        &e.id,
        e.at,
        &e.space,
        &e.actor,
        &e.credential,
        &e.action,
        &e.target_type,
        &e.target_id,
        &e.outcome,
        &e.before,
        &e.after,
        &e.request_id,
        seq,
        mac
    ]
}

/// Where a chain begins and ends, if it has an entry, and the HMAC that is kept beside it.
pub(super) async fn chain(tx: &mut Tx, space: &str) -> Result<Option<(ChainEnd, String)>, DbError> {
    let row = tx.query_opt(CHAIN, &params![space]).await?;
    row.as_ref().map(end_of).transpose()
}

/// The same, for reading.
pub(super) async fn chain_end(db: &Db, space: &str) -> Result<Option<(ChainEnd, String)>, DbError> {
    let row = db.query_opt(CHAIN, &params![space]).await?;
    row.as_ref().map(end_of).transpose()
}

const CHAIN: &str = "SELECT first_seq, first_mac, last_seq, last_mac, mac FROM audit_chains WHERE space_id = $1";

fn end_of(row: &Row) -> Result<(ChainEnd, String), DbError> {
    let end = ChainEnd {
        first_seq: row.int(0)?,
        first_mac: row.text(1)?.to_owned(),
        last_seq: row.int(2)?,
        last_mac: row.text(3)?.to_owned(),
        whole: true,
    };
    Ok((end, row.text(4)?.to_owned()))
}

pub(super) async fn put_chain(tx: &mut Tx, space: &str, end: &ChainEnd, mac: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO audit_chains (space_id, first_seq, first_mac, last_seq, last_mac, mac) \
               VALUES ($1, $2, $3, $4, $5, $6) ON CONFLICT (space_id) DO UPDATE SET first_seq = excluded.first_seq, \
               first_mac = excluded.first_mac, last_seq = excluded.last_seq, last_mac = excluded.last_mac, \
               mac = excluded.mac";
    let values = params![space, end.first_seq, &end.first_mac, end.last_seq, &end.last_mac, mac];
    tx.execute(sql, &values).await.map(drop)
}

/// Chains in the order of their spaces, behind that one: each with the HMAC that is kept beside it.
pub(super) async fn chains_after(
    tx: &mut Tx,
    after: Option<&str>,
    limit: usize,
) -> Result<Vec<(String, ChainEnd, String)>, DbError> {
    // The system's has the empty name, which is behind no other.
    let (than, after) = if after.is_some() { (">", after) } else { (">=", Some("")) };
    let sql = format!(
        "SELECT first_seq, first_mac, last_seq, last_mac, mac, space_id FROM audit_chains WHERE space_id {than} $1 \
         ORDER BY space_id LIMIT $2"
    );
    let rows = tx.query(&sql, &params![after, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    let chain = |row: &Row| end_of(row).and_then(|(end, mac)| Ok((row.text(5)?.to_owned(), end, mac)));
    rows.iter().map(chain).collect()
}

/// The first entries of a chain, each with its number and what binds it.
pub(super) async fn first_entries(
    tx: &mut Tx,
    space: &str,
    from: i64,
    limit: usize,
) -> Result<Vec<(i64, String, AuditEntry)>, DbError> {
    let sql = format!("{AUDIT} WHERE space_id = $1 AND seq >= $2 ORDER BY seq LIMIT $3");
    let rows = tx.query(&sql, &params![space, from, i64::try_from(limit).unwrap_or(i64::MAX)]).await?;
    rows.iter().map(audit_entry).collect()
}

pub(super) async fn delete_to(tx: &mut Tx, space: &str, seq: i64) -> Result<u64, DbError> {
    tx.execute("DELETE FROM audit WHERE space_id = $1 AND seq <= $2", &params![space, seq]).await
}

/// The spaces that have entries or the end of a chain.
pub(super) async fn chained(db: &Db) -> Result<Vec<String>, DbError> {
    let sql = "SELECT space_id FROM audit_chains UNION SELECT space_id FROM audit ORDER BY space_id";
    let rows = db.scan(sql, Vec::new()).await?;
    rows.iter().map(|row| row.text(0).map(str::to_owned)).collect()
}

/// A part of a chain: each entry with its number and what binds it.
pub(super) async fn chain_part(
    db: &Db,
    space: &str,
    after: i64,
    limit: usize,
) -> Result<Vec<(i64, String, AuditEntry)>, DbError> {
    let sql = format!("{AUDIT} WHERE space_id = $1 AND seq > $2 ORDER BY seq LIMIT $3");
    let rows = db.scan(&sql, params![space, after, i64::try_from(limit).unwrap_or(i64::MAX)].to_vec()).await?;
    rows.iter().map(audit_entry).collect()
}

/// The lowest and the highest number in a chain.
pub(super) async fn extent(db: &Db, space: &str) -> Result<(Option<i64>, Option<i64>), DbError> {
    let sql = "SELECT MIN(seq), MAX(seq) FROM audit WHERE space_id = $1";
    let row = db.query_opt(sql, &params![space]).await?;
    row.map_or(Ok((None, None)), |row| Ok((row.opt_int(0)?, row.opt_int(1)?)))
}

/// The request of that scope, if it was carried out since.
pub(super) async fn kept(db: &Db, scope: &str, since: Micros) -> Result<Option<Kept>, DbError> {
    let sql = "SELECT request, space_id, system_admin, answer FROM idempotency_keys \
               WHERE scope = $1 AND created_at > $2";
    let row = db.query_opt(sql, &params![scope, since]).await?;
    let kept = |row: Row| -> Result<Kept, DbError> {
        let text = |column: usize| row.text(column).map(str::to_owned);
        Ok(Kept { request: text(0)?, spaces: text(1)?, system_admin: row.bool(2)?, answer: text(3)? })
    };
    row.map(kept).transpose()
}

/// Keeps the key of a request that changes something, and forgets those of before that time.
pub(super) async fn keep_once(
    tx: &mut Tx,
    once: &Once,
    spaces: &str,
    system_admin: bool,
    now: Micros,
    since: Micros,
) -> Result<(), DbError> {
    forget_kept(tx, since).await?;
    let sql = "INSERT INTO idempotency_keys (scope, request, space_id, system_admin, answer, created_at) \
               VALUES ($1, $2, $3, $4, '', $5) ON CONFLICT (scope) DO NOTHING";
    tx.execute(sql, &params![&once.scope, &once.request, spaces, system_admin, now]).await.map(drop)
}

/// Forgets what was kept before that time.
pub(super) async fn forget_kept(tx: &mut Tx, since: Micros) -> Result<(), DbError> {
    tx.execute("DELETE FROM idempotency_keys WHERE created_at <= $1", &params![since]).await.map(drop)
}

pub(super) async fn keep_answer(tx: &mut Tx, scope: &str, answer: &str) -> Result<(), DbError> {
    tx.execute("UPDATE idempotency_keys SET answer = $2 WHERE scope = $1", &params![scope, answer]).await.map(drop)
}

pub(super) async fn insert_change(tx: &mut Tx, seq: i64, change: &Change, at: Micros) -> Result<(), DbError> {
    let (noun, id) = change.parts();
    let sql = "INSERT INTO changes (seq, noun, id, at) VALUES ($1, $2, $3, $4)";
    tx.execute(sql, &params![seq, noun, id, at]).await.map(drop)
}

/// Keeps when a key was used last, if it is still there.
pub(super) async fn keep_use(tx: &mut Tx, key: &str, at: Micros) -> Result<(), DbError> {
    let sql = "INSERT INTO api_key_last_used (key_id, at) SELECT id, $2 FROM api_keys WHERE id = $1 \
               ON CONFLICT (key_id) DO UPDATE SET at = excluded.at";
    tx.execute(sql, &params![key, at]).await.map(drop)
}

/// Keeps when a session was used last, if it is still there.
pub(super) async fn keep_session_use(tx: &mut Tx, session: &str, at: Micros) -> Result<(), DbError> {
    let sql = "UPDATE sessions SET used_at = $2 WHERE id = $1 AND used_at < $2";
    tx.execute(sql, &params![session, at]).await.map(drop)
}

/// Keeps the number that the next resource gets, for when those with the highest are gone.
pub(super) async fn keep_count(tx: &mut Tx, next: i64) -> Result<(), DbError> {
    let sql = "INSERT INTO installation (name, value) VALUES ('next_number', $1) \
               ON CONFLICT (name) DO UPDATE SET value = excluded.value";
    tx.execute(sql, &params![next.to_string()]).await.map(drop)
}

pub(super) async fn insert_class(
    tx: &mut Tx,
    id: u32,
    space: &str,
    kind: &str,
    (_, _, view, edit, windows): &ClassKey,
) -> Result<(), DbError> {
    let sql = "INSERT INTO access_classes (id, space_id, kind_id, view_policy, edit_policy, windows) \
               VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, &params![id, space, kind, view, edit, windows]).await.map(drop)
}

/// Puts a kind of Garth's own there.
pub(super) async fn insert_kind(
    tx: &mut Tx,
    _: &Permit,
    id: Uuid,
    (name, prefix): (&str, &str),
    definition: &str,
    cut: i64,
    now: Micros,
) -> Result<(), DbError> {
    let sql =
        "INSERT INTO kinds (id, name, prefix, definition, search_cut, created_at) VALUES ($1, $2, $3, $4, $5, $6)";
    tx.execute(sql, &params![id.to_string(), name, prefix, definition, cut, now]).await.map(drop)
}

/// Defines it anew.
pub(super) async fn redefine_kind(tx: &mut Tx, _: &Permit, id: Uuid, definition: &str) -> Result<(), DbError> {
    tx.execute("UPDATE kinds SET definition = $2 WHERE id = $1", &params![id.to_string(), definition]).await.map(drop)
}

/// What tells the installation's key from any other, if one was ever used.
pub(super) async fn key_proof(db: &Db) -> Result<Option<String>, DbError> {
    let row = db.query_opt("SELECT value FROM installation WHERE name = 'key_proof'", &[]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The same, in a transaction, with the keys that were taken over from earlier ones.
pub(super) async fn key_in(tx: &mut Tx) -> Result<(Option<String>, Option<String>), DbError> {
    let rows = tx.query("SELECT name, value FROM installation WHERE name IN ('key_proof', 'key_ring')", &[]).await?;
    let (mut proof, mut ring) = (None, None);
    for row in rows {
        let kept = if row.text(0)? == "key_proof" { &mut proof } else { &mut ring };
        *kept = Some(row.text(1)?.to_owned());
    }
    Ok((proof, ring))
}

/// Keeps what tells another key of the installation, and the keys it takes over, sealed under it.
pub(super) async fn exchange_key(tx: &mut Tx, proof: &str, ring: &str) -> Result<(), DbError> {
    for (name, value) in [("key_proof", proof), ("key_ring", ring)] {
        let sql = "INSERT INTO installation (name, value) VALUES ($1, $2) \
                   ON CONFLICT (name) DO UPDATE SET value = excluded.value";
        tx.execute(sql, &params![name, value]).await?;
    }
    Ok(())
}

pub(super) async fn keep_key_proof(tx: &mut Tx, proof: &str) -> Result<(), DbError> {
    let sql = "INSERT INTO installation (name, value) VALUES ('key_proof', $1)";
    tx.execute(sql, &params![proof]).await.map(drop)
}

/// The ids of enabled users behind that one, in order.
pub(super) async fn users_after(db: &Db, after: &str, limit: usize) -> Result<Vec<String>, DbError> {
    let sql = "SELECT u.id FROM users u WHERE u.id > $1 AND u.disabled = 0 AND u.deleted_at IS NULL \
               ORDER BY u.id LIMIT $2";
    let limit = i64::try_from(limit).unwrap_or(i64::MAX);
    let rows = db.query(sql, &params![after, limit]).await?;
    rows.iter().map(|row| Ok(row.text(0)?.to_owned())).collect()
}

/// Everything that decisions ask of the resources of these ids and codes (a JSON list of both), as of one moment.
fn actors_sql() -> String {
    let wanted = "r.id IN (SELECT i.id FROM resources i WHERE i.id IN LIST($1) \
                  UNION SELECT c.id FROM resources c WHERE c.code IN LIST($1))";
    format!(
        "SELECT r.id, r.code, r.class_id, r.author, r.owner, '', 0 AS part FROM resources r WHERE {wanted} \
         UNION ALL SELECT r.id, '', -1, '', '', s.subscriber, 1 FROM resources r \
         JOIN resource_subscribers s ON s.resource_id = r.id WHERE {wanted} \
         UNION ALL SELECT r.id, q.required_id, COALESCE(t.class_id, -1), COALESCE(t.author, ''), \
         COALESCE(t.owner, ''), COALESCE(s.subscriber, ''), 2 FROM resources r \
         JOIN resource_requirements q ON q.resource_id = r.id LEFT JOIN resources t ON t.id = q.required_id \
         LEFT JOIN resource_subscribers s ON s.resource_id = t.id WHERE {wanted} ORDER BY part"
    )
}

/// Each with its code.
fn read_actors(rows: &[Row]) -> Result<Vec<(String, About)>, DbError> {
    let class = |row: &Row| row.int(2).map(|class| u32::try_from(class).ok().map(ClassIx));
    let mut found: Vec<(String, About)> = Vec::new();
    let mut places: HashMap<String, usize> = HashMap::new();
    for row in rows {
        let id = row.text(0)?.to_owned();
        let (author, owner) = (row.text(3)?.to_owned(), row.text(4)?.to_owned());
        if row.int(6)? == 0 {
            let class = class(row)?.ok_or_else(|| DbError::Other("a class out of range".to_owned()))?;
            places.insert(id.clone(), found.len());
            let about = About::Resource { id, class, author, owner, subscribers: Vec::new(), needed: Vec::new() };
            found.push((row.text(1)?.to_owned(), about));
            continue;
        }
        let place = places.get(&id).and_then(|at| found.get_mut(*at));
        let Some((_, About::Resource { subscribers, needed, .. })) = place else { continue };
        let follower = row.text(5)?.to_owned();
        if row.int(6)? == 1 {
            subscribers.push(follower);
            continue;
        }
        let required = row.text(1)?;
        if !needed.iter().any(|one| one.id == required) {
            let class = class(row)?;
            needed.push(Needed { id: required.to_owned(), class, author, owner, subscribers: Vec::new() });
        }
        if let Some(one) = needed.iter_mut().find(|one| one.id == required && !follower.is_empty()) {
            one.subscribers.push(follower);
        }
    }
    Ok(found)
}

pub(super) async fn actors(db: &Db, names: &str) -> Result<Vec<(String, About)>, DbError> {
    read_actors(&db.query(&actors_sql(), &params![names]).await?)
}

/// The same in an open transaction.
pub(super) async fn actors_in(tx: &mut Tx, names: &str) -> Result<Vec<(String, About)>, DbError> {
    read_actors(&tx.query(&actors_sql(), &params![names]).await?)
}
