//! The last word: what lies in the database is compared with every journal, and with its own audit.

use super::journal::{Client, Thing};
use super::rights::Rights;
use super::server::{Place, block_on, program};
use garth_server::base::db::{Db, Mode, Row};
use serde_json::Value;
use std::collections::{BTreeMap, BTreeSet};

/// One audit entry of a change that was done.
struct Entry {
    action: String,
    target: String,
    space: String,
    before: Value,
    after: Value,
    request: String,
}

/// Everything that must be true once the server has been killed for the last time.
pub fn judge(place: &Place, clients: &[Client], rights: &Rights) {
    block_on(async {
        let db = Db::open(&place.target(), Mode::ReadOnly).await.expect("it opens");
        let stored = stored(&db).await;
        every_answer_is_there(&stored, clients);
        numbers_and_codes_are_unique(&db, clients).await;
        let entries = entries(&db).await;
        every_change_has_its_entry(&stored, clients, &entries);
        grants_have_their_entries(&db, rights, &entries).await;
        the_change_log_has_no_gap(&db).await;
    });
    verify(place);
}

async fn rows(db: &Db, sql: &str) -> Vec<Row> {
    db.scan(sql, Vec::new()).await.expect(sql)
}

fn text(row: &Row, column: usize) -> String {
    row.text(column).expect("a text").to_owned()
}

fn json(row: &Row, column: usize) -> Value {
    serde_json::from_str(row.text(column).expect("a text")).unwrap_or(Value::Null)
}

async fn stored(db: &Db) -> BTreeMap<String, Thing> {
    let sql = "SELECT r.id, r.code, r.name, c.space_id, r.version, r.body FROM resources r
               JOIN access_classes c ON c.id = r.class_id ORDER BY r.id";
    let of = |row: &Row| Thing {
        id: text(row, 0),
        code: text(row, 1),
        name: text(row, 2),
        space: text(row, 3),
        version: row.int(4).expect("a version"),
        body: json(row, 5),
    };
    rows(db, sql).await.iter().map(of).map(|thing| (thing.id.clone(), thing)).collect()
}

/// What is stored is what the journals say, not one more and not one less.
fn every_answer_is_there(stored: &BTreeMap<String, Thing>, clients: &[Client]) {
    let mut known = BTreeSet::new();
    for thing in clients.iter().flat_map(|client| &client.things) {
        assert_eq!(stored.get(&thing.id), Some(thing), "an answered write is lost or altered");
        known.insert(&thing.id);
    }
    let strange: Vec<_> = stored.values().filter(|thing| !known.contains(&thing.id)).collect();
    assert!(strange.is_empty(), "deleted, refused or in part, and there all the same: {strange:#?}");
}

async fn numbers_and_codes_are_unique(db: &Db, clients: &[Client]) {
    let mut codes = BTreeSet::new();
    for thing in clients.iter().flat_map(|client| client.things.iter().chain(&client.gone)) {
        assert!(codes.insert(&thing.code), "the code {} was given twice", thing.code);
    }
    let numbers = rows(db, "SELECT COUNT(*), COUNT(DISTINCT number), COUNT(DISTINCT code) FROM resources").await;
    let count = |column| numbers[0].int(column).expect("a number");
    assert_eq!((count(0), count(0)), (count(1), count(2)));
}

async fn entries(db: &Db) -> Vec<Entry> {
    let sql = "SELECT action, target_id, space_id, before_state, after_state, request_id FROM audit
               WHERE outcome = 'done' ORDER BY at, seq";
    let of = |row: &Row| Entry {
        action: text(row, 0),
        target: text(row, 1),
        space: text(row, 2),
        before: json(row, 3),
        after: json(row, 4),
        request: text(row, 5),
    };
    rows(db, sql).await.iter().map(of).collect()
}

/// Each thing, there or deleted, has one entry for every version it ever had; the last tells how it is. And no entry
/// tells of what is not.
fn every_change_has_its_entry(stored: &BTreeMap<String, Thing>, clients: &[Client], entries: &[Entry]) {
    let mut of_thing: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.action.starts_with("resource.")) {
        of_thing.entry(&entry.target).or_default().push(entry);
    }
    let gone: BTreeMap<&str, &Thing> =
        clients.iter().flat_map(|client| &client.gone).map(|thing| (thing.id.as_str(), thing)).collect();
    for (id, entries) in &of_thing {
        let creates = entries.iter().filter(|entry| entry.action == "resource.create").count();
        let deletes = entries.iter().filter(|entry| entry.action == "resource.delete").count();
        let requests: BTreeSet<&str> = entries.iter().map(|entry| entry.request.as_str()).collect();
        assert_eq!(creates, 1, "{id}");
        let thing = match (stored.get(*id), gone.get(id)) {
            (Some(thing), None) => {
                assert_eq!(deletes, 0, "{thing:?}");
                let now = entries.iter().rev().find(|entry| !entry.after.is_null()).expect("a state");
                assert_eq!(
                    (&now.after["name"], &now.after["code"]),
                    (&thing.name.clone().into(), &thing.code.clone().into())
                );
                assert_eq!((&now.after["space"], &now.after["body"]), (&thing.space.clone().into(), &thing.body));
                assert_eq!(now.space, thing.space);
                thing
            }
            (None, Some(thing)) => {
                assert_eq!(deletes, 1, "{thing:?}");
                thing
            }
            _ => panic!("the audit tells of {id}, which never was"),
        };
        let changes = i64::try_from(requests.len() - deletes).expect("a number");
        assert_eq!(changes, thing.version, "each version has the entry of its change: {thing:?}");
        moves_have_two_ends(entries);
    }
    for id in stored.keys().map(String::as_str).chain(gone.keys().copied()) {
        assert!(of_thing.contains_key(id), "{id} has no audit entry");
    }
}

fn moves_have_two_ends(entries: &[&Entry]) {
    let mut of_request: BTreeMap<&str, Vec<&Entry>> = BTreeMap::new();
    for entry in entries.iter().filter(|entry| entry.action == "resource.move") {
        of_request.entry(&entry.request).or_default().push(entry);
    }
    for ends in of_request.values() {
        assert_eq!(ends.len(), 2, "a move is told where it began and where it ended");
        let (from, to) = if ends[0].after.is_null() { (ends[0], ends[1]) } else { (ends[1], ends[0]) };
        assert!(from.after.is_null() && to.before.is_null() && from.space != to.space);
    }
}

async fn grants_have_their_entries(db: &Db, rights: &Rights, entries: &[Entry]) {
    let stored: BTreeSet<String> = rows(db, "SELECT id FROM grants").await.iter().map(|row| text(row, 0)).collect();
    let of = |action: &str| -> BTreeSet<&str> {
        entries.iter().filter(|entry| entry.action == action).map(|entry| entry.target.as_str()).collect()
    };
    let (made, taken) = (of("grant.create"), of("grant.delete"));
    for grant in &rights.revoked {
        assert!(!stored.contains(grant) && taken.contains(grant.as_str()), "the revoked grant {grant} is there");
    }
    for grant in &made {
        assert_ne!(stored.contains(*grant), taken.contains(grant), "grant {grant} and its audit differ");
    }
    if let Some(grant) = &rights.grant {
        assert!(stored.contains(grant) && made.contains(grant.as_str()));
    }
}

async fn the_change_log_has_no_gap(db: &Db) {
    let log = rows(db, "SELECT COUNT(*), COALESCE(MIN(seq), 1), COALESCE(MAX(seq), 0) FROM changes").await;
    let number = |column| log[0].int(column).expect("a number");
    assert_eq!(number(0), number(2) - number(1) + 1, "the change log has a gap");
}

/// The program's own judgement: schema, references, and the chains of the audit.
fn verify(place: &Place) {
    let mut command = program(&place.data(), &["verify"]);
    if let Some((url, _)) = &place.database {
        command.args(["--database", url]);
    }
    let output = command.output().expect("it runs");
    let said = format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr));
    assert_eq!(output.status.code(), Some(0), "garth verify: {said}");
}
