//! `garth keys rotate`: with the server running and without it, and killed at any moment.

use crate::support::{Engine, Office, Place, Server, complaint, garth, stories, text, text_of};
use serde_json::{Value, json};
use std::process::Stdio;
use std::time::Duration;

stories! {
    keys_are_rotated_with_the_server_and_without_it,
    whenever_it_is_killed_the_next_start_finds_the_key,
    a_key_of_the_environment_is_rotated_by_who_keeps_it,
    backups_stay_under_the_key_of_their_time,
}

fn key(place: &Place) -> String {
    std::fs::read_to_string(place.data().join("master-key")).expect("the key")
}

fn keys_are_rotated_with_the_server_and_without_it(engine: Engine) {
    let place = Place::new(engine);
    assert!(!place.refused(&["keys", "rotate"]).is_empty(), "there is nothing yet");
    assert!(!place.data().join("master-key").exists());
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let former = key(&place);
    let done = place.done(&["keys", "rotate"]);
    assert_eq!((&done["spaces"], &done["from_environment"]), (&json!(3), &json!(false)), "{done}");
    assert_ne!(key(&place), former);
    place.done(&["verify"]);
    let door = format!("PATCH /api/v1/resources/{}", office.door);
    server.done(&office.lin, &door, json!({"body": {"note": "still here"}}));
    let space = place.done(&["keys", "rotate", "--space", "Atlas"]);
    assert_eq!((&space["path"], &space["resources"]), (&json!("Atlas"), &json!(1)), "{space}");
    assert!(place.refused(&["keys", "rotate", "--space", "Nowhere"]).contains("Nowhere"));
    let said = place.run(&["keys", "rotate"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("another key") && said.contains("Backups") && !said.contains(&key(&place)), "{said}");
    let log = server.done(&office.ada, "GET /api/v1/audit?action=installation.rotate_key", Value::Null);
    assert_eq!(log["items"].as_array().map(Vec::len), Some(2), "{log}");
    server.stop();
    place.done(&["verify"]);

    place.done(&["keys", "rotate"]);
    place.done(&["keys", "rotate", "--space", &office.atlas]);
    place.done(&["verify"]);
    // One's own key; what is no key changes nothing.
    let own = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";
    assert!(place.refused(&["keys", "rotate", "--new-key", &place.written("bad", "short")]).contains("32 bytes"));
    assert!(!place.refused(&["keys", "rotate", "--new-key", &text_of(&place.file("none"))]).is_empty());
    place.done(&["keys", "rotate", "--new-key", &place.written("own", &format!("{own}\n"))]);
    assert_eq!(key(&place).trim(), own.trim_end_matches('='));
    assert!(place.refused(&["keys", "rotate", "--new-key", &text_of(&place.file("own"))]).contains("already"));
    let server = Server::start(&place);
    server.done(&office.lin, &door, json!({"body": {"note": "and still"}}));
    server.stop();
    place.done(&["verify"]);
}

/// Killed after more and more of it, with the server and without; secrets open ever after (`garth verify` tries each).
fn whenever_it_is_killed_the_next_start_finds_the_key(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    for number in 0..30 {
        let space = text(&server.done(&office.ada, "POST /api/v1/spaces", json!({"name": format!("s{number}")})), "id");
        let door = json!({"kind": "door", "name": "x", "space": space, "body": {"code": "open sesame"}});
        server.done(&office.ada, "POST /api/v1/resources", door);
    }
    let arguments = |typed: &[&str]| {
        let typed = typed.iter().map(|word| (*word).to_owned());
        typed.chain(place.arguments()).collect::<Vec<_>>()
    };
    let rotate = |typed: &[&str]| {
        garth(&arguments(typed)).stdout(Stdio::null()).stderr(Stdio::null()).spawn().expect("it starts")
    };
    let (mut server, mut keys) = (Some(server), std::collections::BTreeSet::new());
    for step in 0..24_u64 {
        let typed: &[&str] = if step % 4 == 3 { &["keys", "rotate", "--space", "Atlas"] } else { &["keys", "rotate"] };
        let mut command = rotate(typed);
        // The process that does the work dies at some instant of it.
        match step % 8 {
            // However slow the machine is, some come to their end.
            6 => drop(command.wait()),
            _ => std::thread::sleep(Duration::from_millis(step * 9 % 140)),
        }
        match server.take() {
            Some(running) => running.kill(),
            None => drop(command.kill()),
        }
        let _ = command.kill();
        let _ = command.wait();
        let started = Server::start(&place);
        keys.insert(key(&place));
        assert!(!place.data().join("master-key.next").exists(), "one key is left");
        started.done(&office.lin, &format!("PATCH /api/v1/resources/{}", office.door), json!({"body": {"n": step}}));
        place.done(&["verify"]);
        if step % 2 == 0 {
            server = Some(started);
        } else {
            started.stop();
        }
    }
    assert!(keys.len() > 1, "some came to their end");
    if let Some(server) = server {
        server.stop();
    }
    place.done(&["keys", "rotate"]);
    place.done(&["verify"]);
}

fn a_key_of_the_environment_is_rotated_by_who_keeps_it(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    Office::open(&place, &server);
    server.stop();
    let (file, former) = (place.data().join("master-key"), key(&place));
    std::fs::remove_file(&file).expect("gone");
    let with = |key: &str, typed: &[&str]| {
        let mut arguments: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
        arguments.extend(place.arguments());
        garth(&arguments).env("GARTH_MASTER_KEY", key).output().expect("it runs")
    };
    assert!(complaint(&with(&former, &["keys", "rotate"])).contains("--new-key"));
    let next = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8";
    let done = with(&former, &["keys", "rotate", "--new-key", &place.written("next", next)]);
    let said = String::from_utf8_lossy(&done.stdout).into_owned();
    assert!(done.status.success() && said.contains("GARTH_MASTER_KEY"), "{said}");
    assert!(!file.exists() && !place.data().join("master-key.next").exists(), "the server keeps no key of its own");
    assert_eq!(with(next, &["verify"]).status.code(), Some(0));
    assert_eq!(with(&former, &["verify"]).status.code(), Some(1));
    assert!(complaint(&with(&former, &["admin", "create", "eve"])).contains("not the installation's key"));
}

fn backups_stay_under_the_key_of_their_time(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let (old, new) = (text_of(&place.file("old.backup")), text_of(&place.file("new.backup")));
    let former = place.written("former", &key(&place));
    place.done(&["backup", &old]);
    place.done(&["keys", "rotate"]);
    place.done(&["backup", &new]);
    server.stop();
    let newer = place.written("newer", &key(&place));
    for (file, right, wrong) in [(&old, &former, &newer), (&new, &newer, &former)] {
        let other = Place::new(engine);
        assert!(other.refused(&["restore", file, "--master-key", wrong]).contains("not the key"));
        other.done(&["restore", file, "--master-key", right]);
        other.done(&["verify"]);
        let server = Server::start(&other);
        let lin = server.log_in("lin");
        server.done(&lin, &format!("GET /api/v1/resources/{}", office.door), Value::Null);
        server.stop();
    }
}
