//! A place for data, the built program that serves it as a process of its own, and requests to it.

use garth_server::base::db::Target;
use serde_json::Value;
use std::io::{BufRead, BufReader, Read, Write};
use std::net::{SocketAddr, TcpStream};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::time::{Duration, Instant};

/// The longest a request may take; longer is hanging.
const PATIENCE: Duration = Duration::from_secs(40);
/// Everybody's password.
pub const PASSWORD: &str = "correct horse battery staple";

static PLACES: AtomicUsize = AtomicUsize::new(0);

/// Where the data of a story lies; gone when the story ends.
pub struct Place {
    pub folder: PathBuf,
    /// The URL and the name of a database of its own.
    pub database: Option<(String, String)>,
}

impl Place {
    /// A folder with nothing in it.
    pub fn sqlite() -> Place {
        let number = PLACES.fetch_add(1, Ordering::Relaxed);
        let folder = std::env::temp_dir().join(format!("garth-crash-{}-{number}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        Place { folder, database: None }
    }

    /// A folder and an empty database; `None` when there is no server for tests.
    pub fn postgres() -> Option<Place> {
        let Ok(server) = std::env::var("TEST_DATABASE") else {
            eprintln!("skipped on PostgreSQL, TEST_DATABASE is not set (./test sets it)");
            return None;
        };
        let place = Place::sqlite();
        let name = format!("garth_crash_{}_{}", std::process::id(), PLACES.fetch_add(1, Ordering::Relaxed));
        admin(&format!("CREATE DATABASE {name}"));
        let (start, _) = server.rsplit_once('/').expect("a URL with a database");
        let url = format!("{start}/{name}");
        Some(Place { folder: place.keep(), database: Some((url, name)) })
    }

    fn keep(self) -> PathBuf {
        let folder = self.folder.clone();
        std::mem::forget(self);
        folder
    }

    pub fn data(&self) -> PathBuf {
        self.folder.join("data")
    }

    pub fn log(&self) -> PathBuf {
        self.folder.join("server.log")
    }

    pub fn target(&self) -> Target {
        match &self.database {
            Some((url, _)) => Target::Postgres(url.clone()),
            None => Target::Sqlite(self.data().join("garth.db")),
        }
    }
}

impl Drop for Place {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("the data and the server's log stay in {}", self.folder.display());
            return;
        }
        let _ = std::fs::remove_dir_all(&self.folder);
        if let Some((_, name)) = &self.database {
            admin(&format!("DROP DATABASE IF EXISTS {name} WITH (FORCE)"));
        }
    }
}

pub fn block_on<T>(future: impl Future<Output = T>) -> T {
    tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime").block_on(future)
}

/// A statement on the PostgreSQL server, beside everything under test.
pub fn admin(sql: &str) {
    block_on(async {
        let server = std::env::var("TEST_DATABASE").expect("a server");
        let (client, connection) = tokio_postgres::connect(&server, tokio_postgres::NoTls).await.expect("a connection");
        tokio::spawn(connection);
        client.batch_execute(sql).await.expect(sql);
    });
}

/// A server that is killed when the story ends.
pub struct Server {
    child: Child,
    pub address: SocketAddr,
}

/// The program on that place, with nothing of our own environment.
pub fn program(place: &Path, arguments: &[&str]) -> Command {
    let mut command = Command::new(env!("CARGO_BIN_EXE_garth"));
    command.args(arguments).arg("--data").arg(place);
    for (variable, _) in std::env::vars().filter(|(name, _)| name.starts_with("GARTH_") || name == "RUST_LOG") {
        command.env_remove(variable);
    }
    command
}

impl Server {
    /// The process that will be a server, and its output.
    pub fn spawn(place: &Place, database: Option<&str>, environment: &[(&str, &str)]) -> Child {
        let mut command = program(&place.data(), &["serve", "--listen", "127.0.0.1:0"]);
        if let Some(url) = database.or(place.database.as_ref().map(|(url, _)| url.as_str())) {
            command.args(["--database", url]);
        }
        let log = std::fs::OpenOptions::new().create(true).append(true).open(place.log()).expect("a log");
        command.envs(environment.iter().copied()).stdout(Stdio::piped()).stderr(log);
        command.spawn().expect("the program runs")
    }

    pub fn start(place: &Place) -> Server {
        Server::start_with(place, None, &[])
    }

    /// Starts one and waits until it says where it listens.
    pub fn start_with(place: &Place, database: Option<&str>, environment: &[(&str, &str)]) -> Server {
        let mut child = Server::spawn(place, database, environment);
        let mut lines = BufReader::new(child.stdout.take().expect("its output")).lines();
        let said = lines.by_ref().map_while(Result::ok).find_map(|line| {
            line.strip_prefix("Garth is listening on http://").map(|address| address.parse().expect("an address"))
        });
        let Some(address) = said else {
            let log = std::fs::read_to_string(place.log()).unwrap_or_default();
            let end = log.lines().rev().take(20).collect::<Vec<_>>();
            panic!("the server did not start; the end of its log, newest first: {end:#?}");
        };
        // A reader keeps the pipe from filling.
        std::thread::spawn(move || lines.map_while(Result::ok).for_each(drop));
        Server { child, address }
    }

    /// SIGKILL: it learns nothing of it.
    pub fn kill(mut self) {
        self.child.kill().expect("it is killed");
        self.child.wait().expect("it is gone");
    }

    pub fn api(&self, token: &str) -> Api {
        Api::new(self.address, token)
    }
}

impl Drop for Server {
    fn drop(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// No answer came: whether it was done, nobody knows.
#[derive(Debug)]
pub struct Lost;

/// An answer.
#[derive(Clone, Debug)]
pub struct Reply {
    pub status: u16,
    pub head: String,
    pub body: Value,
}

impl Reply {
    #[track_caller]
    pub fn expect(self, statuses: &[u16]) -> Reply {
        assert!(statuses.contains(&self.status), "expected {statuses:?}: {self:?}");
        self
    }

    pub fn text(&self, field: &str) -> String {
        self.body[field].as_str().unwrap_or_else(|| panic!("no {field}: {self:?}")).to_owned()
    }

    pub fn header(&self, name: &str) -> Option<&str> {
        self.head.lines().find_map(|line| {
            let (known, value) = line.split_once(':')?;
            known.eq_ignore_ascii_case(name).then(|| value.trim())
        })
    }
}

/// Somebody's connection to the server, kept open.
pub struct Api {
    address: SocketAddr,
    token: String,
    stream: Option<BufReader<TcpStream>>,
    /// Whether 503 is as good as no answer: what was asked may have been done.
    stops_at_503: bool,
    /// Nothing more is sent once this is true.
    stop: Option<Arc<AtomicBool>>,
    /// Counts the answers to changes.
    answers: Arc<AtomicUsize>,
    /// How long the last request took.
    pub last_took: Duration,
}

impl Api {
    fn new(address: SocketAddr, token: &str) -> Api {
        Api {
            address,
            token: token.to_owned(),
            stream: None,
            stops_at_503: false,
            stop: None,
            answers: Arc::default(),
            last_took: Duration::ZERO,
        }
    }

    pub fn that_counts(self, answers: &Arc<AtomicUsize>) -> Api {
        Api { answers: Arc::clone(answers), ..self }
    }

    /// One that takes 503 for no answer, and sends nothing more once it is told.
    pub fn that_stops(self, stop: &Arc<AtomicBool>) -> Api {
        Api { stops_at_503: true, stop: Some(Arc::clone(stop)), ..self }
    }

    pub fn get(&mut self, path: &str) -> Result<Reply, Lost> {
        self.call("GET", path, None, None)
    }

    pub fn post(&mut self, path: &str, body: Value) -> Result<Reply, Lost> {
        self.call("POST", path, None, Some(body))
    }

    pub fn put(&mut self, path: &str, body: Value) -> Result<Reply, Lost> {
        self.call("PUT", path, None, Some(body))
    }

    pub fn delete(&mut self, path: &str) -> Result<Reply, Lost> {
        self.call("DELETE", path, None, None)
    }

    pub fn patch(&mut self, path: &str, version: i64, body: Value) -> Result<Reply, Lost> {
        self.call("PATCH", path, Some(version), Some(body))
    }

    /// A connection of its own with another credential.
    pub fn another(&self, token: &str) -> Api {
        let stop = self.stop.clone();
        Api { stops_at_503: self.stops_at_503, stop, ..Api::new(self.address, token) }
    }

    /// The same connection with another credential for one question.
    pub fn with_token(&mut self, token: &str, path: &str) -> Result<Reply, Lost> {
        let own = std::mem::replace(&mut self.token, token.to_owned());
        let reply = self.get(path);
        self.token = own;
        reply
    }

    fn call(&mut self, method: &str, path: &str, version: Option<i64>, body: Option<Value>) -> Result<Reply, Lost> {
        if self.stop.as_ref().is_some_and(|stop| stop.load(Ordering::SeqCst)) {
            return Err(Lost);
        }
        let began = Instant::now();
        let reply = self.exchange(method, path, version, body);
        self.last_took = began.elapsed();
        match &reply {
            Ok(_) => drop(self.answers.fetch_add(usize::from(method != "GET"), Ordering::Relaxed)),
            Err(_) => self.stream = None,
        }
        if self.stops_at_503 && reply.as_ref().is_ok_and(|reply| reply.status == 503) {
            return Err(Lost);
        }
        reply.map_err(|error| {
            let waited = matches!(error.kind(), std::io::ErrorKind::WouldBlock | std::io::ErrorKind::TimedOut);
            assert!(!waited, "{method} {path} hangs");
            Lost
        })
    }

    fn exchange(
        &mut self,
        method: &str,
        path: &str,
        version: Option<i64>,
        body: Option<Value>,
    ) -> std::io::Result<Reply> {
        let stream = match &mut self.stream {
            Some(stream) => stream,
            none => {
                let stream = TcpStream::connect(self.address)?;
                stream.set_nodelay(true)?;
                stream.set_read_timeout(Some(PATIENCE))?;
                none.insert(BufReader::new(stream))
            }
        };
        let body = body.map(|body| body.to_string()).unwrap_or_default();
        let mut request = format!("{method} {path} HTTP/1.1\r\nhost: garth\r\ncontent-length: {}\r\n", body.len());
        if !self.token.is_empty() {
            request.push_str(&format!("authorization: Bearer {}\r\n", self.token));
        }
        if let Some(version) = version {
            request.push_str(&format!("if-match: \"{version}\"\r\n"));
        }
        if !body.is_empty() {
            request.push_str("content-type: application/json\r\n");
        }
        stream.get_mut().write_all(format!("{request}\r\n{body}").as_bytes())?;

        let mut head = String::new();
        while !head.ends_with("\r\n\r\n") {
            if stream.read_line(&mut head)? == 0 {
                return Err(std::io::ErrorKind::UnexpectedEof.into());
            }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).unwrap_or(0);
        let mut reply = Reply { status, head, body: Value::Null };
        let length = reply.header("content-length").and_then(|length| length.parse().ok()).unwrap_or(0);
        let mut bytes = vec![0; length];
        stream.read_exact(&mut bytes)?;
        reply.body = serde_json::from_slice(&bytes).unwrap_or(Value::Null);
        if reply.header("connection").is_some_and(|word| word.eq_ignore_ascii_case("close")) {
            self.stream = None;
        }
        Ok(reply)
    }
}

/// Makes the first administrator, and says their session's token.
pub fn set_up(place: &Place, server: &Server) -> String {
    let token = std::fs::read_to_string(place.data().join("setup-token")).expect("the setup token");
    let body = serde_json::json!({"token": token.trim(), "username": "ada", "password": PASSWORD});
    let mut api = server.api("");
    assert!(api.post("/api/v1/setup", body).expect("an answer").status < 300);
    log_in(&mut api, "ada").expect("an answer")
}

pub fn log_in(api: &mut Api, username: &str) -> Result<String, Lost> {
    let body = serde_json::json!({"username": username, "password": PASSWORD});
    Ok(api.post("/api/v1/login", body)?.expect(&[200]).text("token"))
}
