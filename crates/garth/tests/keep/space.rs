//! `garth space export` and `garth space import`, with the server running and without it.

use crate::support::{Engine, Office, Place, SECRET, Server, stories, text, text_of};
use serde_json::{Value, json};
use std::os::unix::fs::PermissionsExt;

stories! {
    a_space_is_written_and_read_with_the_server_and_without_it,
    a_file_with_mistakes_is_refused_whole,
}

fn a_space_is_written_and_read_with_the_server_and_without_it(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let office = Office::open(&place, &server);
    let file = place.file("atlas.ndjson");
    let done = place.done(&["space", "export", "Atlas", &text_of(&file)]);
    assert_eq!((&done["path"], &done["resources"]), (&json!("Atlas"), &json!(1)), "{done}");
    let written = std::fs::read_to_string(&file).expect("a file");
    assert!(written.contains("Back door") && written.ends_with("{\"type\":\"end\",\"resources\":1}\n"), "{written}");
    assert!(!written.contains(SECRET), "no secret leaves");
    assert_eq!(std::fs::metadata(&file).expect("a file").permissions().mode() & 0o777, 0o600);
    assert!(place.refused(&["space", "export", "Atlas", &text_of(&file)]).contains("there already"));
    assert!(place.refused(&["space", "export", "Nowhere", &text_of(&place.file("none"))]).contains("Nowhere"));
    assert!(!place.file("none").exists(), "what is refused leaves nothing");

    let doors = || {
        let cellar = server.done(&office.lin, "GET /api/v1/spaces?path=Atlas/Cellar", Value::Null);
        let list = format!("GET /api/v1/resources?space={}", text(&cellar["items"][0], "id"));
        server.done(&office.lin, &list, Value::Null)["items"].as_array().map_or(0, Vec::len)
    };
    let import = ["space", "import", "Atlas/Cellar", &text_of(&file), "--dry-run"];
    let tried = place.done(&import);
    assert_eq!((&tried["resources"], &tried["secrets_left_out"]), (&json!(1), &json!(1)), "{tried}");
    assert_eq!(doors(), 0, "it was only tried");
    let made = place.done(&import[..4]);
    assert_eq!((&made["dry_run"], &made["grants"]), (&json!(false), &json!(0)), "{made}");
    assert_eq!(doors(), 1);
    let said = place.run(&["space", "import", "Base", &text_of(&file), "--settings"]);
    let said = String::from_utf8_lossy(&said.stdout).into_owned();
    assert!(said.contains("2 grants in Base") && said.contains("secrets are not in such a file"), "{said}");
    let log = server.done(&office.ada, &format!("GET /api/v1/spaces/{}/audit", office.atlas), Value::Null);
    assert!(log["items"].is_array(), "{log}");
    server.stop();
    // Without a server the commands do it themselves.
    place.done(&["space", "import", "Atlas/Cellar", &text_of(&file)]);
    place.done(&["space", "export", "Atlas/Cellar", &text_of(&place.file("cellar.ndjson"))]);
    place.done(&["verify"]);
}

fn a_file_with_mistakes_is_refused_whole(engine: Engine) {
    let place = Place::new(engine);
    let server = Server::start(&place);
    let _office = Office::open(&place, &server);
    let header = r#"{"type":"space","format":1,"space":{"name":"x"}}"#;
    let good = r#"{"type":"resource","kind":"door","name":"Front door","body":{}}"#;
    let bad = r#"{"type":"resource","kind":"gate","name":"No such kind","body":{}}"#;
    let file = place.written("bad", &format!("{header}\n{good}\n{bad}\n{{\"type\":\"end\",\"resources\":2}}\n"));
    assert!(place.refused(&["space", "import", "Atlas", &file]).contains("/lines/3/kind"));
    let cut = place.written("cut", &format!("{header}\n{good}\n"));
    assert!(!place.refused(&["space", "import", "Atlas", &cut]).is_empty());
    assert!(place.refused(&["space", "import", "Atlas", &text_of(&place.file("gone"))]).contains("cannot be read"));
    let out = place.file("after");
    assert_eq!(place.done(&["space", "export", "Atlas", &text_of(&out)])["resources"], 1, "only the back door");
    server.stop();
    place.done(&["verify"]);
}
