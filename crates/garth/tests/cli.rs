//! The built program, run as people run it: `garth serve --demo` with the other commands beside it, exit codes, and a
//! tidy end.

#[path = "cli/config.rs"]
mod config;
#[path = "cli/documents.rs"]
mod documents;
#[path = "cli/serving.rs"]
mod serving;

use garth_server::access::Ctx;
use garth_server::base::clock::Clock;
use garth_server::base::db::Target;
use garth_server::scenarios::{self, Asks, Installed, What};
use garth_server::{App, Config};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

static FOLDERS: AtomicUsize = AtomicUsize::new(0);

/// A folder that is gone when the test ends.
struct Folder(PathBuf);

impl Folder {
    fn new() -> Folder {
        let number = FOLDERS.fetch_add(1, Ordering::Relaxed);
        let path = std::env::temp_dir().join(format!("garth-cli-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&path).expect("a folder");
        Folder(path)
    }

    fn data(&self) -> PathBuf {
        self.0.join("data")
    }
}

impl Drop for Folder {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.0);
    }
}

/// The program with nothing of our own environment.
fn garth(arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_garth"));
    command.args(arguments);
    for (variable, _) in std::env::vars_os().filter(|(name, _)| name.to_string_lossy().starts_with("GARTH_")) {
        command.env_remove(variable);
    }
    command
}

fn run(arguments: &[&str]) -> Output {
    garth(arguments).output().expect("the program runs")
}

fn stdout(output: &Output) -> String {
    String::from_utf8_lossy(&output.stdout).into_owned()
}

/// The complaint on the error output: one sentence, nothing of the program's inside.
#[track_caller]
fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(output.status.code(), Some(1), "{text}");
    assert!(text.starts_with("garth: ") && text.ends_with('.') && text.lines().count() == 1, "{text}");
    assert!(!text.contains("panicked") && !text.contains("Err("), "{text}");
    text
}

/// A server that is stopped when the test ends, however it ends.
struct Server {
    child: Child,
    address: SocketAddr,
    greeting: String,
    /// What it logs.
    log: PathBuf,
}

impl Server {
    /// Starts one and waits until it says where it listens and how to sign in.
    fn start(data: &Path, more: &[&str]) -> Server {
        let mut command = garth(&["serve", "--listen", "127.0.0.1:0", "--data"]);
        let log = data.with_extension("log");
        let file = std::fs::File::options().create(true).append(true).open(&log).expect("a file");
        command.arg(data).args(more).stdout(Stdio::piped()).stderr(file);
        let mut child = command.spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let mut greeting = String::new();
        let mut address = None;
        for line in lines.by_ref() {
            let line = line.expect("a line");
            greeting.push_str(&line);
            greeting.push('\n');
            if let Some(said) = line.strip_prefix("Garth is listening on ") {
                let (_, said) = said.split_once("://").expect("a URL");
                address = Some(said.parse().expect("an address"));
                break;
            }
        }
        let address = address.unwrap_or_else(|| panic!("no address: {greeting}"));
        // What else it says comes in one piece with the address; a reader keeps the pipe from filling.
        let (send, rest) = std::sync::mpsc::channel();
        std::thread::spawn(move || lines.map_while(Result::ok).try_for_each(|line| send.send(line)));
        while let Ok(line) = rest.recv_timeout(Duration::from_millis(300)) {
            greeting.push_str(&line);
            greeting.push('\n');
        }
        Server { child, address, greeting, log }
    }

    /// One request; the status and the body.
    fn ask(&self, request: &str, body: &str) -> (u16, String) {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        let length = body.len();
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: garth\r\nconnection: close\r\ncontent-type: application/json\r\n\
             content-length: {length}\r\n\r\n{body}"
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        (status, answer.split_once("\r\n\r\n").expect("a body").1.to_owned())
    }

    fn log_in(&self, username: &str) -> u16 {
        let body = format!(r#"{{"username": "{username}", "password": "{}"}}"#, scenarios::DEMO_PASSWORD);
        self.ask("POST /api/v1/login", &body).0
    }

    /// Sends it a signal as an operator would.
    fn signal(&self, name: &str) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args([&format!("-{name}"), &pid]).status().expect("kill").success());
    }

    /// Tells it to stop and waits; answers the exit code.
    fn stop(mut self) -> Option<i32> {
        self.signal("TERM");
        self.child.wait().expect("it ends").code()
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// The installation of a folder, read beside the server.
async fn look(data: &Path) -> Ctx {
    let config = Config {
        target: Target::Sqlite(data.join("garth.db")),
        data_dir: Some(data.to_owned()),
        public_url: String::new(),
        capabilities: Vec::new(),
        clock: Clock::default(),
        limits: garth_server::Limits::default(),
        mail: None,
        incoming: None,
        body_check: garth_server::body_check,
    };
    Ctx::system(App::open_read_only(config).await.expect("it opens beside the server"))
}

/// Every `may` of the scenario files as the command line's arguments, with the answer and the reason.
async fn questions(data: &Path) -> Vec<([String; 3], bool, String)> {
    let ctx = look(data).await;
    let mut all = Vec::new();
    for (file, text) in scenarios::DEMO {
        let scenario = scenarios::read(file, text).expect("a scenario");
        let installed = Installed::find(&ctx, &scenario).await.expect("it is installed");
        for expectation in &scenario.expect {
            let Asks::May { action, what, allowed } = &expectation.asks else { continue };
            let target = match what {
                What::Space(path) => format!("space:{path}"),
                What::Resource { kind, name } => {
                    format!("{kind}:{}", installed.resource(kind, name).expect("a resource").code)
                }
            };
            let arguments = [expectation.who.clone(), action.clone(), target];
            all.push((arguments, *allowed, format!("{file}, {expectation}")));
        }
    }
    all
}

fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

#[test]
fn the_demo_from_start_to_stop() {
    let folder = Folder::new();
    let data = folder.data();
    let data_text = data.to_str().expect("a path");
    let server = Server::start(&data, &["--demo"]);
    assert!(server.greeting.contains(scenarios::DEMO_PASSWORD), "{}", server.greeting);
    assert!(!server.greeting.contains("setup"), "{}", server.greeting);
    assert_eq!(server.ask("GET /healthz", "").0, 200);
    assert_eq!(server.log_in("maya"), 200);
    assert_eq!(server.log_in("olaf"), 401, "a disabled person stays outside");

    let second = run(&["serve", "--listen", "127.0.0.1:0", "--data", data_text]);
    assert!(complaint(&second).contains("Another Garth server is running"));
    let port = server.address.to_string();
    let elsewhere = folder.0.join("elsewhere");
    let taken = run(&["serve", "--listen", &port, "--data", elsewhere.to_str().expect("a path")]);
    assert!(complaint(&taken).contains("in use"));
    assert!(!elsewhere.exists(), "nothing is made where nothing is served");

    every_may_is_answered(&data);
    why_and_who_tell(&data);

    assert_eq!(server.stop(), Some(0), "SIGTERM is a tidy end");
    let again = Server::start(&data, &["--demo"]);
    assert!(again.greeting.contains("already"), "{}", again.greeting);
    assert_eq!(again.log_in("maya"), 200);
    assert_eq!(again.log_in("olaf"), 401);
    assert_eq!(again.stop(), Some(0));
}

fn every_may_is_answered(data: &Path) {
    let questions = block_on(questions(data));
    assert!(questions.len() > 100);
    let mut wrong = Vec::new();
    for (arguments, allowed, reason) in questions {
        let output = garth(&["check", "--json", "--data"]).arg(data).args(&arguments).output().expect("it runs");
        let answer: serde_json::Value = serde_json::from_slice(&output.stdout).unwrap_or_default();
        let code = if allowed { 0 } else { 1 };
        if output.status.code() != Some(code) || answer["decision"] != allowed {
            let said = String::from_utf8_lossy(&output.stderr).into_owned();
            wrong.push(format!("{reason}\n    {arguments:?} said {answer} {said}"));
        }
    }
    assert!(wrong.is_empty(), "{}", wrong.join("\n"));
}

fn why_and_who_tell(data: &Path) {
    let at = ["--data", data.to_str().expect("a path")];
    let security = "space:Kestrel/Security";

    let maya = run(&[&["why", "@maya", "read", security], &at[..]].concat());
    assert_eq!(maya.status.code(), Some(1));
    assert!(stdout(&maya).contains("gate"), "{}", stdout(&maya));
    let sanna = run(&[&["why", "@sanna", "read", security, "--json"], &at[..]].concat());
    assert_eq!(sanna.status.code(), Some(0));
    let steps: serde_json::Value = serde_json::from_slice(&sanna.stdout).expect("JSON");
    assert_eq!(steps["decision"], true);
    assert_eq!(steps["steps"].as_array().map(Vec::len), Some(4), "{steps}");

    let who = run(&[&["who", "read", security, "--json"], &at[..]].concat());
    assert_eq!(who.status.code(), Some(0));
    let answer: serde_json::Value = serde_json::from_slice(&who.stdout).expect("JSON");
    let names: Vec<_> = answer["people"].as_array().expect("people").iter().map(|p| p["username"].clone()).collect();
    assert_eq!(names, ["priya", "sanna", "tomas"], "the gate names the security group, and nobody else sees it");
    let readable = stdout(&run(&[&["who", "write", security], &at[..]].concat()));
    assert!(readable.contains("sanna") && !readable.contains("maya"), "{readable}");
    let nobody = run(&[&["who", "read", "space:Kestrel/Nowhere"], &at[..]].concat());
    assert!(complaint(&nobody).contains("Kestrel/Nowhere"));
}

#[test]
fn an_empty_installation_says_how_to_begin() {
    let folder = Folder::new();
    let server = Server::start(&folder.data(), &[]);
    assert!(server.greeting.contains("/api/v1/setup"), "{}", server.greeting);
    let token = std::fs::read_to_string(folder.data().join("setup-token")).expect("the token");
    assert!(server.greeting.contains(&token), "{}", server.greeting);
    let body = format!(r#"{{"token": "{token}", "username": "ada", "password": "{}"}}"#, scenarios::DEMO_PASSWORD);
    assert!(server.ask("POST /api/v1/setup", &body).0 < 300);
    assert_eq!(server.log_in("ada"), 200);
    assert_eq!(server.stop(), Some(0));

    let data = folder.data();
    let later = Server::start(&data, &["--demo"]);
    assert!(later.greeting.contains("already"), "the demo is not poured into what is there: {}", later.greeting);
    assert_eq!(later.log_in("maya"), 401);
}

#[test]
fn the_demo_listens_at_home_only() {
    let folder = Folder::new();
    let data = folder.data();
    let output = run(&["serve", "--demo", "--listen", "0.0.0.0:0", "--data", data.to_str().expect("a path")]);
    assert!(complaint(&output).contains("loopback"));
    assert!(!data.exists());
}

#[test]
fn what_cannot_be_opened_is_said_in_a_sentence() {
    let folder = Folder::new();
    let data = folder.data();
    let data = data.to_str().expect("a path");
    let nothing = run(&["check", "@maya", "read", "space:Kestrel", "--data", data]);
    assert!(complaint(&nothing).contains("There is no Garth data"));
    assert!(!folder.data().exists(), "asking makes nothing");

    let url = "postgres://nobody:secret-word@127.0.0.1:1/none";
    for arguments in [vec!["check", "@maya", "read", "space:Kestrel"], vec!["serve", "--listen", "127.0.0.1:0"]] {
        let output = run(&[&arguments[..], &["--database", url, "--data", data]].concat());
        let text = complaint(&output);
        assert!(text.contains("cannot be reached") && !text.contains("secret-word"), "{text}");
    }
}

#[test]
fn usage_help_and_completions() {
    let help = run(&["--help"]);
    assert_eq!(help.status.code(), Some(0));
    for command in ["serve", "health", "config", "check", "why", "who", "completions"] {
        assert!(stdout(&help).contains(command), "{}", stdout(&help));
    }
    for wrong in
        [&[][..], &["dance"], &["check", "@maya"], &["serve", "--listen", "here"], &["serve", "--public-url", "x"]]
    {
        assert_eq!(run(wrong).status.code(), Some(2), "{wrong:?}");
    }
    for shell in ["bash", "zsh", "fish"] {
        let script = run(&["completions", shell]);
        assert_eq!(script.status.code(), Some(0));
        assert!(stdout(&script).contains("completions"), "{shell}");
    }
}
