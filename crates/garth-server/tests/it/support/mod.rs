//! What stories are told with: an installation of one's own on either engine, people in it, and refusals that are
//! checked to have changed nothing.
//!
//! ```ignore
//! stories! { a_writer_creates_a_task }
//!
//! async fn a_writer_creates_a_task(g: Garth) {
//!     let ada = g.admin().await;
//!     let lin = g.person("lin").await;
//!     let atlas = ada.space("Atlas").admin(&lin).create().await;
//!     lin.resource("task", "Fix the lift").space(&atlas).create().await;
//!     g.anonymous().get(&atlas.url("")).await.not_signed_in();
//! }
//! ```

mod answer;
mod authenticator;
pub mod browser;
mod builders;
mod engine;
pub mod idp;
pub mod log;
mod person;
pub mod receiver;
pub mod smtp;

pub use answer::{Answer, assert_missing, assert_same, sorted, strange};
pub use authenticator::Authenticator;
pub use browser::Browser;
pub use builders::{Thing, kind_body};
pub use engine::Engine;
pub use person::{Call, Person, password, percent, race};
pub use serde_json::{Value, json};

use axum::Router;
use engine::Place;
use garth_server::base::clock::{self, Clock};
use garth_server::base::db::DbError;
use garth_server::base::mail::Incoming;
use garth_server::{App, Config, Limits};
use std::future::Future;
use std::panic::{AssertUnwindSafe, catch_unwind, resume_unwind};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;
use tokio::sync::OnceCell;

/// Where the server is told that it can be reached; the `Host` header must never matter.
pub const PUBLIC_URL: &str = "https://garth.example";

/// When every story begins.
const MORNING: &str = "2031-05-04T08:00:00Z";

/// How letters come in: from this machine, for this domain, vouched for by that server.
pub fn incoming() -> Incoming {
    let relays = ["127.0.0.0/8", "::1/128"].map(|network| network.parse().expect("a network"));
    Incoming { domain: "in.garth.example".to_owned(), relays: relays.to_vec(), authserv: "mx.garth.example".to_owned() }
}

/// A second, as the clock counts.
pub const SECOND: i64 = 1_000_000;

/// Makes each named story two tests: `<story>::sqlite` and `<story>::postgres`.
macro_rules! stories {
    ($($name:ident),+ $(,)?) => {
        $(mod $name {
            #[test]
            fn sqlite() {
                crate::support::tell(crate::support::Engine::Sqlite, stringify!($name), super::$name);
            }
            #[test]
            fn postgres() {
                crate::support::tell(crate::support::Engine::Postgres, stringify!($name), super::$name);
            }
        })+
    };
}

/// Asks until the answer is yes, for what is recorded a moment after it was answered.
pub async fn eventually(what: &str, mut question: impl AsyncFnMut() -> bool) {
    for _ in 0..100 {
        if question().await {
            return;
        }
        tokio::time::sleep(Duration::from_millis(50)).await;
    }
    panic!("waited in vain: {what}");
}

/// Tells one story on a fresh installation, which is gone afterwards whether the story ends well or not.
pub fn tell<F: Future<Output = ()>>(engine: Engine, name: &str, story: impl FnOnce(Garth) -> F) {
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .worker_threads(2)
        .thread_stack_size(8 << 20)
        .enable_all()
        .build()
        .expect("a runtime");
    let Some(place) = runtime.block_on(Place::make(engine)) else {
        eprintln!("{name}: skipped on PostgreSQL, TEST_DATABASE is not set (./test sets it)");
        return;
    };
    log::listen();
    let g = Garth::at(place);
    let told = catch_unwind(AssertUnwindSafe(|| {
        runtime.block_on(async {
            g.start().await;
            story(g.clone()).await;
        });
    }));
    runtime.block_on(async {
        let others = std::mem::take(&mut *g.0.others.lock().unwrap_or_else(PoisonError::into_inner));
        for one in others.into_iter().chain([g]) {
            one.stop().await;
            one.0.place.remove().await;
        }
    });
    runtime.shutdown_timeout(Duration::from_secs(5));
    if let Err(failure) = told {
        resume_unwind(failure);
    }
    let unexpected = log::unexpected();
    assert!(unexpected.is_empty(), "logged, and not expected (see g.expects_warning): {unexpected:#?}");
}

/// One installation, served in process: requests go through the router without a socket.
#[derive(Clone)]
pub struct Garth(Arc<Installation>);

struct Installation {
    place: Place,
    clock: Clock,
    limits: Mutex<Limits>,
    running: Mutex<Option<(Arc<App>, Router)>>,
    admin: OnceCell<Person>,
    /// Further installations of the same story.
    others: Mutex<Vec<Garth>>,
}

impl Garth {
    /// An installation on an empty place, not yet running: nobody has signed up, nothing exists.
    fn at(place: Place) -> Garth {
        Garth(Arc::new(Installation {
            place,
            clock: Clock::standing(clock::from_text(MORNING).expect("a time")),
            running: Mutex::new(None),
            admin: OnceCell::new(),
            others: Mutex::default(),
            // The clock stands still: what comes back with time would not.
            limits: Mutex::new(Limits { anonymous_per_second: 1_000_000, ..Limits::default() }),
        }))
    }

    /// Another installation on the same engine, fresh and running, with a clock of its own. It goes when the story ends,
    /// or with [`Garth::end`].
    pub async fn another(&self) -> Garth {
        let place = Place::make(self.0.place.engine()).await.expect("the engine that this story is told on");
        let other = Garth::at(place);
        self.0.others.lock().unwrap().push(other.clone());
        other.start().await;
        other
    }

    /// Ends an installation that came of [`Garth::another`].
    pub async fn end(&self, other: Garth) {
        self.0.others.lock().unwrap().retain(|one| !Arc::ptr_eq(&one.0, &other.0));
        other.stop().await;
        other.0.place.remove().await;
    }

    /// Ada, the first system administrator. Asking again gives the same Ada.
    pub async fn admin(&self) -> Person {
        self.0.admin.get_or_init(|| Person::first(self)).await.clone()
    }

    /// A user with this username, made by Ada and signed in. Holds no grant but what `everyone` holds.
    pub async fn person(&self, username: &str) -> Person {
        Person::sign_up(self, username).await
    }

    /// This story makes the server log a WARN or an ERROR with this in it; any other one fails the story.
    pub fn expects_warning(&self, part: &str) {
        log::expect(part);
    }

    /// Nobody: requests without a credential.
    pub fn anonymous(&self) -> Person {
        Person::nobody(self)
    }

    /// What the setup token was printed as; `None` once somebody used it.
    pub fn setup_token(&self) -> Option<String> {
        self.app().setup_token()
    }

    /// The default space, named "Home" by Ada, who is its admin. Everyone stays a writer in it, so that all people
    /// share a space and see one another: where most stories about spaces begin.
    pub async fn home(&self) -> Thing {
        self.admin().await.space("Home").create().await
    }

    /// The default space, named "Home" and closed to those without a grant: people are strangers to one another.
    pub async fn closed_home(&self) -> Thing {
        let ada = self.admin().await;
        let home = self.home().await;
        for grant in ada.get(&home.url("/grants")).await.ok().items() {
            if grant["principal"] == "group:everyone" {
                let id = grant["id"].as_str().expect("an id");
                ada.delete(&home.url(&format!("/grants/{id}"))).await.done();
            }
        }
        home
    }

    /// What lies in this folder is the server's own: keys and the setup token.
    pub fn folder(&self) -> std::path::PathBuf {
        self.0.place.folder()
    }

    /// Stops the server and starts it again on the same data.
    pub async fn restart(&self) {
        self.stop().await;
        self.start().await;
    }

    /// Starts the server again, configured otherwise.
    pub async fn restart_with(&self, set: impl FnOnce(&mut Config)) {
        self.stop().await;
        let mut config = self.config();
        set(&mut config);
        self.start_as(config).await;
    }

    /// Starts the server again with other limits.
    pub async fn limit(&self, limits: Limits) {
        *self.0.limits.lock().unwrap() = limits;
        self.restart().await;
    }

    /// The limits it runs with.
    pub fn limits(&self) -> Limits {
        self.0.limits.lock().unwrap().clone()
    }

    /// Does something to what is stored, behind the server's back.
    pub async fn meddle(&self, sql: &str) {
        self.0.place.meddle(sql).await;
    }

    /// Lets so many microseconds pass: the clock of a story stands still until it is told.
    pub fn pass(&self, micros: i64) {
        self.0.clock.advance(micros);
    }

    /// The time so many microseconds from now, as the contract writes times.
    pub fn time_in(&self, micros: i64) -> String {
        clock::to_text(self.0.clock.now() + micros)
    }

    /// Tells a part of a story after which the stored state must be what it was: refusals change nothing.
    /// Only bookkeeping (the audit, sessions and sign-in counters) may have moved.
    pub async fn unchanged<T>(&self, part: impl AsyncFnOnce() -> T) -> T {
        let before = self.0.place.dump().await;
        let result = part().await;
        let after = self.0.place.dump().await;
        for (table, rows) in &after {
            let old = &before[table];
            let gone: Vec<_> = old.iter().filter(|row| !rows.contains(row)).collect();
            let come: Vec<_> = rows.iter().filter(|row| !old.contains(row)).collect();
            assert!(old == rows, "a refused request changed table {table}\n  gone: {gone:#?}\n  come: {come:#?}");
        }
        result
    }

    /// The server itself, for what has no HTTP door.
    pub fn app(&self) -> Arc<App> {
        self.0.running.lock().unwrap().as_ref().expect("a running server").0.clone()
    }

    fn router(&self) -> Router {
        self.0.running.lock().unwrap().as_ref().expect("a running server").1.clone()
    }

    /// Tries to start another server on the same data.
    pub async fn second_server(&self) -> Result<(), DbError> {
        let second = App::open(self.config()).await?;
        second.shutdown().await;
        Ok(())
    }

    /// Every row of a table as it is stored.
    pub async fn rows(&self, table: &str) -> Vec<String> {
        self.0.place.everything().await.remove(table).expect("a table of that name")
    }

    /// Stops, tries to start with another key of the installation (or none), and starts again as before.
    pub async fn start_with_key(&self, key: Option<&str>) -> Result<(), DbError> {
        self.stop().await;
        let file = self.0.place.folder().join("master-key");
        let own = std::fs::read(&file).expect("the installation's key");
        match key {
            Some(key) => std::fs::write(&file, key).expect("another key"),
            None => std::fs::remove_file(&file).expect("no key"),
        }
        let started = self.second_server().await;
        std::fs::write(&file, own).expect("the key again");
        self.start().await;
        started
    }

    fn config(&self) -> Config {
        Config {
            target: self.0.place.target(),
            data_dir: Some(self.0.place.folder()),
            public_url: PUBLIC_URL.to_owned(),
            capabilities: Vec::new(),
            clock: self.0.clock.clone(),
            limits: self.limits(),
            mail: None,
            incoming: Some(incoming()),
            body_check: garth_server::body_check,
        }
    }

    async fn start(&self) {
        self.start_as(self.config()).await;
    }

    async fn start_as(&self, config: Config) {
        let app = App::open(config).await.expect("the server opens");
        let router = garth_server::router(app.clone());
        *self.0.running.lock().unwrap() = Some((app, router));
    }

    async fn stop(&self) {
        let running = self.0.running.lock().unwrap().take();
        if let Some((app, router)) = running {
            drop(router);
            app.shutdown().await;
        }
    }
}
