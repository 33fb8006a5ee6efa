//! Stories about login policies: who comes in, with what, and that what goes wrong keeps people out and nobody else up.

use crate::support::*;
use axum::http::Method;

#[path = "tests/brought.rs"]
mod brought;
#[path = "tests/runaways.rs"]
mod runaways;

stories! {
    without_a_policy_members_come_in,
    a_policy_keeps_somebody_out_and_no_failed_sign_in_is_counted,
    local_system_administrators_are_never_asked_about,
    every_change_ends_every_session_but_the_editors,
    what_cannot_be_a_policy_is_refused_when_it_is_saved,
    login_policies_are_for_system_administrators,
    login_policies_have_limits,
    n63_an_error_refuses_and_is_on_record,
    a_refused_sign_up_and_recovery_leave_what_they_came_with,
    policies_are_told_who_comes_and_from_where,
    a_draft_is_answered_and_nothing_is_kept,
    samples_show_what_was_asked,
    a_policy_of_either_language_and_package_is_asked,
}

const POLICIES: &str = "/api/v1/login-policies";
const SIMULATE: &str = "/api/v1/login-policies/simulate";
const MEMBERS: &str = "package garth\nallow if input.session.member";

/// Keeps a policy in v1 that is asked.
async fn ask(by: &Person, name: &str, rego: &str) -> String {
    by.post(POLICIES, json!({"name": name, "rego": rego, "version": "v1"})).await.created().id()
}

/// Tries to sign in.
fn login(g: &Garth, username: &str) -> Call {
    g.anonymous().post("/api/v1/login", json!({"username": username, "password": password(username)}))
}

async fn without_a_policy_members_come_in(g: Garth) {
    let ada = g.admin().await;
    g.person("lin").await;
    login(&g, "lin").await.ok();
    // One that is not asked is none.
    ada.login_policy("not asked", "package garth\ndeny := true").await;
    login(&g, "lin").await.ok();
}

async fn a_policy_keeps_somebody_out_and_no_failed_sign_in_is_counted(g: Garth) {
    let ada = g.admin().await;
    let (lin, _) = (g.person("lin").await, g.person("bo").await);
    let rego = format!("{MEMBERS}\ndeny if input.session.login == \"lin\"");
    let id = ask(&ada, "all but lin", &rego).await;
    g.unchanged(async || {
        for _ in 0..12 {
            login(&g, "lin").await.refused(403, "login_refused");
        }
        // Whoever does not know the password learns nothing of policies.
        let wrong = json!({"username": "lin", "password": "guess"});
        g.anonymous().post("/api/v1/login", wrong).await.refused(401, "wrong_credentials");
    })
    .await;
    login(&g, "bo").await.ok();
    let told = ada.get("/api/v1/audit?action=login&outcome=refused").await.ok();
    assert_eq!(told.items().len(), 12, "each is on record");
    assert_eq!(told.items()[0]["target"]["id"], lin.id.as_str());
    assert_eq!(told.items()[0]["after"]["denied_by"], json!(["all but lin"]));
    ada.delete(&format!("{POLICIES}/{id}")).await.done();
    login(&g, "lin").await.ok();
}

async fn local_system_administrators_are_never_asked_about(g: Garth) {
    let ada = g.admin().await;
    ask(&ada, "nobody", "package garth\ndeny := true\nsample := true").await;
    login(&g, "ada").await.ok();
    assert!(ada.get("/api/v1/login-policies/samples").await.ok().items().is_empty());
}

async fn every_change_ends_every_session_but_the_editors(g: Garth) {
    let ada = g.admin().await;
    g.person("lin").await;
    let home = g.home().await;
    let key = ada.key(&home, "app", "reader").await;
    let mut id = String::new();
    for step in 0..3 {
        let lin = g.anonymous().sign_in("lin").await;
        let other = g.anonymous().sign_in("ada").await;
        let url = format!("{POLICIES}/{id}");
        // Nothing ends by what is only tried, refused, or changes nothing.
        g.unchanged(async || {
            let dry = json!({"name": "x", "rego": MEMBERS, "version": "v1"});
            ada.post(&format!("{POLICIES}?dry_run=true"), dry).await.created();
            lin.get("/api/v1/me").await.ok();
            lin.post(POLICIES, json!({"name": "x", "rego": MEMBERS, "version": "v1"})).await.refused(403, "forbidden");
        })
        .await;
        match step {
            0 => id = ask(&ada, "one", MEMBERS).await,
            1 => {
                ada.patch(&url, json!({"enabled": true})).await.ok();
                lin.get("/api/v1/me").await.ok();
                drop(ada.patch(&url, json!({"enabled": false})).await.ok());
            }
            _ => drop(ada.delete(&url).await.done()),
        }
        ada.get("/api/v1/me").await.ok();
        key.get(&home.url("")).await.ok();
        for ended in [lin, other] {
            ended.get("/api/v1/me").await.not_signed_in();
        }
    }
    let told = ada.get("/api/v1/audit?action=login_policy.update").await.ok();
    assert_eq!(told.items()[0]["before"]["enabled"], true);
    assert_eq!(told.items()[0]["after"]["sessions_ended"], 2);
}

async fn what_cannot_be_a_policy_is_refused_when_it_is_saved(g: Garth) {
    let ada = g.admin().await;
    let kept = ada.login_policy("kept", MEMBERS).await;
    let wrong = [
        ("v1", "package garth\nallow if {", "line 2"),
        ("v1", "package garth\n\nallow { input.session.member }", "line 3"),
        ("v0", "package garth\nallow if input.session.member", "line 2, column 7"),
        ("v0", "package garth\nspace_read contains \"x\" { true }", "line 2"),
        ("v1", "package other\nallow := true", "line 1"),
        ("v1", "package garth.sub\nallow := true", "line 1"),
        ("v1", "package garth\nallow if unknown_function(1)", ""),
        ("v1", "package garth\ndeny contains \"why\" if true", "line 2"),
        ("v0", "package garth\ndeny[\"why\"] { true }", "line 2"),
        ("v1", "package garth\nallow(x) := true if x", "line 2"),
        ("v1", "package garth\nallow.inner := true", "line 2"),
        ("v1", "package garth\nspace_read := true", "line 2"),
        ("v1", "package garth\nteam[\"x\"] := 1", "line 2"),
        ("v1", "package garth\nroles(x) := {} if x", "line 2"),
        ("v1", "package garth\nallow if time.now_ns() > 0", "time.now_ns"),
        ("v1", "package garth\nallow if rand.intn(\"x\", 2) == 1", "rand.intn"),
        ("v1", "package garth\nallow if trace(\"x\")", "trace"),
        ("v1", "package garth\nallow if http.send({\"url\": \"http://x\"})", ""),
        ("v1", "package garth\nallow if opa.runtime()", ""),
        ("v1", "package garth\nallow if rego.parse_module(\"x\", \"y\")", ""),
        ("v1", "package garth\nallow if uuid.rfc4122(\"x\")", ""),
        ("v1", "package garth\nallow if count(net.cidr_expand(\"10.0.0.0/8\")) > 1", "net.cidr_expand"),
        ("v1", "package garth\nhelper if time.now_ns() > 0\nallow if helper", "time.now_ns"),
        ("v1", "package garth\nf(x) := f(x)\nallow if f(1)", "line 2"),
        ("v1", "package garth\nf(x) := g(x)\ng(x) := f(x)\nallow if f(1)", "line 3"),
        ("v1", "", ""),
        ("v1", "allow := true", ""),
    ];
    g.unchanged(async || {
        for (version, rego, told) in wrong {
            let new = json!({"name": "wrong", "rego": rego, "version": version});
            let answer = ada.post(POLICIES, new).await.invalid("/rego");
            let message = answer["errors"][0]["message"].as_str().expect("a message").to_owned();
            assert!(message.contains(told), "{rego}\n{message}");
            ada.patch(&format!("{POLICIES}/{kept}"), json!({"rego": rego, "version": version})).await.invalid("/rego");
        }
        ada.post(POLICIES, json!({"name": "x", "rego": MEMBERS, "version": "v2"})).await.invalid("/version");
        ada.post(POLICIES, json!({"name": "kept", "rego": MEMBERS, "version": "v1"})).await.refused(409, "conflict");
        // Another version alone is another text.
        ada.patch(&format!("{POLICIES}/{kept}"), json!({"version": "v0"})).await.invalid("/rego");
    })
    .await;
}

async fn login_policies_are_for_system_administrators(g: Garth) {
    let ada = g.admin().await;
    let id = ada.login_policy("one", MEMBERS).await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    let key = ada.key(&home, "app", "admin").await;
    let url = format!("{POLICIES}/{id}");
    let draft = json!({"rego": MEMBERS, "version": "v1", "input": {}});
    g.unchanged(async || {
        for person in [&lin, &key] {
            for path in [POLICIES, &url, "/api/v1/login-policies/samples"] {
                person.get(path).await.refused(403, "forbidden");
            }
            person.post(SIMULATE, draft.clone()).await.refused(403, "forbidden");
            person.patch(&url, json!({"name": "x"})).await.refused(403, "forbidden");
            person.delete(&url).await.refused(403, "forbidden");
            person.patch(&format!("{POLICIES}/{}", strange(&id)), json!({"name": "x"})).await.refused(403, "forbidden");
        }
        g.anonymous().get(POLICIES).await.not_signed_in();
        g.anonymous().post(SIMULATE, draft.clone()).await.not_signed_in();
    })
    .await;
    assert_eq!(ada.get(&url).await.ok()["rego"], MEMBERS);
    assert_eq!(ada.get(POLICIES).await.ok().names(), ["one"]);
    ada.get(&format!("{POLICIES}/{}", strange(&id))).await.refused(404, "not_found");
}

async fn login_policies_have_limits(g: Garth) {
    let ada = g.admin().await;
    let draft = |rego: String| json!({"rego": rego, "version": "v1", "input": {}});
    let padded = |bytes: usize| format!("{MEMBERS}\n{}", "# x\n".repeat(bytes)[..bytes - MEMBERS.len() - 1].to_owned());
    let longest = padded(64 * 1024);
    assert_eq!(longest.len(), 64 * 1024);
    assert!(ada.post(SIMULATE, draft(longest.clone())).await.ok()["error"].is_null());
    let nested =
        |levels: usize| format!("package garth\nx := {}1{}\nallow := true", "[".repeat(levels), "]".repeat(levels));
    assert!(ada.post(SIMULATE, draft(nested(10))).await.ok()["error"].is_null());
    for wrong in
        [padded(64 * 1024 + 1), nested(11), nested(20_000), format!("package garth\nx := 1{}", "+1".repeat(1_100))]
    {
        assert!(ada.post(SIMULATE, draft(wrong.clone())).await.ok()["error"].is_string());
        g.unchanged(async || {
            ada.post(POLICIES, json!({"name": "x", "rego": wrong, "version": "v1"})).await.invalid("/rego");
        })
        .await;
    }
    for n in 0..50 {
        ada.login_policy(&format!("policy {n}"), MEMBERS).await;
    }
    g.unchanged(async || {
        ada.post(POLICIES, json!({"name": "one more", "rego": MEMBERS, "version": "v1"}))
            .await
            .refused(409, "conflict");
    })
    .await;
}

async fn n63_an_error_refuses_and_is_on_record(g: Garth) {
    let ada = g.admin().await;
    g.person("lin").await;
    // Whatever another one says: an error keeps out.
    ask(&ada, "members", MEMBERS).await;
    for (rego, told) in [
        ("package garth\ndeny if 1 / count(input.session.teams) > 5", "divi"),
        ("package garth\nallow if time.clock([input.request.timestamp_ns, \"Nowhere/Zone\"])[0] > 0", ""),
        ("package garth\nallow := 1", "allow is not true or false"),
        ("package garth\nspace_read contains 5 if true", "space_read is not a set of texts"),
    ] {
        let id = ask(&ada, "mistaken", rego).await;
        g.unchanged(async || drop(login(&g, "lin").await.refused(403, "login_refused"))).await;
        let told_of = ada.get("/api/v1/audit?action=login&outcome=refused").await.ok();
        let error = told_of.items()[0]["after"]["error"].as_str().expect("an error").to_owned();
        assert!(error.contains("“mistaken”") && error.contains(told), "{rego}: {error}");
        login(&g, "ada").await.ok();
        ada.delete(&format!("{POLICIES}/{id}")).await.done();
        login(&g, "lin").await.ok();
        g.pass(SECOND);
    }
}

async fn a_refused_sign_up_and_recovery_leave_what_they_came_with(g: Garth) {
    let ada = g.admin().await;
    let new = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let id = ask(&ada, "nobody", "package garth\ndeny := true").await;
    let sign_up = || {
        let body = json!({"token": new.text("signup_token"), "password": password("lin")});
        g.anonymous().post("/api/v1/signup", body)
    };
    g.unchanged(async || drop(sign_up().await.refused(403, "login_refused"))).await;
    let off = async |id: &str, enabled: bool| {
        ada.patch(&format!("{POLICIES}/{id}"), json!({"enabled": enabled})).await.ok();
    };
    off(&id, false).await;
    let codes = sign_up().await.created();
    off(&id, true).await;
    let recover = || {
        let code = codes["recovery_codes"][0].clone();
        let body = json!({"username": "lin", "recovery_code": code, "new_password": "another correct horse battery"});
        g.anonymous().post("/api/v1/recover", body)
    };
    g.unchanged(async || {
        for _ in 0..12 {
            recover().await.refused(403, "login_refused");
        }
    })
    .await;
    off(&id, false).await;
    recover().await.ok();
}

async fn policies_are_told_who_comes_and_from_where(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    ada.patch(&home.url(""), json!({"labels": ["main"]})).await.ok();
    let vault = ada.space("Vault").sealed().admin(&lin).create().await;
    let crew = ada.group("crew", &[&lin]).await;
    let all = ada.group("all hands", &[]).await;
    ada.post(&all.url("/members"), json!({"member": format!("group:{}", crew.id)})).await.done();
    ada.kind("task").await;
    ada.role("Night_Watch", &["task:read"]).await;
    let rego = format!(
        "package garth
allow if {{
  input.request.remote_ip == \"192.0.2.7\"
  input.request.timestamp_ns > 1900000000000000000
  input.session.login == \"lin\"
  input.session.member == true
  input.session.admin == false
  input.session.machine == false
  input.session.creator_ip == \"192.0.2.7\"
  input.session.teams == [\"all hands\", \"crew\"]
  some space in input.spaces
  space.id == \"{}\"
  space.labels == [\"main\"]
  space.name == \"Home\"
  not seen
  some role in input.roles
  role.name == \"Night_Watch\"
  role.slug == \"night-watch\"
}}
seen if {{ some space in input.spaces; space.id == \"{}\" }}",
        home.id, vault.id
    );
    ask(&ada, "exactly so", &rego).await;
    // An IPv4 address that comes as an IPv6 one is the IPv4 address.
    login(&g, "lin").from("::ffff:192.0.2.7").await.ok();
    login(&g, "lin").from("192.0.2.7").await.ok();
    login(&g, "lin").from("192.0.2.8").await.refused(403, "login_refused");
}

async fn a_draft_is_answered_and_nothing_is_kept(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        let rego = "package garth\nallow if input.session.member\nroles[\"a\"] contains \"On call\" if true\n\
                    roles[\"b\"] contains \"writer\" if true";
        let input = json!({"session": {"member": true}, "spaces": [{"id": "b"}], "roles": [{"name": "reader"}]});
        let draft = json!({"rego": rego, "version": "v1", "input": input});
        let answer = ada.post(SIMULATE, draft).await.ok();
        assert_eq!(
            answer.json,
            json!({
                "outputs": {"allow": true, "admin": false, "deny": false, "deny_admin": false, "space_read": [],
                            "space_write": [], "space_admin": [], "roles": {"a": ["On call"], "b": ["writer"]},
                            "team": [], "sample": false},
                "decision": "member", "error": null, "error_at": null,
                "ignored": ["the input has no role On call", "the input has no space a"],
            })
        );
        let broken = json!({"rego": "package garth\nallow if {", "version": "v1", "input": {}});
        let answer = ada.post(SIMULATE, broken).await.ok();
        assert_eq!((&answer["decision"], &answer["error_at"]["line"]), (&json!("refused"), &json!(2)), "{answer}");
        assert!(
            answer["error_at"]["column"].is_u64() && answer["error"].as_str().is_some_and(|e| e.starts_with("line 2"))
        );
        // A role that the input does not know is none, so it lets nobody in.
        let given = json!({"rego": "package garth\nspace_read contains \"x\" if true", "version": "v1",
                           "input": {"spaces": []}});
        assert_eq!(ada.post(SIMULATE, given).await.ok()["decision"], "refused");
        for wrong in [json!({}), json!({"rego": "x", "version": "v1"}), json!({"rego": "x", "version": 1, "input": {}})]
        {
            ada.post(SIMULATE, wrong).await.refused(422, "invalid");
        }
    })
    .await;
}

async fn samples_show_what_was_asked(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    g.person("bo").await;
    let rego = "package garth\nsample if input.session.login == \"lin\"\nallow if input.session.login == \"lin\"\n\
                deny if input.request.remote_ip == \"192.0.2.1\"";
    ask(&ada, "sampling", rego).await;
    login(&g, "lin").await.ok();
    login(&g, "bo").await.refused(403, "login_refused");
    g.pass(SECOND);
    login(&g, "lin").from("192.0.2.1").await.refused(403, "login_refused");
    let samples = ada.get("/api/v1/login-policies/samples").await.ok();
    let decisions: Vec<Value> = samples.items().iter().map(|sample| sample["result"]["decision"].clone()).collect();
    assert_eq!(decisions, ["refused", "member"], "the last first");
    let sample = &samples.items()[1];
    assert_eq!((&sample["user"], &sample["policies"][0]["rego"]), (&json!(lin.id), &json!(rego)));
    assert_eq!(sample["input"]["session"]["login"], "lin");
    assert_eq!(sample["policies"][0]["outputs"]["allow"], true);
    let whole = samples.json.to_string();
    for secret in [password("lin"), lin.token.clone().expect("a token")] {
        assert!(!whole.contains(&secret), "{samples}");
    }
    // A sample can be tried on a draft as it is.
    let draft = json!({"rego": "package garth\ndeny := true", "version": "v1", "input": sample["input"]});
    assert_eq!(ada.post(SIMULATE, draft).await.ok()["decision"], "refused");
    g.pass(7 * 24 * 60 * 60 * SECOND);
    let ada = ada.sign_in("ada").await;
    assert!(ada.get("/api/v1/login-policies/samples").await.ok().items().is_empty());
    for _ in 0..102 {
        let lin = login(&g, "lin").await.ok();
        assert!(lin["token"].is_string());
        g.pass(SECOND);
    }
    assert_eq!(ada.get("/api/v1/login-policies/samples").await.ok().items().len(), 100);
    assert_eq!(g.rows("login_samples").await.len(), 100);
}

async fn a_policy_of_either_language_and_package_is_asked(g: Garth) {
    let ada = g.admin().await;
    g.person("lin").await;
    for (package, version, rule) in [
        ("spacelift", "v0", "allow { input.session.member }"),
        ("garth", "v0", "import rego.v1\nallow if input.session.member"),
        ("spacelift", "v1", "allow if input.session.member"),
        ("garth", "v1", "default allow := true"),
    ] {
        let new = json!({"name": "one", "rego": format!("package {package}\n{rule}"), "version": version});
        let id = ada.post(POLICIES, new).await.created().id();
        login(&g, "lin").await.ok();
        ada.delete(&format!("{POLICIES}/{id}")).await.done();
    }
    let deny = json!({"name": "one", "rego": "package garth\ndefault deny := true", "version": "v1"});
    ada.post(POLICIES, deny).await.created();
    login(&g, "lin").await.refused(403, "login_refused");
    ada.call(Method::GET, POLICIES).await.ok();
}
