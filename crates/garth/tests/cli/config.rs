//! Settings from the file, the environment and flags, as the built program reads them.

use super::{Folder, complaint, garth, run, stdout};
use std::process::Output;

/// What `garth config --json` says of a setting: its value and where it came from.
#[track_caller]
fn told(output: &Output, key: &str) -> (String, String) {
    assert_eq!(output.status.code(), Some(0), "{}", String::from_utf8_lossy(&output.stderr));
    let answer: serde_json::Value = serde_json::from_slice(&output.stdout).expect("JSON");
    let all = answer["settings"].as_array().expect("settings");
    let one = all.iter().find(|one| one["key"] == key).unwrap_or_else(|| panic!("no {key} in {answer}"));
    (one["value"].as_str().expect("a value").to_owned(), one["from"].as_str().expect("a source").to_owned())
}

#[test]
fn flags_are_stronger_than_the_environment_and_that_than_the_file() {
    let folder = Folder::new();
    let file = folder.0.join("garth.toml");
    let text = "listen = \"127.0.0.1:7001\"\nin_flight = 11\nin_flight_each = 12\ndata = \"here\"\n\
                trusted_proxies = [\"10.0.0.0/8\", \"192.168.0.1\"]\n";
    std::fs::write(&file, text).expect("a file");
    let named = file.to_str().expect("a path");
    let mut command = garth(&["config", "--json", "--config", named, "--in-flight", "33"]);
    let output = command.env("GARTH_IN_FLIGHT", "22").env("GARTH_IN_FLIGHT_EACH", "23").output().expect("it runs");
    let of_file = format!("file {named}");
    let told = |key| told(&output, key);
    assert_eq!(told("in_flight"), ("33".to_owned(), "flag --in-flight".to_owned()));
    assert_eq!(told("in_flight_each"), ("23".to_owned(), "environment GARTH_IN_FLIGHT_EACH".to_owned()));
    assert_eq!(told("listen"), ("127.0.0.1:7001".to_owned(), of_file.clone()));
    assert_eq!(told("trusted_proxies"), ("10.0.0.0/8,192.168.0.1".to_owned(), of_file.clone()));
    let here = folder.0.join("here").to_str().expect("a path").to_owned();
    assert_eq!(told("data"), (here, of_file), "a path counts from the file that names it");
    assert_eq!(told("request_seconds"), ("30".to_owned(), "default".to_owned()));

    // A file in the folder where the program runs is read unasked, and the environment can name one.
    let output = garth(&["config", "--json"]).current_dir(&folder.0).output().expect("it runs");
    assert_eq!(super::config::told(&output, "in_flight"), ("11".to_owned(), "file garth.toml".to_owned()));
    let output = garth(&["config", "--json"]).env("GARTH_CONFIG", named).output().expect("it runs");
    assert_eq!(super::config::told(&output, "in_flight").0, "11");
    let table = stdout(&garth(&["config", "--config", named]).output().expect("it runs"));
    assert!(table.lines().any(|line| line.starts_with("in_flight ") && line.contains(named)), "{table}");
}

#[test]
fn what_nobody_knows_is_refused_with_a_sentence() {
    let folder = Folder::new();
    let file = folder.0.join("garth.toml");
    let named = file.to_str().expect("a path");
    for (text, says) in [
        ("listn = \"127.0.0.1:7001\"", "holds listn"),
        ("[server]\nlisten = \"127.0.0.1:7001\"", "holds server"),
        ("in_flight = \"many\"", "setting in_flight"),
        ("in_flight = true", "setting in_flight"),
        ("in_flight = ", "is not TOML"),
        ("tls_cert = \"cert.pem\"", "belong together"),
        ("smtp_host = \"mail.example.org\"", "belong together"),
        ("smtp_username = \"garth\"", "belong together"),
        (
            "smtp_host = \"mail.example.org\"\nsmtp_from = \"g@example.org\"\nsmtp_security = \"none\"\n\
             smtp_username = \"garth\"\nsmtp_password = \"hush\"",
            "anybody can read",
        ),
        ("smtp_host = \"mail.example.org:25\"", "setting smtp_host"),
    ] {
        std::fs::write(&file, text).expect("a file");
        for command in [&["config"][..], &["serve"], &["check", "@maya", "read", "space:Kestrel"]] {
            let said = complaint(&run(&[command, &["--config", named]].concat()));
            assert!(said.contains(says), "{text}: {said}");
        }
    }
    let missing = folder.0.join("nowhere.toml");
    assert!(complaint(&run(&["config", "--config", missing.to_str().expect("a path")])).contains("nowhere.toml"));

    let with = |name: &str, value: &str| garth(&["config"]).env(name, value).output().expect("it runs");
    assert!(complaint(&with("GARTH_LISTN", "127.0.0.1:7001")).contains("GARTH_LISTN"));
    assert!(complaint(&with("GARTH_CONNECTIONS", "none")).contains("setting connections in the environment"));
    // A service called garth makes Kubernetes set these, whoever runs beside it.
    for link in ["GARTH_SERVICE_HOST", "GARTH_SERVICE_PORT_HTTP", "GARTH_PORT", "GARTH_PORT_7400_TCP_ADDR"] {
        assert_eq!(with(link, "10.0.0.1").status.code(), Some(0), "{link}");
    }
    assert_eq!(with("GARTH_DATABASE", "").status.code(), Some(0), "an empty variable is none");
}

#[test]
fn n74_settings_are_shown_without_their_secrets() {
    let folder = Folder::new();
    let file = folder.0.join("garth.toml");
    let named = file.to_str().expect("a path");
    std::fs::write(&file, "database = \"postgres://garth:secret-word@127.0.0.1/garth?x=secret-word\"").expect("a file");
    for json in [&[][..], &["--json"]] {
        let mut command = garth(&[&["config", "--config", named], json].concat());
        let output = command.env("GARTH_MASTER_KEY", "secret-key").output().expect("it runs");
        let said = stdout(&output);
        assert!(said.contains("postgres://garth@127.0.0.1/garth") && said.contains("GARTH_MASTER_KEY"), "{said}");
        assert!(!said.contains("secret"), "{said}");
    }
    let mail = "smtp_host = \"mail.example.org\"\nsmtp_from = \"garth@example.org\"\nsmtp_username = \"garth\"\n\
                smtp_password = \"secret-word\"";
    std::fs::write(&file, mail).expect("a file");
    let said = stdout(&run(&["config", "--config", named]));
    assert!(said.contains("(never shown)") && !said.contains("secret"), "{said}");
    for broken in ["database = \"postgres://garth:secret-word", "database = \"mysql://garth:secret-word@there\""] {
        std::fs::write(&file, broken).expect("a file");
        let said = complaint(&run(&["config", "--config", named]));
        assert!(!said.contains("secret"), "{said}");
    }
    let typed = run(&["serve", "--database", "mysql://garth:secret-word@there"]);
    assert_eq!(typed.status.code(), Some(2));
}
