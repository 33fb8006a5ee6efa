//! Odd addresses, methods and headers: none of them reaches what the plain request would not.

use super::routes::{Class, Route, routes};
use super::world::World;
use super::{callable, documented, private};
use crate::support::*;
use axum::http::Method;
use std::collections::BTreeSet;

stories! {
    n11_odd_addresses_reach_nothing_without_a_credential,
    n13_no_method_bypasses,
    n14_headers_of_proxies_change_nothing,
    n15_what_is_not_built_answers_nothing,
    n16_no_answer_may_be_kept_by_a_proxy,
}

/// Other ways to write an address.
fn oddities(path: &str) -> Vec<String> {
    let (address, query) = path.split_once('?').map_or((path, String::new()), |(a, q)| (a, format!("?{q}")));
    let (stem, last) = address.rsplit_once('/').expect("a slash");
    let first = last.bytes().next().unwrap_or(b'x');
    let rest = last.get(1..).unwrap_or_default();
    let mut odd = vec![
        format!("/{address}"),
        address.replacen("/v1/", "//v1/", 1),
        format!("{stem}//{last}"),
        format!("{address}/"),
        format!("{address}//"),
        format!("{stem}/./{last}"),
        format!("{stem}/x/../{last}"),
        format!("/healthz/..{address}"),
        format!("/healthz/%2e%2e{address}"),
        format!("/healthz/..;{address}"),
        format!("/api/v1/openapi.json/..{address}"),
        format!("/.well-known/authzen-configuration/%2e%2e/%2e%2e{address}"),
        format!("{stem}/%{first:02x}{rest}"),
        format!("{stem}/%25{first:02x}{rest}"),
        format!("{stem}/%{first:02X}{rest}"),
        address.replace('/', "%2f"),
        format!("/{}", address[1..].replace('/', "%2F")),
        address.replace('/', "%252f"),
        format!("{stem}{last}"),
        format!("{stem}%2f{last}"),
        format!("{stem}%5c{last}"),
        format!("{address};x=y"),
        format!("{stem};x=y/{last}"),
        format!("{address}%00"),
        format!("{address}%20"),
        format!("{address}%0a"),
        format!("{address}.json"),
        format!("{address}%23"),
        address.to_uppercase(),
        address.replacen("/api/", "/Api/", 1),
        address.replacen("/access/", "/Access/", 1),
        format!("http://garth.example{address}"),
        format!("http://garth.example:80/{address}"),
    ];
    odd.retain(|odd| odd != address);
    let there = |odd: &String| (odd.starts_with('/') || odd.starts_with("http://")) && callable(odd);
    odd.into_iter().map(|odd| format!("{odd}{query}")).filter(there).collect()
}

async fn n11_odd_addresses_reach_nothing_without_a_credential(g: Garth) {
    let w = World::make(&g).await;
    // To be asked for a passkey is for anybody; it takes one to go on.
    let asked = |route: &Route| route.path == "/api/v1/login/passkey/begin";
    let open = |route: &Route| matches!(route.class, Class::Public | Class::Browser) || asked(route);
    let public: BTreeSet<String> = routes().iter().filter(|r| open(r)).map(|r| r.url(&w)).collect();
    g.unchanged(async || {
        for route in routes() {
            for odd in oddities(&route.url(&w)) {
                // Without the secrets that some routes go by.
                let call = w.nobody.call(route.verb(), &odd);
                let answer = if route.changes() { call.json(json!({})).await } else { call.await };
                let plain = odd.strip_prefix("http://garth.example").unwrap_or(&odd);
                // A file of the pages is the same under every spelling of its name.
                let fits = (open(&route) && public.contains(plain)) || route.path.starts_with("/assets/");
                assert!(fits || !answer.status.is_success(), "reached without a credential: {answer}");
                assert!(!answer.status.is_redirection() || (fits && route.class == Class::Browser), "{answer}");
                private(&answer);
            }
        }
        // With one it is the same route with the same locks, or none at all.
        for route in routes().iter().filter(|route| !route.changes() && route.path.contains("/v1/")) {
            let url = route.url(&w);
            let plain = route.call(&w, &w.out, &url).await;
            for odd in oddities(&url) {
                let answer = w.out.get(&odd).await;
                let same = answer.visible() == plain.visible();
                assert!(same || answer.status.is_client_error(), "{odd} reached something else than {plain}: {answer}");
            }
        }
    })
    .await;
}

async fn n13_no_method_bypasses(g: Garth) {
    let w = World::make(&g).await;
    let documented = documented(&g).await;
    let headers = ["x-http-method-override", "x-http-method", "x-method-override"];
    g.unchanged(async || {
        let mut seen = BTreeSet::new();
        for route in routes() {
            let url = route.url(&w);
            // What changes is never asked for by a method that changes nothing, nor by an unknown one.
            if seen.insert(route.path) {
                for method in ["HEAD", "OPTIONS", "TRACE", "CONNECT", "PROPFIND", "get", "GETX"] {
                    let verb = Method::from_bytes(method.as_bytes()).expect("a method");
                    let reads = method == "HEAD" && documented.contains(&format!("GET {}", route.path));
                    let public = routes().iter().any(|r| {
                        r.path == route.path && r.method == "get" && matches!(r.class, Class::Public | Class::Browser)
                    });
                    let nobody = w.nobody.call(verb.clone(), &url).await;
                    assert!((reads && public) || nobody.status.is_client_error(), "{nobody}");
                    let ada = w.ada.call(verb, &url).await;
                    assert!(reads || ada.status == 405, "{ada}");
                }
            }
            // A header does not make another method of it.
            let caller = route.caller(&w);
            for header in headers {
                if route.changes() {
                    let nobody = route.call(&w, &w.nobody, &route.dry(&w)).header(header, "GET").await;
                    let secret = matches!(route.class, Class::Secret | Class::Browser);
                    assert!(secret || nobody.status == 401, "{nobody}");
                } else if !route.counts() {
                    let plain = route.call(&w, caller, &url).await;
                    assert_same(&route.call(&w, caller, &url).header(header, "DELETE").await, &plain);
                }
            }
        }
    })
    .await;
}

async fn n14_headers_of_proxies_change_nothing(g: Garth) {
    let w = World::make(&g).await;
    let spoofed = |mut call: Call| {
        for (header, value) in [
            ("host", "evil.example"),
            ("x-forwarded-host", "evil.example"),
            ("x-forwarded-server", "evil.example"),
            ("x-forwarded-proto", "gopher"),
            ("x-forwarded-prefix", "/evil.example"),
            ("x-forwarded-for", "203.0.113.66"),
            ("forwarded", "for=203.0.113.66;host=evil.example;proto=gopher"),
            ("x-original-url", "/healthz"),
            ("x-rewrite-url", "/healthz"),
            ("x-original-host", "evil.example"),
            ("origin", "https://evil.example"),
            ("referer", "https://evil.example/"),
        ] {
            call = call.header(header, value);
        }
        call
    };
    g.unchanged(async || {
        for route in routes() {
            let caller = route.caller(&w);
            let plain = route.call(&w, caller, &route.dry(&w)).await;
            let odd = spoofed(route.call(&w, caller, &route.dry(&w))).await;
            assert_eq!(odd.status, plain.status, "{odd}\n{plain}");
            if !route.changes() && !route.counts() {
                assert_same(&odd, &plain);
            }
            let text = format!("{:?} {}", odd.headers, String::from_utf8_lossy(&odd.bytes));
            assert!(!text.contains("evil.example") && !text.contains("gopher"), "{odd}");
        }
    })
    .await;
}

/// What later versions bring is not there in parts either, and discovery names nothing that is not.
async fn n15_what_is_not_built_answers_nothing(g: Garth) {
    let w = World::make(&g).await;
    let absent = [
        "/console",
        "/login",
        "/static/app.js",
        "/favicon.ico",
        "/docs",
        "/swagger",
        "/graphql",
        "/debug/pprof",
        "/playground",
        "/scim/v2/Users",
        "/scim/v2/ServiceProviderConfig",
        "/auth/oidc/callback",
        "/auth/oidc/start",
        "/forward-auth/nginx",
        "/forward-auth/traefik",
        "/api/v1/jobs",
        "/api/v1/deliveries",
        "/api/v1/changes",
        "/api/v1/registry",
        "/api/v1/backup",
        "/api/v2/spaces",
        "/access/v1",
        "/.well-known/openid-configuration",
        "/.well-known/oauth-protected-resource",
        "/.git/config",
        "/.env",
    ];
    let under = ["/keys", "/jobs"];
    let spaces: Vec<String> = under.iter().map(|tail| w.atlas.url(tail)).collect();
    for caller in [&w.nobody, &w.lin, &w.ada, &w.key] {
        let unknown = caller.get("/api/v1/nothing-here").await.refused(404, "not_found");
        for path in absent.iter().copied().chain(spaces.iter().map(String::as_str)) {
            assert_same(&caller.get(path).await, &unknown);
            assert_eq!(caller.post(path, json!({})).await.status, 404);
        }
    }
    let documented = documented(&g).await;
    let discovery = g.anonymous().get("/.well-known/authzen-configuration").await.ok();
    for (name, value) in discovery.json.as_object().expect("an object") {
        let Some(path) = value.as_str().and_then(|url| url.strip_prefix(PUBLIC_URL)).filter(|path| !path.is_empty())
        else {
            continue;
        };
        assert!(documented.contains(&format!("POST {path}")), "{name} names what is not there: {path}");
    }
}

/// Answers, refusals, odd requests: none is to be kept, and all depend on who asks. (The sweep looks at every other one.)
async fn n16_no_answer_may_be_kept_by_a_proxy(g: Garth) {
    let w = World::make(&g).await;
    for route in routes().iter().filter(|route| !route.changes()) {
        let route: &Route = route;
        let answer = route.call(&w, route.caller(&w), &route.url(&w)).await;
        // A browser may be taken elsewhere, or to a provider that is not there.
        private(&if route.class == Class::Browser { answer } else { answer.done() });
    }
    for caller in [&w.nobody, &w.lin] {
        private(&caller.get("/nothing/here").await);
        private(&caller.get("/api/v1/users?colour=red").await);
        private(&caller.call(Method::OPTIONS, "/api/v1/users").header("origin", "https://evil.example").await);
        private(&caller.call(Method::POST, "/api/v1/login").raw("application/json", "{").await);
        private(&caller.call(Method::POST, "/api/v1/resources").raw("text/plain", "x").await);
    }
}
