//! What the stories are told with: places on either engine, the program, a running server, and people who ask it.

use serde_json::{Value, json};
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Output, Stdio};
use std::sync::atomic::{AtomicUsize, Ordering};
use tokio_postgres::{NoTls, SimpleQueryMessage};

/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery";

static PLACES: AtomicUsize = AtomicUsize::new(0);

/// The two engines every story is told on.
#[derive(Clone, Copy, PartialEq, Debug)]
pub enum Engine {
    Sqlite,
    Postgres,
}

/// Makes each named story two tests: `<story>::sqlite` and `<story>::postgres`.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                super::$name(crate::support::Engine::Sqlite);
            }
            #[test]
            fn postgres() {
                match crate::support::postgres() {
                    Some(_) => super::$name(crate::support::Engine::Postgres),
                    None => eprintln!("{}: skipped on PostgreSQL, TEST_DATABASE is not set", stringify!($name)),
                }
            }
        })+
    };
}
pub(crate) use stories;

/// The server that tests may make databases on.
pub fn postgres() -> Option<String> {
    std::env::var("TEST_DATABASE").ok().filter(|url| !url.is_empty())
}

/// A place for an installation, empty at first; nothing is left of it when the test ends.
pub struct Place {
    pub folder: PathBuf,
    database: Option<(String, String)>,
}

impl Place {
    pub fn new(engine: Engine) -> Place {
        let name = format!("garth_keep_{}_{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
        let folder = std::env::temp_dir().join(&name);
        std::fs::create_dir_all(&folder).expect("a folder");
        let database = (engine == Engine::Postgres).then(|| {
            let server = postgres().expect("TEST_DATABASE");
            statement(&server, &format!("CREATE DATABASE {name}"));
            (server, name)
        });
        Place { folder, database }
    }

    /// The data folder: it is not there until something makes it.
    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    /// A file beside the data folder.
    pub fn file(&self, name: &str) -> PathBuf {
        self.folder.join(name)
    }

    /// A file beside the data folder with that text.
    pub fn written(&self, name: &str, text: &str) -> String {
        let file = self.file(name);
        std::fs::write(&file, text).expect("written");
        text_of(&file)
    }

    pub fn url(&self) -> Option<String> {
        let (server, name) = self.database.as_ref()?;
        let base = server.rsplit_once('/').map_or(server.as_str(), |(base, _)| base);
        Some(format!("{base}/{name}"))
    }

    /// The arguments that name this place.
    pub fn arguments(&self) -> Vec<String> {
        let mut arguments = vec!["--data".to_owned(), text_of(&self.data())];
        if let Some(url) = self.url() {
            arguments.extend(["--database".to_owned(), url]);
        }
        arguments
    }

    /// Runs a command on this place.
    pub fn run(&self, typed: &[&str]) -> Output {
        let mut arguments: Vec<String> = typed.iter().map(|word| (*word).to_owned()).collect();
        arguments.extend(self.arguments());
        garth(&arguments).output().expect("the program runs")
    }

    /// Runs a command that must be done; its answer as JSON.
    #[track_caller]
    pub fn done(&self, typed: &[&str]) -> Value {
        let output = self.run(&[typed, &["--json"]].concat());
        assert_eq!(output.status.code(), Some(0), "{typed:?}: {}", said(&output));
        serde_json::from_slice(&output.stdout).unwrap_or_else(|e| panic!("{e}: {}", said(&output)))
    }

    /// Runs a command that must be refused in one sentence, which is answered.
    #[track_caller]
    pub fn refused(&self, typed: &[&str]) -> String {
        complaint(&self.run(typed))
    }

    /// Changes what is stored, behind the program's back.
    pub fn damage(&self, sql: &str) {
        match self.url() {
            Some(url) => statement(&url, &format!("SET session_replication_role = replica; {sql}")),
            None => {
                let db = rusqlite::Connection::open(self.data().join("garth.db")).expect("the database");
                db.execute_batch(&format!("PRAGMA foreign_keys = OFF; {sql}")).expect(sql);
            }
        }
    }

    /// The first column of an answer of the database.
    pub fn ask(&self, sql: &str) -> Vec<String> {
        match self.url() {
            Some(url) => answers(&url, sql),
            None => {
                let db = rusqlite::Connection::open(self.data().join("garth.db")).expect("the database");
                let mut statement = db.prepare(sql).expect(sql);
                let rows = statement.query_map([], |row| row.get::<_, rusqlite::types::Value>(0)).expect(sql);
                rows.map(|value| match value.expect("a value") {
                    rusqlite::types::Value::Integer(number) => number.to_string(),
                    rusqlite::types::Value::Text(text) => text,
                    other => panic!("{other:?}"),
                })
                .collect()
            }
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some((server, name)) = &self.database {
            statement(server, &format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

pub fn text_of(path: &Path) -> String {
    path.to_str().expect("a path in UTF-8").to_owned()
}

fn statement(url: &str, sql: &str) {
    answers(url, sql);
}

fn answers(url: &str, sql: &str) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
    runtime.block_on(async {
        let (client, connection) = tokio_postgres::connect(url, NoTls).await.expect("TEST_DATABASE answers");
        let served = tokio::spawn(connection);
        let messages = client.simple_query(sql).await.unwrap_or_else(|e| panic!("{sql}: {e:?}"));
        drop(client);
        let _ = served.await;
        let first = |message: SimpleQueryMessage| match message {
            SimpleQueryMessage::Row(row) => Some(row.get(0).unwrap_or("NULL").to_owned()),
            _ => None,
        };
        messages.into_iter().filter_map(first).collect()
    })
}

/// The program with nothing of our own environment.
pub fn garth(arguments: &[String]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_garth"));
    command.args(arguments).stdin(Stdio::null()).current_dir(std::env::temp_dir());
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("GARTH_") || name == "RUST_LOG") {
        command.env_remove(variable);
    }
    command
}

fn said(output: &Output) -> String {
    format!("{}{}", String::from_utf8_lossy(&output.stdout), String::from_utf8_lossy(&output.stderr))
}

/// The complaint on the error output: one sentence, nothing of the program's inside.
#[track_caller]
pub fn complaint(output: &Output) -> String {
    let text = String::from_utf8_lossy(&output.stderr).trim().to_owned();
    assert_eq!(output.status.code(), Some(1), "{}", said(output));
    assert!(text.starts_with("garth: ") && text.ends_with('.') && text.lines().count() == 1, "{text}");
    assert!(!text.contains("panicked") && !text.contains("Err("), "{text}");
    text
}

/// A server that is stopped when the test ends, however it ends.
pub struct Server {
    child: Child,
    address: SocketAddr,
}

impl Server {
    /// Starts one and waits until it says where it listens.
    pub fn start(place: &Place) -> Server {
        Server::start_with(place, &[])
    }

    /// As [`Server::start`], with more arguments.
    pub fn start_with(place: &Place, more: &[&str]) -> Server {
        let arguments = [&["serve", "--listen", "127.0.0.1:0"], more].concat();
        let mut arguments: Vec<String> = arguments.iter().map(|word| (*word).to_owned()).collect();
        arguments.extend(place.arguments());
        let log = std::fs::File::create(place.file("log")).expect("a log");
        let mut command = garth(&arguments);
        let mut child = command.stdout(Stdio::piped()).stderr(log).spawn().expect("the server starts");
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines().map_while(Result::ok);
        let address = lines
            .find_map(|line| line.strip_prefix("Garth is listening on http://").map(str::to_owned))
            .unwrap_or_else(|| panic!("no address: {:?}", std::fs::read_to_string(place.file("log"))));
        // A reader keeps the pipe from filling.
        std::thread::spawn(move || lines.for_each(drop));
        Server { child, address: address.parse().expect("an address") }
    }

    /// One request; the status and the body.
    pub fn ask(&self, token: &str, request: &str, body: &Value) -> (u16, Value) {
        let mut stream = TcpStream::connect(self.address).expect("a connection");
        let body = if body.is_null() { String::new() } else { body.to_string() };
        let credential = if token.is_empty() { String::new() } else { format!("authorization: Bearer {token}\r\n") };
        write!(
            stream,
            "{request} HTTP/1.1\r\nhost: garth\r\nconnection: close\r\ncontent-type: application/json\r\n{credential}\
             content-length: {}\r\n\r\n{body}",
            body.len()
        )
        .expect("a request");
        let mut answer = String::new();
        stream.read_to_string(&mut answer).expect("an answer");
        let status = answer.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let body = answer.split_once("\r\n\r\n").expect("a body").1;
        (status, serde_json::from_str(body).unwrap_or(Value::Null))
    }

    /// A request that must be done.
    #[track_caller]
    pub fn done(&self, token: &str, request: &str, body: Value) -> Value {
        let (status, answer) = self.ask(token, request, &body);
        assert!(status < 300, "{request}: {status} {answer}");
        answer
    }

    /// Signs in; the token.
    #[track_caller]
    pub fn log_in(&self, username: &str) -> String {
        let body = json!({"username": username, "password": PASSWORD});
        text(&self.done("", "POST /api/v1/login", body), "token")
    }

    /// May whoever holds that token ask who they are?
    pub fn knows(&self, token: &str) -> bool {
        self.ask(token, "GET /api/v1/me", &Value::Null).0 == 200
    }

    /// Tells it to stop as an operator would, and waits.
    pub fn stop(mut self) {
        let pid = self.child.id().to_string();
        assert!(Command::new("kill").args(["-TERM", &pid]).status().expect("kill").success());
        assert_eq!(self.child.wait().expect("it ends").code(), Some(0));
    }

    /// Ends it as a power cut would.
    pub fn kill(mut self) {
        self.child.kill().expect("killed");
        self.child.wait().expect("it ends");
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

pub fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field}: {value}")).to_owned()
}

/// What every story begins with: ada, who manages the installation; lin, who is a writer of Atlas; kim, who has not
/// signed up; and in Atlas a door with a secret code.
pub struct Office {
    pub ada: String,
    pub lin: String,
    pub lin_id: String,
    pub signup: String,
    pub atlas: String,
    pub door: String,
}

/// The secret of the door.
pub const SECRET: &str = "swordfish-4711";

impl Office {
    pub fn open(place: &Place, server: &Server) -> Office {
        let token = std::fs::read_to_string(place.data().join("setup-token")).expect("the setup token");
        let ada = json!({"token": token, "username": "ada", "password": PASSWORD, "space": "Base"});
        let ada = text(&server.done("", "POST /api/v1/setup", ada), "token");
        let lin = server.done(&ada, "POST /api/v1/users", json!({"username": "lin"}));
        let lin_id = text(&lin, "id");
        let signup = json!({"token": lin["signup_token"], "password": PASSWORD});
        let lin = text(&server.done("", "POST /api/v1/signup", signup), "token");
        let kim = server.done(&ada, "POST /api/v1/users", json!({"username": "kim"}));
        let group = server.done(&ada, "POST /api/v1/groups", json!({"name": "crew"}));
        let crew = format!("group:{}", text(&group, "id"));
        let member = json!({"member": format!("user:{lin_id}")});
        server.done(&ada, &format!("POST /api/v1/groups/{}/members", text(&group, "id")), member);
        let kind = json!({
            "name": "door", "plural": "doors", "prefix": "DR",
            "schema": {"type": "object", "properties": {"code": {"type": "string"}, "note": {"type": "string"}}},
            "secret_fields": ["/code"],
        });
        server.done(&ada, "POST /api/v1/kinds", kind);
        let role = json!({"name": "porter", "permissions": ["door:read"]});
        server.done(&ada, "POST /api/v1/roles", role);
        server.done(&ada, "POST /api/v1/policies", json!({"name": "crew only", "policy": {"groups_any": [crew]}}));
        let atlas = text(&server.done(&ada, "POST /api/v1/spaces", json!({"name": "Atlas"})), "id");
        for grant in [json!({"principal": crew, "role": "writer"}), json!({"principal": crew, "role": "porter"})] {
            server.done(&ada, &format!("POST /api/v1/spaces/{atlas}/grants"), grant);
        }
        let under = json!({"name": "Cellar", "parent": atlas});
        server.done(&ada, "POST /api/v1/spaces", under);
        let body = json!({
            "kind": "door", "name": "Back door", "space": atlas, "view": {"named": "@crew only"},
            "body": {"code": SECRET, "note": "mind the \\ and\nthe \"step\" – ☃"},
        });
        let door = text(&server.done(&lin, "POST /api/v1/resources", body), "id");
        Office { ada, lin, lin_id, signup: text(&kim, "signup_token"), atlas, door }
    }
}
