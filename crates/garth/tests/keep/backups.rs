//! A backup holds everything as of one moment; a restore puts it back whole or not at all, and nothing that was
//! revoked comes back to life with it.

use crate::support::{Engine, Office, PASSWORD, Place, SECRET, Server, complaint, garth, stories, text, text_of};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;
use std::path::Path;
use std::sync::atomic::{AtomicBool, Ordering};

stories! {
    an_installation_comes_back_on_the_same_engine,
    an_installation_moves_to_the_other_engine,
    a_backup_beside_a_busy_server_is_of_one_moment,
    n37_what_was_revoked_stays_revoked_after_a_restore,
    a_restore_takes_an_empty_place_only,
    n74_no_secret_is_in_a_backup_or_in_what_is_said_of_it,
    a_sealed_backup_tells_nothing_and_needs_its_passphrase_alone,
    a_dry_run_says_what_would_come_back_and_writes_nothing,
    the_server_makes_backups_by_itself,
}

fn other(engine: Engine) -> Engine {
    match engine {
        Engine::Sqlite if crate::support::postgres().is_some() => Engine::Postgres,
        _ => Engine::Sqlite,
    }
}

fn key_of(place: &Place) -> String {
    text_of(&place.data().join("master-key"))
}

fn an_installation_comes_back_on_the_same_engine(engine: Engine) {
    comes_back(engine, engine);
}

fn an_installation_moves_to_the_other_engine(engine: Engine) {
    comes_back(engine, other(engine));
}

fn comes_back(from: Engine, to: Engine) {
    let old = Place::new(from);
    let server = Server::start(&old);
    let office = Office::open(&old, &server);
    let file = text_of(&old.file("garth.backup"));
    let made = old.done(&["backup", &file]);
    assert_eq!(made["carries_key"], false);
    assert_eq!(made["rows"]["resources"], 1);
    let mode = std::fs::metadata(&file).expect("the backup").permissions().mode();
    assert_eq!(mode & 0o777, 0o600, "it is its owner's alone");
    let beside: Vec<_> = std::fs::read_dir(&old.folder).expect("a folder").filter_map(Result::ok).collect();
    assert!(!beside.iter().any(|entry| text_of(&entry.path()).contains("partial")), "{beside:?}");
    server.stop();

    let new = Place::new(to);
    let restored = new.done(&["restore", &file, "--master-key", &key_of(&old)]);
    assert_eq!(restored["rows"], made["rows"]);
    assert!(!new.data().join("restoring").exists(), "nothing is left over");
    let server = Server::start(&new);
    let lin = server.log_in("lin");
    let door = server.done(&lin, &format!("GET /api/v1/resources/{}", office.door), Value::Null);
    assert_eq!(door["name"], "Back door");
    assert_eq!(door["body"]["note"], "mind the \\ and\nthe \"step\" – ☃");
    let change = json!({"body": {"code": {"secret": true}, "note": "still opens"}});
    server.done(&lin, &format!("PATCH /api/v1/resources/{}", office.door), change);
    let ada = server.log_in("ada");
    let log = server.done(&ada, "GET /api/v1/audit", Value::Null);
    assert_eq!(
        log["items"].as_array().expect("entries").iter().filter(|e| e["action"] == "installation.restore").count(),
        1
    );
    // Codes go on where they were.
    let body = json!({"kind": "door", "name": "Front door", "space": office.atlas});
    let next = server.done(&lin, "POST /api/v1/resources", body);
    assert_ne!(next["code"], door["code"]);
    server.stop();
}

fn a_backup_beside_a_busy_server_is_of_one_moment(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let stop = AtomicBool::new(false);
    let files: Vec<String> = (0..3).map(|at| text_of(&place.file(&format!("{at}.backup")))).collect();
    std::thread::scope(|threads| {
        for thread in 0..2 {
            let (server, office, stop) = (&server, &office, &stop);
            threads.spawn(move || {
                let mut at = 0;
                while !stop.load(Ordering::Relaxed) {
                    // A batch is one write: a backup has all of it or none.
                    let names = [format!("a {thread} {at}"), format!("b {thread} {at}")];
                    let pair: Vec<Value> =
                        names.iter().map(|name| json!({"kind": "door", "name": name, "space": office.atlas})).collect();
                    server.done(&office.lin, "POST /api/v1/resources/batch", json!({"resources": pair}));
                    at += 1;
                }
            });
        }
        let made: Vec<Value> = files.iter().map(|file| place.done(&["backup", file])).collect();
        stop.store(true, Ordering::Relaxed);
        assert!(made[0]["rows"]["resources"].as_u64() < made[2]["rows"]["resources"].as_u64(), "{made:?}");
    });
    server.kill();
    for file in &files {
        let new = Place::new(Engine::Sqlite);
        new.done(&["restore", file, "--master-key", &key_of(&place)]);
        let halves = "SELECT count(*) FROM resources r WHERE r.name LIKE 'a %' AND NOT EXISTS \
                      (SELECT 1 FROM resources o WHERE o.name = replace(r.name, 'a ', 'b '))";
        assert_eq!(new.ask(halves), ["0"]);
    }
}

fn n37_what_was_revoked_stays_revoked_after_a_restore(engine: Engine) {
    let old = Place::new(engine);
    let server = Server::start(&old);
    let office = Office::open(&old, &server);
    let keys = format!("/api/v1/spaces/{}/api-keys", office.atlas);
    let key = |name: &str| server.done(&office.ada, &format!("POST {keys}"), json!({"name": name, "role": "reader"}));
    let (kept, revoked) = (key("kept"), key("revoked"));
    server.done(&office.ada, "POST /api/v1/observer-keys", json!({"name": "Watcher"}));
    let file = text_of(&old.file("garth.backup"));
    old.done(&["backup", &file]);
    // Revoked after the backup was made: it does not know.
    server.done(&office.lin, "POST /api/v1/logout", Value::Null);
    server.done(&office.ada, &format!("DELETE {keys}/{}", text(&revoked, "id")), Value::Null);
    server.stop();
    let reads = |server: &Server, key: &Value| {
        server.ask(&text(key, "secret"), &format!("GET /api/v1/spaces/{}", office.atlas), &Value::Null).0
    };

    let new = Place::new(engine);
    let restored = new.done(&["restore", &file, "--master-key", &key_of(&old)]);
    assert!(restored["sessions_ended"].as_u64() >= Some(2), "{restored}");
    assert_eq!((&restored["api_keys_disabled"], &restored["observer_keys_removed"]), (&json!(2), &json!(1)));
    assert_eq!(new.ask("SELECT count(*) FROM observer_keys"), ["0"]);
    new.done(&["verify"]);
    let server = Server::start(&new);
    for token in [&office.ada, &office.lin] {
        assert!(!server.knows(token), "no session survives a restore");
    }
    let signup = json!({"token": office.signup, "password": PASSWORD});
    assert_eq!(server.ask("", "POST /api/v1/signup", &signup).0, 404, "no link survives a restore");
    assert_eq!((reads(&server, &kept), reads(&server, &revoked)), (401, 401), "no key works as it is");
    let ada = server.log_in("ada");
    let rotated = server.done(&ada, &format!("POST {keys}/{}/rotate", text(&kept, "id")), json!({}));
    assert_eq!(reads(&server, &rotated), 200);
    let log = server.done(&ada, &format!("GET /api/v1/spaces/{}/audit", office.atlas), Value::Null);
    let entry = log["items"].as_array().expect("entries").iter().find(|e| e["action"] == "installation.restore");
    assert_eq!(entry.expect("on record in the space")["after"]["api_keys_disabled"], 2);
    server.stop();

    // Who says so gets them back, the revoked one too: that is what it says.
    let all = Place::new(engine);
    let restored = all.done(&["restore", &file, "--master-key", &key_of(&old), "--keep-keys"]);
    assert_eq!((&restored["api_keys_disabled"], &restored["api_keys_kept"]), (&json!(0), &json!(true)));
    assert_eq!(restored["observer_keys_removed"], 0);
    let server = Server::start(&all);
    assert_eq!((reads(&server, &kept), reads(&server, &revoked)), (200, 200));
    assert!(!server.knows(&office.ada), "sessions end all the same");
    server.stop();
}

fn a_restore_takes_an_empty_place_only(engine: Engine) {
    let old = Place::new(engine);
    let server = Server::start(&old);
    let _office = Office::open(&old, &server);
    let file = text_of(&old.file("garth.backup"));
    old.done(&["backup", &file]);
    assert!(old.refused(&["backup", &file]).contains("exists already"));
    let key = key_of(&old);
    assert!(old.refused(&["restore", &file, "--master-key", &key]).contains("already"), "a server runs there");
    server.stop();
    assert!(old.refused(&["restore", &file, "--master-key", &key]).contains("already"));

    let new = Place::new(engine);
    assert!(new.refused(&["restore", &file]).contains("--master-key"));
    let wrong = new.written("wrong", "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA\n");
    assert!(new.refused(&["restore", &file, "--master-key", &wrong]).contains("not the key"));
    let passphrase = new.written("passphrase", "a passphrase that fits\n");
    assert!(new.refused(&["restore", &file, "--passphrase-file", &passphrase]).contains("does not carry"));
    assert!(new.refused(&["restore", "/nowhere/at/all", "--master-key", &key]).contains("no file"));
    damaged_files_are_refused(&new, Path::new(&file), &key);
    assert!(!new.data().exists(), "what was refused wrote nothing");

    let by_variable = |place: &Place, key: &str| {
        let arguments = [vec!["restore".to_owned(), file.clone()], place.arguments()].concat();
        garth(&arguments).env("GARTH_MASTER_KEY", key).output().expect("it runs")
    };
    assert!(complaint(&by_variable(&new, "no key")).contains("32 bytes"));
    let key = std::fs::read_to_string(&key).expect("the key");
    // What an earlier restore left behind when its machine stopped is no reason to stay away.
    let left = new.data().join("restoring");
    std::fs::create_dir_all(&left).expect("a folder");
    std::fs::write(left.join("garth.db"), "half of it").expect("written");
    if engine == Engine::Sqlite {
        // A log without its database would be taken for that of the next one.
        let log = new.data().join("garth.db-wal");
        std::fs::write(&log, "of another database").expect("written");
        assert!(complaint(&by_variable(&new, &key)).contains("already"));
        std::fs::remove_file(log).expect("removed");
    }
    assert_eq!(by_variable(&new, &key).status.code(), Some(0));
    assert!(!left.exists());
    assert!(!new.data().join("master-key").exists(), "a key of the environment stays there");
}

fn damaged_files_are_refused(new: &Place, file: &Path, key: &str) {
    let whole = std::fs::read(file).expect("the backup");
    let broken = new.file("broken");
    let text = text_of(&broken);
    let refuses = |bytes: &[u8], what: &str| {
        std::fs::write(&broken, bytes).expect("written");
        let said = new.refused(&["restore", &text, "--master-key", key]);
        assert!(said.contains("damaged") || said.contains("not a backup"), "{what}: {said}");
    };
    for part in [0, 100, whole.len() / 2, whole.len() - 4096, whole.len() - 1] {
        refuses(&whole[..part], &format!("cut off at {part}"));
    }
    // A text that stands in a row: changed, the file is a sound database still.
    let at = whole.windows(5).position(|bytes| bytes == b"Atlas").expect("a name");
    let mut changed = whole.clone();
    changed[at] = b'B';
    refuses(&changed, "another name");
    std::fs::write(&broken, &whole).expect("written");
    let db = rusqlite::Connection::open(&broken).expect("a database");
    db.execute_batch("CREATE TRIGGER more AFTER INSERT ON audit BEGIN DELETE FROM users; END").expect("a trigger");
    drop(db);
    refuses(&std::fs::read(&broken).expect("a file"), "a trigger");
    std::fs::write(&broken, &whole).expect("written");
    let db = rusqlite::Connection::open(&broken).expect("a database");
    db.execute_batch("UPDATE backup SET value = replace(value, '\"schema\":', '\"schema\":99') WHERE name = 'header'")
        .expect("a header");
    drop(db);
    assert!(new.refused(&["restore", &text, "--master-key", key]).contains("newer Garth"));
    std::fs::remove_file(&broken).expect("removed");
}

fn n74_no_secret_is_in_a_backup_or_in_what_is_said_of_it(engine: Engine) {
    let old = Place::new(engine);
    let server = Server::start(&old);
    let office = Office::open(&old, &server);
    let passphrase = old.written("passphrase", "mind-the-gap-and-the-step\n");
    let short = old.written("short", "too short\n");
    let file = text_of(&old.file("garth.backup"));
    assert!(old.refused(&["backup", &file, "--passphrase-file", &short]).contains("12 characters"));
    let output = old.run(&["backup", &file, "--passphrase-file", &passphrase]);
    assert_eq!(output.status.code(), Some(0));
    server.stop();
    let key = std::fs::read_to_string(key_of(&old)).expect("the key");
    let secrets = [SECRET, PASSWORD, "mind-the-gap", key.trim(), &office.lin, &office.signup];
    let said = [output.stdout, output.stderr].concat();
    for bytes in [std::fs::read(&file).expect("the backup"), said] {
        for secret in secrets {
            assert!(!bytes.windows(secret.len()).any(|part| part == secret.as_bytes()), "{secret} is there to read");
        }
    }
    let new = Place::new(engine);
    let wrong = new.written("wrong", "mind-the-gap-and-the-stairs\n");
    let said = new.refused(&["restore", &file, "--passphrase-file", &wrong]);
    assert!(said.contains("passphrase is wrong") && !said.contains("stairs"), "{said}");
    assert!(new.refused(&["restore", &file]).contains("--passphrase-file"));
    assert!(!new.data().exists());
    new.done(&["restore", &file, "--passphrase-file", &passphrase]);
    let kept = std::fs::read_to_string(key_of(&new)).expect("the key came along");
    assert_eq!(kept.trim(), key.trim());
    let mode = std::fs::metadata(key_of(&new)).expect("the key").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let server = Server::start(&new);
    assert!(server.knows(&text(&json!({"token": server.log_in("lin")}), "token")));
    server.stop();
}

fn a_sealed_backup_tells_nothing_and_needs_its_passphrase_alone(engine: Engine) {
    let old = Place::new(engine);
    let server = Server::start(&old);
    let _office = Office::open(&old, &server);
    server.stop();
    let passphrase = old.written("passphrase", "mind-the-gap-and-the-step\n");
    let (open, sealed) = (text_of(&old.file("open.backup")), text_of(&old.file("sealed.backup")));
    let made = old.done(&["backup", &open]);
    assert_eq!(old.done(&["backup", &sealed, "--passphrase-file", &passphrase])["sealed"], true);
    let here = |file: &str, word: &str| {
        std::fs::read(file).expect("a backup").windows(word.len()).any(|part| part == word.as_bytes())
    };
    for word in ["Atlas", "SQLite format 3", "CREATE TABLE"] {
        assert!(here(&open, word) && !here(&sealed, word), "{word}");
    }
    let left = |folder: &Path| -> Vec<String> {
        let found = std::fs::read_dir(folder).expect("a folder").filter_map(Result::ok);
        found.map(|entry| text_of(&entry.path())).filter(|path| path.contains("partial")).collect()
    };
    assert_eq!([left(&old.folder), left(&old.data())], [Vec::<String>::new(), Vec::new()]);

    let elsewhere = Place::new(engine);
    let wrong = elsewhere.written("wrong", "mind-the-gap-and-the-stairs\n");
    assert!(elsewhere.refused(&["verify", &sealed]).contains("--passphrase-file"));
    assert!(elsewhere.refused(&["verify", &sealed, "--passphrase-file", &wrong]).contains("passphrase is wrong"));
    let seen = elsewhere.done(&["verify", &sealed, "--passphrase-file", &passphrase]);
    assert_eq!((&seen["sealed"], &seen["made_here"], &seen["rows"]), (&json!(true), &json!(true), &made["rows"]));
    let seen = elsewhere.done(&["verify", &open]);
    assert_eq!((&seen["sealed"], &seen["made_here"]), (&json!(false), &json!(false)));
    let whole = std::fs::read(&sealed).expect("the backup");
    let broken = elsewhere.file("broken");
    for bytes in [&whole[..whole.len() - 1], &whole[..whole.len() / 2], &[&whole[..], b"more"].concat()] {
        std::fs::write(&broken, bytes).expect("written");
        let said = elsewhere.refused(&["verify", &text_of(&broken), "--passphrase-file", &passphrase]);
        assert!(said.contains("damaged"), "{said}");
    }
    elsewhere.done(&["restore", &sealed, "--passphrase-file", &passphrase]);
    elsewhere.done(&["verify"]);
}

fn a_dry_run_says_what_would_come_back_and_writes_nothing(engine: Engine) {
    let old = Place::new(engine);
    let server = Server::start(&old);
    let _office = Office::open(&old, &server);
    server.stop();
    let file = text_of(&old.file("garth.backup"));
    old.done(&["backup", &file]);
    let new = Place::new(engine);
    let key = key_of(&old);
    let would = new.done(&["restore", &file, "--master-key", &key, "--dry-run"]);
    assert_eq!((&would["dry_run"], &would["rows"]["resources"]), (&json!(true), &json!(1)));
    assert!(would["sessions_ended"].as_u64() >= Some(2), "{would}");
    assert!(!new.data().exists(), "nothing was written");
    let said = new.run(&["restore", &file, "--master-key", &key, "--dry-run"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("Nothing was written."));
    assert!(old.refused(&["restore", &file, "--master-key", &key, "--dry-run"]).contains("already"));
    let did = new.done(&["restore", &file, "--master-key", &key]);
    assert_eq!((&did["rows"], &did["sessions_ended"]), (&would["rows"], &would["sessions_ended"]));
}

fn the_server_makes_backups_by_itself(engine: Engine) {
    let place = Place::new(engine);
    let folder = place.file("backups");
    let named = text_of(&folder);
    let wanted = ["--backup-folder", named.as_str(), "--backup-schedule", "@yearly", "--backup-keep", "1"];
    assert!(place.refused(&[&["serve", "--listen", "127.0.0.1:0"], &wanted[..]].concat()).contains("no folder"));
    assert!(place.refused(&["serve", "--backup-folder", &named]).contains("belong together"));
    std::fs::create_dir(&folder).expect("a folder");
    let left = folder.join("garth-scheduled-2020-01-01T00-00-00Z.backup.12345678.partial");
    std::fs::write(&left, "half of it").expect("written");
    let server = Server::start_with(&place, &wanted);
    let office = Office::open(&place, &server);
    assert!(!left.exists(), "what an earlier server left is gone");
    assert_eq!(place.ask("SELECT state FROM backups"), ["planned"]);
    // It is due now: nobody waits for a year to end.
    let due = "UPDATE backups SET due_at = (SELECT max(at) FROM audit) WHERE state = 'planned'";
    place.damage(due);
    let made = "SELECT state FROM backups WHERE file IS NOT NULL AND state <> 'planned'";
    assert!((0..600).any(|_| {
        std::thread::sleep(std::time::Duration::from_millis(100));
        place.ask(made) == ["succeeded"]
    }));
    let log = server.done(&office.ada, "GET /api/v1/audit", Value::Null);
    let entries = log["items"].as_array().expect("entries");
    assert!(entries.iter().any(|entry| entry["action"] == "backup.make" && entry["after"]["state"] == "succeeded"));
    server.stop();
    let kept: Vec<_> = std::fs::read_dir(&folder).expect("a folder").filter_map(Result::ok).collect();
    assert_eq!(kept.len(), 1, "{kept:?}");
    let file = text_of(&kept[0].path());
    assert_eq!(place.done(&["verify", &file])["made_here"], true);
    let new = Place::new(engine);
    new.done(&["restore", &file, "--master-key", &key_of(&place)]);
    assert_eq!(new.ask("SELECT count(*) FROM backups WHERE state IN ('planned', 'running')"), ["0"]);
}
