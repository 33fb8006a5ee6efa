//! A small installation for the targets to read against: three people, a group, a kind with a secret, named policies,
//! two spaces and a task.

use axum::Router;
use axum::body::Body;
use axum::http::{HeaderMap, Request, StatusCode};
use garth_core::{Caller, Micros};
use garth_server::base::clock::{self, Clock};
use garth_server::base::db::Target;
use garth_server::directory::Directory;
use garth_server::{App, Config, Limits};
use http_body_util::BodyExt;
use serde_json::{Value, json};
use std::sync::Arc;
use std::time::Duration;
use tokio::runtime::Runtime;
use tower::ServiceExt;

const PASSWORD: &str = "correct horse battery staple";

/// The installation, running in this process.
pub struct Yard {
    runtime: Runtime,
    app: Arc<App>,
    router: Router,
    /// Lin's session.
    pub token: String,
    /// Lin's id.
    pub lin: String,
    /// The space that Lin is a writer of.
    pub space: String,
    /// The task in it.
    pub task: String,
}

/// What came back.
pub struct Answer {
    /// The status.
    pub status: StatusCode,
    /// The headers.
    pub headers: HeaderMap,
    /// The body.
    pub bytes: Vec<u8>,
}

impl Answer {
    /// The body as JSON; null when it is none.
    pub fn json(&self) -> Value {
        serde_json::from_slice(&self.bytes).unwrap_or_default()
    }
}

impl Yard {
    /// Makes the installation in a folder of its own under the folder for temporary files.
    ///
    /// # Panics
    /// When it cannot be made.
    pub fn open() -> Self {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().expect("a runtime");
        let folder = std::env::temp_dir().join(format!("garth-fuzz-{}", std::process::id()));
        std::fs::create_dir_all(&folder).expect("a folder");
        let now = clock::from_text("2031-05-04T08:00:00Z").expect("a time");
        // Requests come one after another and as fast as they can.
        let limits = Limits {
            request: Duration::from_secs(3600),
            in_flight: usize::MAX >> 4,
            in_flight_each: usize::MAX >> 4,
            anonymous_per_second: u32::MAX,
            ..Limits::default()
        };
        let config = Config {
            target: Target::Sqlite(folder.join("garth.db")),
            data_dir: Some(folder),
            public_url: "https://garth.example".to_owned(),
            capabilities: Vec::new(),
            clock: Clock::standing(now),
            limits,
            mail: None,
            incoming: None,
            body_check: garth_server::body_check,
        };
        let app = runtime.block_on(App::open(config)).expect("the server opens");
        let router = garth_server::router(Arc::clone(&app));
        let mut yard = Self {
            runtime,
            app,
            router,
            token: String::new(),
            lin: String::new(),
            space: String::new(),
            task: String::new(),
        };
        yard.furnish();
        yard
    }

    fn furnish(&mut self) {
        let token = self.app.setup_token().expect("a setup token");
        self.make("/api/v1/setup", json!({"token": token, "username": "ada", "password": PASSWORD}));
        self.token = text(&self.make("/api/v1/login", json!({"username": "ada", "password": PASSWORD})), "token");
        for kind in ["task", "note"] {
            let prefix = kind[..1].to_uppercase();
            self.make(
                "/api/v1/kinds",
                json!({"name": kind, "plural": format!("{kind}s"), "prefix": prefix, "schema": {"type": "object"},
                    "secret_fields": ["/token"], "permissions": [format!("{kind}:close")]}),
            );
        }
        self.make("/api/v1/spaces", json!({"name": "Home"}));
        let lin = self.make("/api/v1/users", json!({"username": "lin"}));
        self.make("/api/v1/users", json!({"username": "bo"}));
        self.lin = text(&lin, "id");
        let group = text(&self.make("/api/v1/groups", json!({"name": "crew"})), "id");
        self.make(&format!("/api/v1/groups/{group}/members"), json!({"member": "user:@lin"}));
        self.make("/api/v1/policies", json!({"name": "crew", "policy": {"groups_any": ["group:@crew"]}}));
        let nested = json!({"rules": [{"effect": "deny", "who": "author"}, {"effect": "allow", "who": {"named": "@crew"}}], "default": "deny"});
        self.make("/api/v1/policies", json!({"name": "nested", "policy": nested}));
        self.space = text(&self.make("/api/v1/spaces", json!({"name": "Yard", "labels": ["green"]})), "id");
        let grants = format!("/api/v1/spaces/{}/grants", self.space);
        self.make(&grants, json!({"principal": "user:@lin", "role": "writer"}));
        let signup = text(&lin, "signup_token");
        let session = self.make("/api/v1/signup", json!({"token": signup, "password": PASSWORD}));
        self.token = text(&session, "token");
        let task = json!({"kind": "task", "space": self.space, "name": "Mend the gate", "labels": ["green"], "owner": "user:@lin"});
        self.task = text(&self.make("/api/v1/resources", task), "id");
    }

    fn make(&self, path: &str, body: Value) -> Value {
        let answer = self.ask("POST", path, &[], body.to_string().into_bytes()).expect("a request");
        assert!(answer.status.is_success(), "{path}: {}", String::from_utf8_lossy(&answer.bytes));
        answer.json()
    }

    /// Sends a request with the session at hand; `None` when the library cannot even write it.
    pub fn ask(&self, method: &str, path: &str, headers: &[(&str, &[u8])], body: Vec<u8>) -> Option<Answer> {
        let mut request = Request::builder().method(method).uri(path).header("content-type", "application/json");
        if !self.token.is_empty() {
            request = request.header("authorization", format!("Bearer {}", self.token));
        }
        for (name, value) in headers {
            request = request.header(*name, *value);
        }
        let request = request.body(Body::from(body)).ok()?;
        let router = self.router.clone();
        Some(self.runtime.block_on(async {
            let response = router.oneshot(request).await.expect("the router never fails");
            let (parts, body) = response.into_parts();
            let bytes = body.collect().await.expect("a body").to_bytes().to_vec();
            Answer { status: parts.status, headers: parts.headers, bytes }
        }))
    }

    /// The picture as it is.
    pub fn directory(&self) -> Arc<Directory> {
        self.app.directory()
    }

    /// The time, which stands still.
    pub fn now(&self) -> Micros {
        self.app.clock.now()
    }

    /// Nobody, everybody signed in, and each of the people.
    pub fn callers(&self, dir: &Directory) -> Vec<Caller> {
        let people = ["@ada", "@lin", "@bo"].into_iter().filter_map(|name| dir.user_ref(name));
        let people = people.filter_map(|user| Caller::user(&dir.world, user));
        [Caller::anonymous(), Caller::everyone()].into_iter().chain(people).collect()
    }
}

fn text(value: &Value, field: &str) -> String {
    value[field].as_str().unwrap_or_else(|| panic!("no {field} in {value}")).to_owned()
}
