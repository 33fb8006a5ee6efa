//! The commands in documents are run as a reader would run them, one after the other, against a fresh demo.
//!
//! What a line `# → text` says must be in what was printed since the last such line. A refusal that no such line tells of
//! fails the test.

use super::{Folder, Server};
use std::path::Path;
use std::process::Command;

/// What `expect` means: what was printed since the last time holds the text, and no refusal that the text does not tell.
const PRELUDE: &str = r#"
set -eu
: > printed
exec >> printed
expect() {
  grep -qF -- "$1" printed || { echo "expected: $1" >&2; tail -c 2000 printed >&2; exit 1; }
  case $1 in *'"code"'* | *'"pointer"'*) ;; *) no_refusal ;; esac
  : > printed
}
no_refusal() { if grep -qF urn:garth:error printed; then echo "refused:" >&2; tail -c 2000 printed >&2; exit 1; fi; }
"#;

/// The commands of a document: its blocks of `sh`, with what is expected of them.
fn script(document: &str, address: &str) -> String {
    let mut script = PRELUDE.to_owned();
    let mut inside = false;
    for line in document.lines() {
        match line {
            "```sh" => inside = true,
            "```" => inside = false,
            _ if !inside => {}
            _ => {
                let line = line.replace("127.0.0.1:7400", address);
                match line.strip_prefix("# → ") {
                    Some(text) => script.push_str(&format!("expect '{text}'\n")),
                    None => script.push_str(&format!("{line}\n")),
                }
            }
        }
    }
    script.push_str("no_refusal\n");
    script
}

/// Runs a document's commands in a folder in which the demo's data lie and `garth` is a command.
fn follow(document: &str) {
    let folder = Folder::new();
    let server = Server::start(&folder.0.join("garth-demo-data"), &["--demo"]);
    std::os::unix::fs::symlink(env!("CARGO_BIN_EXE_garth"), folder.0.join("garth")).expect("a link");
    let path = std::env::var("PATH").unwrap_or_default();
    let text = std::fs::read_to_string(Path::new(env!("CARGO_MANIFEST_DIR")).join("../..").join(document));
    let script = script(&text.expect("the document"), &server.address.to_string());
    let ran = Command::new("bash")
        .arg("-c")
        .arg(&script)
        .current_dir(&folder.0)
        .env("PATH", format!("{}:{path}", folder.0.display()))
        .output()
        .expect("bash runs");
    assert!(ran.status.success(), "{document}: {}", String::from_utf8_lossy(&ran.stderr));
    assert_eq!(server.stop(), Some(0));
}

#[test]
fn somebody_from_phorge_finds_everything() {
    follow("docs/coming-from-phorge.md");
}

#[test]
fn somebody_from_spacelift_finds_everything() {
    follow("docs/coming-from-spacelift.md");
}

#[test]
fn the_examples_of_quotas_work() {
    follow("docs/quotas.md");
}

#[test]
fn somebody_from_ask_a_question_finds_everything() {
    follow("docs/coming-from-ask-a-question.md");
}

#[test]
fn somebody_from_anaphora_finds_everything() {
    follow("docs/coming-from-anaphora.md");
}

#[test]
fn the_examples_of_the_interface_work() {
    follow("docs/api.md");
}
