//! Help in need: `garth admin` and `garth unlock`, with the server running and without it.

use crate::support::{Engine, Office, PASSWORD, Place, Server, stories, text};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

stories! {
    an_administrator_is_made_with_the_server_and_without_it,
    a_reset_link_is_used_by_its_owner,
    a_space_that_nobody_gets_into_is_unlocked,
    the_local_door_is_its_owners_alone,
}

/// Another password, for who sets one anew.
const ANOTHER: &str = "mind the gap and the step";

fn an_administrator_is_made_with_the_server_and_without_it(engine: Engine) {
    let place = Place::new(engine);
    assert!(place.refused(&["admin", "create", "eve"]).contains(if engine == Engine::Sqlite {
        "no Garth data"
    } else {
        "older schema"
    }));
    assert!(!place.data().join("garth.db").exists(), "a command makes no installation");
    let server = Server::start(&place);
    let eve = place.done(&["admin", "create", "eve", "--name", "Eve", "--email", "eve@example.org"]);
    assert!(text(&eve, "link").ends_with(&text(&eve, "token")), "{eve}");
    assert!(!place.data().join("setup-token").exists(), "there is somebody now");
    let begun = server.done("", "POST /api/v1/signup", json!({"token": eve["token"], "password": PASSWORD}));
    assert_eq!(begun["user"]["system_admin"], true, "{begun}");
    assert_eq!(begun["user"]["email"], "eve@example.org");
    assert!(place.refused(&["admin", "create", "Eve"]).contains("exists already"));
    assert!(place.refused(&["admin", "create", "not a name"]).contains("username"));
    let log = server.done(&text(&begun, "token"), "GET /api/v1/audit", Value::Null);
    let made = log["items"]
        .as_array()
        .expect("entries")
        .iter()
        .find(|e| e["action"] == "user.create")
        .expect("on record")
        .clone();
    assert_eq!(made["actor"], "system", "{made}");
    server.stop();
    let ada = place.done(&["admin", "create", "ada"]);
    let server = Server::start(&place);
    let begun = server.done("", "POST /api/v1/signup", json!({"token": ada["token"], "password": PASSWORD}));
    assert_eq!(begun["user"]["system_admin"], true);
    server.stop();
    place.done(&["verify"]);
}

fn a_reset_link_is_used_by_its_owner(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let output = place.run(&["admin", "reset-link", "@lin"]);
    let said = String::from_utf8_lossy(&output.stdout).into_owned();
    assert!(said.contains("reset_") && said.contains("sets a new password"), "{said}");
    let link = place.done(&["admin", "reset-link", "lin"]);
    assert_eq!(link["disabled"], false);
    assert!(server.knows(&office.lin), "a link that nobody used changes nothing");
    let earlier = said.split("\"token\": \"").nth(1).and_then(|rest| rest.split('"').next()).expect("a token");
    let with = |token: &str| json!({"token": token, "password": ANOTHER});
    assert_eq!(server.ask("", "POST /api/v1/signup", &with(earlier)).0, 404, "the newest link only");
    let begun = server.done("", "POST /api/v1/signup", with(&text(&link, "token")));
    assert_eq!(begun["recovery_codes"].as_array().map(Vec::len), Some(5));
    assert!(!server.knows(&office.lin), "whoever came in by the old password is out");
    assert!(server.knows(&text(&begun, "token")));
    let old = json!({"username": "lin", "password": PASSWORD});
    assert_eq!(server.ask("", "POST /api/v1/login", &old).0, 401);
    server.done("", "POST /api/v1/login", json!({"username": "lin", "password": ANOTHER}));
    assert_eq!(server.ask("", "POST /api/v1/signup", &with(&text(&link, "token"))).0, 404, "once");

    server.done(&office.ada, &format!("PATCH /api/v1/users/{}", office.lin_id), json!({"disabled": true}));
    let link = place.done(&["admin", "reset-link", "lin"]);
    assert_eq!(link["disabled"], true);
    let said = place.run(&["admin", "reset-link", "lin"]);
    assert!(String::from_utf8_lossy(&said.stdout).contains("is disabled"));
    server.done(&office.ada, &format!("DELETE /api/v1/users/{}", office.lin_id), Value::Null);
    assert!(place.refused(&["admin", "reset-link", "lin"]).contains("nobody called @lin"));
    assert_eq!(server.ask("", "POST /api/v1/signup", &with(&text(&link, "token"))).0, 404);
    server.stop();
}

fn a_space_that_nobody_gets_into_is_unlocked(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let lin = format!("user:{}", office.lin_id);
    let vault = json!({"name": "Vault", "sealed": true, "admins": [lin], "view": {"users": [lin]}});
    let vault = text(&server.done(&office.ada, "POST /api/v1/spaces", vault), "id");
    let url = format!("GET /api/v1/spaces/{vault}");
    assert_eq!(server.ask(&office.ada, &url, &Value::Null).0, 404, "sealed: not even for who manages the installation");

    let unlock = |user: &'static str, more: &[&'static str]| -> Vec<&'static str> {
        [&["unlock", "--space", "Vault", "--user", user], more].concat()
    };
    let refused = |typed: Vec<&str>| place.refused(&typed);
    let done = |typed: Vec<&str>| place.done(&typed);
    assert!(refused(unlock("@ada", &[])).contains("--yes"), "nobody can be asked");
    assert!(refused(unlock("@nobody", &["--yes"])).contains("@nobody"));
    assert!(refused(unlock("@ada", &["--yes"])).contains("--open-gate"));
    assert_eq!(server.ask(&office.ada, &url, &Value::Null).0, 404, "refused: nothing was changed");

    let answer = done(unlock("@ada", &["--yes", "--open-gate"]));
    assert_eq!((&answer["granted"], &answer["gate_opened"]), (&json!(true), &json!(true)), "{answer}");
    let space = server.done(&office.ada, &url, Value::Null);
    assert_eq!(space["view"], "members");
    for log in [format!("GET /api/v1/spaces/{vault}/audit"), "GET /api/v1/audit".to_owned()] {
        let log = server.done(&office.ada, &log, Value::Null);
        let entries = log["items"].as_array().expect("entries");
        assert!(entries.iter().any(|e| e["action"] == "space.unlock" && e["actor"] == "system"), "{log}");
        let system = entries.iter().any(|e| e["action"] == "setup");
        assert!(
            !system || !log.to_string().contains(&vault),
            "the system's log does not tell which sealed space: {log}"
        );
    }
    let again = done(unlock("@ada", &["--yes"]));
    assert_eq!((&again["granted"], &again["gate_opened"]), (&json!(false), &json!(false)));
    server.stop();
    // Without the server, and by the id.
    let kim = json!({"token": office.signup, "password": PASSWORD});
    place.done(&["unlock", "--space", &vault, "--user", "@kim", "--yes"]);
    let server = Server::start(&place);
    let kim = text(&server.done("", "POST /api/v1/signup", kim), "token");
    server.done(&kim, &url, Value::Null);
    server.stop();
    place.done(&["verify"]);
}

fn the_local_door_is_its_owners_alone(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let door = place.data().join("garth.sock");
    let mode = std::fs::metadata(&door).expect("a door").permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    server.kill();
    assert!(door.exists(), "nobody could clear it away");
    place.done(&["admin", "create", "ada"]);
    let server = Server::start(&place);
    place.done(&["admin", "create", "eve"]);
    if engine == Engine::Postgres {
        // The same folder with another database's name: the server does not act for it.
        let elsewhere = Place::new(Engine::Postgres);
        let arguments = [
            "admin",
            "create",
            "mallory",
            "--data",
            crate::support::text_of(&place.data()).as_str(),
            "--database",
            elsewhere.url().expect("a URL").as_str(),
        ]
        .map(str::to_owned);
        let output = crate::support::garth(&arguments).output().expect("it runs");
        assert!(crate::support::complaint(&output).contains("another database"));
        // Another folder: the server is not found, and the database is taken.
        let far = crate::support::text_of(&place.file("far"));
        let arguments =
            ["admin", "create", "mallory", "--data", far.as_str(), "--database", place.url().expect("a URL").as_str()]
                .map(str::to_owned);
        let output = crate::support::garth(&arguments).output().expect("it runs");
        assert!(crate::support::complaint(&output).contains("--data"));
    }
    // Whatever is said at the door, it stays in order.
    for line in
        ["", "\n", "not JSON\n", "{\"database\": \"\", \"request\": {\"do\": \"dance\"}}\n", &"x".repeat(100_000)]
    {
        use std::io::{Read, Write};
        let mut stream = std::os::unix::net::UnixStream::connect(&door).expect("the door");
        let _ = stream.write_all(line.as_bytes());
        let _ = stream.shutdown(std::net::Shutdown::Write);
        let mut answer = String::new();
        let _ = stream.read_to_string(&mut answer);
        assert!(answer.is_empty() || answer.contains("refused"), "{answer}");
    }
    place.done(&["admin", "create", "kim"]);
    server.stop();
    assert!(!door.exists(), "a server that ends tidily takes its door along");
}
