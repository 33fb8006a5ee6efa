//! `garth verify` is content with a whole installation, and finds each thing that is damaged.

use crate::support::{Engine, Office, Place, Server, stories, text_of};
use serde_json::{Value, json};

stories! {
    a_whole_installation_is_sound_beside_its_server,
    each_damage_is_found_and_told,
    a_changed_audit_is_told,
    what_is_missing_of_the_schema_is_told,
    the_installations_key_is_asked_for,
}

/// Nobody's id.
const NOBODY: &str = "01980000-0000-7000-8000-000000000000";

fn a_whole_installation_is_sound_beside_its_server(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let report = place.done(&["verify"]);
    assert_eq!(report["sound"], true, "{report}");
    assert!(report["findings"].as_array().expect("a list").is_empty());
    for what in ["tables", "spaces", "grants", "policies", "resources", "users", "audit entries"] {
        assert!(report["checked"][what].as_u64() > Some(0), "{what}: {report}");
    }
    // While somebody writes, too: what is read is of one moment.
    std::thread::scope(|threads| {
        let writing = threads.spawn(|| {
            for number in 0..40 {
                let user = server.done(&office.ada, "POST /api/v1/users", serde_json::json!({"username": format!("u{number}")}));
                let grant = serde_json::json!({"principal": format!("user:{}", user["id"].as_str().expect("an id")), "role": "reader"});
                server.done(&office.ada, &format!("POST /api/v1/spaces/{}/grants", office.atlas), grant);
            }
        });
        while !writing.is_finished() {
            place.done(&["verify"]);
        }
    });
    let said = place.run(&["verify"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("All is well.") && said.contains("The system's log ends at entry"), "{said}");
    server.stop();
    place.done(&["verify"]);
}

/// The demo has something of everything that the model knows; the same after it was backed up and restored.
#[test]
fn the_demo_is_sound() {
    let place = Place::new(Engine::Sqlite);
    Server::start_with(&place, &["--demo"]).stop();
    place.done(&["verify"]);
    let (file, key) = (text_of(&place.file("demo.backup")), text_of(&place.data().join("master-key")));
    place.done(&["backup", &file]);
    let new = Place::new(Engine::Sqlite);
    new.done(&["restore", &file, "--master-key", &key]);
    new.done(&["verify"]);
}

/// The findings of a check that must have some.
#[track_caller]
fn findings(place: &Place) -> Vec<Value> {
    let output = place.run(&["verify", "--json"]);
    assert_eq!(output.status.code(), Some(1), "{}", String::from_utf8_lossy(&output.stderr));
    let report: Value = serde_json::from_slice(&output.stdout).expect("JSON");
    assert_eq!(report["sound"], false);
    report["findings"].as_array().expect("a list").clone()
}

#[track_caller]
fn finds(place: &Place, check: &str, at: &str, problem: &str) {
    let found = findings(place);
    let fits = |finding: &Value| {
        let says = |field: &str, part: &str| finding[field].as_str().is_some_and(|text| text.contains(part));
        finding["check"] == check && says("where", at) && says("problem", problem) && says("remedy", "")
    };
    assert!(found.iter().any(fits), "no finding of {check} at {at} that says “{problem}”: {found:#?}");
}

/// A link to a copy of the door that lies in the cellar.
fn elsewhere(door: &str) -> String {
    format!(
        "INSERT INTO access_classes (id, space_id, kind_id, view_policy, edit_policy) SELECT 900, s.id, k.id, '', '' \
         FROM spaces s, kinds k WHERE s.name = 'Cellar' AND k.name = 'door'; \
         INSERT INTO resources (id, number, code, class_id, name, name_key, body, secrets, author, owner, archived, \
         version, created_at, updated_at) SELECT '{NOBODY}', 901, 'DR-X', 900, name, name_key, body, '{{}}', author, \
         owner, archived, version, created_at, updated_at FROM resources WHERE id = '{door}'; \
         INSERT INTO attachments (consumer_id, provider_id, consumer_class, provider_class, created_by, created_at) \
         SELECT id, '{NOBODY}', class_id, 900, '', 1 FROM resources WHERE id = '{door}'"
    )
}

fn each_damage_is_found_and_told(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let kind = json!({
        "name": "lock", "plural": "locks", "prefix": "LK", "schema": {"type": "object"},
        "references": [{"pointer": "/door", "kind": "door", "requires": "view"}],
    });
    server.done(&office.ada, "POST /api/v1/kinds", kind);
    let lock = json!({"kind": "lock", "name": "Its lock", "space": office.atlas, "body": {"door": office.door}});
    let lock = server.done(&office.lin, "POST /api/v1/resources", lock)["id"].as_str().expect("an id").to_owned();
    server.stop();
    place.done(&["verify"]);
    let crew = place.ask("SELECT id FROM groups").remove(0);
    let (door, atlas) = (&office.door, &office.atlas);
    let nobody = format!("user:{NOBODY}");
    let lost = NOBODY.replace("0198", "0199");
    // One after the other on the same installation: what was found before does not hide what comes after.
    let damages: Vec<(String, &str, &str, &str)> = vec![
        (format!("UPDATE grants SET principal = '{nobody}' WHERE principal = 'group:{crew}'"), "references", "grants ", "who is not there"),
        (format!("UPDATE users SET default_space = '{NOBODY}' WHERE handle = 'lin'"), "references", "users ", "default space"),
        (format!("INSERT INTO group_members (group_id, member) VALUES ('{crew}', '{nobody}')"), "references", "groups ", "who is not there"),
        (format!("INSERT INTO group_members (group_id, member) VALUES ('{crew}', 'group:{crew}')"), "tree", "groups ", "contains itself"),
        (format!("INSERT INTO group_members (group_id, member, source) SELECT '{crew}', 'user:' || id, '{NOBODY}' FROM users WHERE handle = 'lin'"), "references", "groups ", "by the identity provider"),
        (format!("INSERT INTO identity_providers (id, slug, issuer, name, client_id, client_secret, choices, enabled, created_at, updated_at) VALUES ('{NOBODY}', 'corp', 'https://idp.example', 'Corp', 'garth', 'AAAA', '{{}}', 1, 0, 0)"), "secrets", "(Corp)", "its client secret does not open"),
        (format!("INSERT INTO external_identities (id, provider_id, issuer, subject, user_id, created_at) SELECT '{NOBODY}', '{NOBODY}', 'https://other.example', 'x', id, 0 FROM users WHERE handle = 'lin'"), "references", "external_identities ", "another issuer"),
        (format!("UPDATE spaces SET view_policy = '\"everybody\"' WHERE id = '{atlas}'"), "policies", atlas, "its gate"),
        (format!("UPDATE policies SET policy = '{{\"groups_any\":[\"group:{NOBODY}\"]}}'"), "policies", "crew only", "its policy"),
        ("UPDATE kinds SET definition = replace(definition, '\"default_view\":null', '\"default_view\":\"whoever\"')".to_owned(), "policies", "(door)", "default view policy"),
        (format!("UPDATE access_classes SET edit_policy = '{{\"named\":\"{NOBODY}\"}}'"), "policies", "access_classes ", "is not a known policy"),
        (format!("UPDATE access_classes SET windows = '[\"{NOBODY}\",\"x\"]'"), "references", "access_classes ", "is no list of other spaces"),
        ("UPDATE roles SET permissions = '[\"door:fly\"]' WHERE name = 'porter'".to_owned(), "references", "(porter)", "door:fly is not a known permission"),
        (format!("INSERT INTO resource_requirements (resource_id, required_id, direct) VALUES ('{lock}', '{lock}', 0)"), "references", &lock, "is not held back"),
        ("DELETE FROM resource_requirements".to_owned(), "references", &lock, "is not held back"),
        (format!("UPDATE resources SET code = 'DR-0000-0000' WHERE id = '{door}'"), "codes", door, "is not that of its number"),
        (format!("UPDATE resources SET author = '{nobody}'"), "references", door, "its author"),
        (format!("UPDATE resources SET owner = '{nobody}'"), "references", door, "its owner"),
        (format!("INSERT INTO resource_subscribers (resource_id, subscriber) VALUES ('{door}', '{nobody}')"), "references", door, "followed by"),
        ("UPDATE resources SET secrets = '{\"/code\":\"AAAA\"}'".to_owned(), "secrets", door, "its secret at /code does not open"),
        (format!("UPDATE spaces SET secret_key = 'AAAA' WHERE id = '{atlas}'"), "secrets", atlas, "its key does not open"),
        ("UPDATE resource_words SET head = ' something else |'".to_owned(), "words", door, "is not found by the words"),
        ("DELETE FROM resource_terms".to_owned(), "words", door, "is not found by the words"),
        (format!("INSERT INTO resource_terms (resource_number, term, class_id) SELECT number, 'else', class_id + 1 FROM resources WHERE id = '{door}'"), "words", door, "where it does not lie"),
        ("INSERT INTO resource_terms (resource_number, term, class_id) VALUES (9999, 'left', 1)".to_owned(), "words", "resource_terms 9999", "belong to no resource"),
        ("INSERT INTO resource_labels (resource_id, label) SELECT id, 'autoattach:*' FROM resources".to_owned(), "references", door, "its label autoattach:*"),
        (format!("INSERT INTO resource_offers (class_id, label, resource_id) VALUES (1, 'gone', '{door}')"), "references", door, "its label autoattach:gone"),
        (elsewhere(door), "references", door, "which its space cannot use"),
        ("UPDATE attachments SET provider_class = 901".to_owned(), "references", door, "are not those of the two"),
        (format!("UPDATE grants SET principal = 'resource:{lost}' WHERE principal = '{nobody}'"), "references", "grants ", "which is not there"),
        (format!("UPDATE grants SET role_id = '{NOBODY}' WHERE id = (SELECT min(id) FROM grants)"), "references", "grants ", "role_id names"),
        ("UPDATE spaces SET default_mark = NULL".to_owned(), "tree", "spaces", "0 of them are the default"),
        (format!("UPDATE spaces SET parent_id = (SELECT id FROM spaces WHERE name = 'Cellar') WHERE id = '{atlas}'"), "tree", atlas, "lies under itself"),
        ("UPDATE resource_counts SET number = number + 7".to_owned(), "counts", "resource_counts ", "resources of the kind"),
        (format!("INSERT INTO quotas (space_id, meter, most, period, roles) VALUES ('{atlas}', 'resources.gone', 1, '\"stored\"', NULL)"), "references", "resources.gone", "a kind that is not there"),
        (format!("INSERT INTO quotas (space_id, meter, most, period, roles) VALUES ('{atlas}', 'llm', 1, '\"daily\"', '[\"{NOBODY}\"]')"), "references", " llm", "roles that are not there"),
        ("UPDATE installation SET value = '{' WHERE name = 'settings'".to_owned(), "picture", "directory", "settings"),
    ];
    for (sql, check, at, problem) in damages {
        place.damage(&sql);
        finds(&place, check, at, problem);
    }
    let said = place.run(&["verify"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("findings.") || said.contains("1 finding."), "{said}");
}

fn a_changed_audit_is_told(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    server.stop();
    let space = format!("audit of the space {}", office.atlas);
    place.damage(&format!("UPDATE audit SET actor = 'system' WHERE space_id = '{}' AND seq = 1", office.atlas));
    finds(&place, "audit", &space, "entry 1");
    place.damage("DELETE FROM audit WHERE space_id = '' AND seq = 2");
    finds(&place, "audit", "audit of the system", "entry 2 is missing");
    place.damage("DELETE FROM audit WHERE space_id = '' AND seq = (SELECT max(seq) FROM audit WHERE space_id = '')");
    finds(&place, "audit", "audit of the system", "should end at");
    place.damage("DELETE FROM audit_chains WHERE space_id = ''");
    finds(&place, "audit", "audit of the system", "nothing tells");
}

fn what_is_missing_of_the_schema_is_told(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    Office::open(&place, &server);
    server.stop();
    place.damage("DROP INDEX grants_by_role");
    finds(&place, "schema", "index grants_by_role", "is missing");
    place.damage("ALTER TABLE users DROP COLUMN email");
    finds(&place, "schema", "column users.email", "is missing");
    finds(&place, "picture", "directory", "cannot be read");
    place.damage("DROP TABLE recovery_codes");
    finds(&place, "schema", "table recovery_codes", "is missing");
    place.damage("UPDATE schema_migrations SET version = 99 WHERE version = 1");
    assert!(place.refused(&["verify"]).contains("newer Garth"));
    if engine == Engine::Sqlite {
        // A page in the middle, as a failing disk leaves it.
        let file = place.data().join("garth.db");
        let mut bytes = std::fs::read(&file).expect("the database");
        let middle = bytes.len() / 2;
        bytes[middle..middle + 4096].fill(0x5a);
        std::fs::write(&file, bytes).expect("written");
        assert_eq!(place.run(&["verify"]).status.code(), Some(1));
    }
    assert!(!text_of(&place.data()).is_empty());
}

fn the_installations_key_is_asked_for(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    Office::open(&place, &server);
    server.stop();
    let key = place.data().join("master-key");
    let kept = std::fs::read_to_string(&key).expect("the key");
    std::fs::write(&key, "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA").expect("written");
    finds(&place, "secrets", "installation's key", "is not the one");
    std::fs::remove_file(&key).expect("removed");
    finds(&place, "secrets", "installation's key", "is missing");
    assert!(place.refused(&["backup", &text_of(&place.file("b"))]).contains("key"));
    assert!(!place.file("b").exists());
    std::fs::write(&key, kept).expect("written");
    place.done(&["verify"]);
}
