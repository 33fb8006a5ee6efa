//! A provider that somebody else wrote: `oidc-provider` from the npm registry, with nothing between but sockets. `./test`
//! installs it into the folder that `OIDC_PROVIDER` names; without it these stories are skipped.

use super::groups_of;
use crate::support::*;
use axum::extract::connect_info::IntoMakeServiceWithConnectInfo;
use garth_server::Limits;
use garth_server::base::clock::Clock;
use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Lines};
use std::net::SocketAddr;
use std::path::PathBuf;
use std::process::{Child, ChildStdout, Command, Stdio};
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};

stories! {
    a_real_provider_signs_people_in_and_out,
}

/// The provider's program, if it is installed.
fn program() -> Option<PathBuf> {
    let default = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("../../target/oidc");
    let folder = std::env::var_os("OIDC_PROVIDER").map_or(default, PathBuf::from);
    Some(folder.join("provider.mjs")).filter(|file| file.exists() && folder.join("node_modules/oidc-provider").exists())
}

/// The running provider; it ends with the story.
struct Running(
    Child,
    #[allow(dead_code, reason = "a pipe that must not be shut before its time")] Lines<BufReader<ChildStdout>>,
);

impl Drop for Running {
    fn drop(&mut self) {
        let _ = self.0.kill();
        let _ = self.0.wait();
    }
}

impl Running {
    /// Starts it, and waits until it listens.
    async fn start(program: PathBuf, port: u16, garth: String) -> Running {
        let started = tokio::task::spawn_blocking(move || {
            let mut command = Command::new("node");
            command.arg(&program).args([port.to_string(), garth]).stdout(Stdio::piped()).stderr(Stdio::null());
            let mut child = command.spawn().expect("node");
            let mut said = BufReader::new(child.stdout.take().expect("its words")).lines();
            let ready = said.by_ref().map_while(Result::ok).any(|line| line == "ready");
            assert!(ready, "the provider did not start");
            Running(child, said)
        });
        started.await.expect("a provider")
    }
}

/// One answer of a server on a socket.
struct Page {
    status: u16,
    location: String,
    set: Vec<String>,
    text: String,
}

/// A client that keeps cookies by host and port, and goes where it is sent while that is the same server.
#[derive(Default)]
struct Client {
    cookies: BTreeMap<String, BTreeMap<String, String>>,
}

impl Client {
    async fn send(&mut self, method: &str, url: &str, form: &str) -> Page {
        let (host, path) = url.strip_prefix("http://").and_then(|rest| rest.split_once('/')).expect("an address");
        let mut stream = TcpStream::connect(host).await.expect("a server");
        let own = self.cookies.entry(host.to_owned()).or_default();
        let cookies = own.iter().map(|(name, value)| format!("{name}={value}")).collect::<Vec<_>>().join("; ");
        let request = format!(
            "{method} /{path} HTTP/1.1\r\nhost: {host}\r\naccept: text/html\r\ncookie: {cookies}\r\norigin: http://{host}\r\n\
             sec-fetch-site: same-origin\r\ncontent-type: application/x-www-form-urlencoded\r\ncontent-length: {}\r\n\
             connection: close\r\n\r\n{form}",
            form.len()
        );
        stream.write_all(request.as_bytes()).await.expect("sent");
        let mut bytes = Vec::new();
        stream.read_to_end(&mut bytes).await.expect("read");
        let text = String::from_utf8_lossy(&bytes).into_owned();
        let (head, body) = text.split_once("\r\n\r\n").expect("a head");
        let all = |name: &str| {
            let lines = head.lines().filter_map(|line| line.split_once(": "));
            lines
                .filter(|(own, _)| own.eq_ignore_ascii_case(name))
                .map(|(_, value)| value.to_owned())
                .collect::<Vec<_>>()
        };
        let set = all("set-cookie");
        for line in &set {
            let (name, rest) = line.split_once('=').expect("a cookie");
            let value = rest.split(';').next().unwrap_or_default().to_owned();
            let ended = value.is_empty() || line.contains("1970");
            if ended { drop(own.remove(name)) } else { drop(own.insert(name.to_owned(), value)) }
        }
        let status = head.split(' ').nth(1).and_then(|status| status.parse().ok()).expect("a status");
        let location = all("location").pop().unwrap_or_default();
        let location = if location.starts_with('/') { format!("http://{host}{location}") } else { location };
        Page { status, location, set, text: body.to_owned() }
    }

    /// Follows while it is that server that leads on.
    async fn follow(&mut self, mut page: Page, host: &str) -> Page {
        while (300..400).contains(&page.status) && page.location.starts_with(host) {
            let to = page.location.clone();
            page = self.send("GET", &to, "").await;
        }
        page
    }

    /// Signs in at the provider, as far as it asks: answers where it leads back to.
    async fn consent(&mut self, issuer: &str, url: &str, login: &str) -> String {
        let page = self.send("GET", url, "").await;
        let mut page = self.follow(page, issuer).await;
        while page.status == 200 {
            let action = page.text.split("action=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
            let fields = match page.text.contains("value=\"login\"") {
                true => browser::form(&[("prompt", "login"), ("login", login), ("password", "x")]),
                false => browser::form(&[("prompt", "consent")]),
            };
            let to = if action.starts_with('/') { format!("{issuer}{action}") } else { action.to_owned() };
            let next = self.send("POST", &to, &fields).await;
            page = self.follow(next, issuer).await;
        }
        assert!((300..400).contains(&page.status), "{} {}", page.status, page.text);
        page.location
    }
}

async fn a_real_provider_signs_people_in_and_out(g: Garth) {
    let Some(program) = program() else {
        eprintln!("a real provider: skipped, OIDC_PROVIDER is not set (./test sets it)");
        return;
    };
    let listener = TcpListener::bind("127.0.0.1:0").await.expect("a port");
    let garth = format!("http://{}", listener.local_addr().expect("an address"));
    g.limit(Limits { allow_private_targets: true, ..g.limits() }).await;
    let ada = g.admin().await;
    ada.group("crew", &[]).await;
    ada.group("ops", &[]).await;
    let url = garth.clone();
    // A real provider lives in real time.
    g.restart_with(|config| {
        config.public_url = url;
        config.clock = Clock::default();
    })
    .await;
    let service: IntoMakeServiceWithConnectInfo<_, SocketAddr> =
        garth_server::router(g.app()).into_make_service_with_connect_info();
    let served = tokio::spawn(async move { axum::serve(listener, service).await });

    let port = TcpListener::bind("127.0.0.1:0").await.and_then(|free| free.local_addr()).expect("a port").port();
    let issuer = format!("http://127.0.0.1:{port}");
    let provider = Running::start(program, port, garth.clone()).await;

    let made = ada
        .post(
            "/api/v1/identity-providers",
            json!({"name": "Real", "slug": "real", "issuer": issuer, "client_id": "garth", "allow_private": true,
                "client_secret": "a secret of some length, + and /", "create_users": true, "groups_claim": "groups",
                "groups_from": "both", "scopes": ["openid", "profile", "email"]}),
        )
        .await
        .created();
    assert_eq!(made["check"]["reachable"], true, "{made}");

    // Code, PKCE, state, nonce, iss, RS256, userinfo, groups: twice in one browser of the provider.
    let mut client = Client::default();
    let mut tokens = Vec::new();
    for _ in 0..2 {
        // Another browser here; the same one there.
        client.cookies.remove(garth.trim_start_matches("http://"));
        let began = client.send("GET", &format!("{garth}/auth/oidc/real/start?return=/sign-in"), "").await;
        assert_eq!(began.status, 303, "{}", began.text);
        let back = client.consent(&issuer, &began.location, "lin+crew+unknown").await;
        assert!(back.starts_with(&format!("{garth}/auth/oidc/real/callback?")), "{back}");
        let ended = client.send("GET", &back, "").await;
        assert_eq!(
            (ended.status, ended.location.as_str()),
            (303, format!("{garth}/sign-in").as_str()),
            "{}",
            ended.text
        );
        let cookie = ended.set.iter().find(|line| line.starts_with("garth=gs_")).expect("a session");
        assert!(
            cookie.contains("HttpOnly") && cookie.contains("SameSite=Lax") && !cookie.contains("Secure"),
            "{cookie}"
        );
        tokens.push(cookie["garth=".len()..].split(';').next().expect("a token").to_owned());
        // A code is good once, there as here.
        assert_eq!(client.send("GET", &back, "").await.status, 409);
    }
    let nobody = g.anonymous();
    let (one, two) = (nobody.with_token(&tokens[0]), nobody.with_token(&tokens[1]));
    let me = one.get("/api/v1/me").await.ok();
    assert_eq!(me["user"]["username"], "lin@real");
    assert_eq!(me["user"]["email"], "lin@corp.example");
    assert_eq!(two.get("/api/v1/me").await.ok()["user"]["id"], me["user"]["id"]);
    let lin = Person { id: me["user"]["id"].as_str().expect("an id").to_owned(), ..one.clone() };
    assert_eq!(groups_of(&g, &lin).await, ["crew"]);
    let home = client.send("GET", &format!("{garth}/account"), "").await;
    assert!(home.status == 200 && home.text.contains("lin@real"), "{}", home.text);

    // Signed out here, then there; and then the provider ends the other session of the same browser by the back channel.
    let out = client.send("POST", &format!("{garth}/auth/logout"), "").await;
    assert!(out.status == 303 && out.location.starts_with(&format!("{issuer}/session/end?")), "{}", out.location);
    two.get("/api/v1/me").await.not_signed_in();
    one.get("/api/v1/me").await.ok();
    let asked = client.send("GET", &out.location, "").await;
    let xsrf =
        asked.text.split("name=\"xsrf\" value=\"").nth(1).and_then(|rest| rest.split('"').next()).expect("a form");
    let fields = browser::form(&[("xsrf", xsrf), ("logout", "yes")]);
    let ended = client.send("POST", &format!("{issuer}/session/end/confirm"), &fields).await;
    assert_eq!(ended.location, format!("{garth}/sign-in"), "{} {}", ended.status, ended.text);
    eventually("the back channel", async || one.get("/api/v1/me").await.status == 401).await;
    let audit = ada.get("/api/v1/audit?action=identity.logout").await.ok().items();
    assert_eq!(audit[0]["after"]["sessions_ended"], 1, "{}", audit[0]);

    // Another person, in another browser, with other groups.
    let mut other = Client::default();
    let began = other.send("GET", &format!("{garth}/auth/oidc/real/start"), "").await;
    let back = other.consent(&issuer, &began.location, "mia+ops+crew").await;
    let ended = other.send("GET", &back, "").await;
    assert_eq!(ended.status, 303, "{}", ended.text);
    let cookie = ended.set.iter().find(|line| line.starts_with("garth=gs_")).expect("a session");
    let mia = nobody.with_token(cookie["garth=".len()..].split(';').next().expect("a token"));
    let me = mia.get("/api/v1/me").await.ok();
    let mia = Person { id: me["user"]["id"].as_str().expect("an id").to_owned(), ..mia };
    assert_eq!(groups_of(&g, &mia).await, ["crew", "ops"]);
    drop(provider);
    served.abort();
}
