//! Stories about the log: what must never stand in it, and that a failure of the store is told to the log and to nobody
//! else.

use crate::support::*;
use axum::http::Method;
use garth_server::base::mail::Security;

stories! {
    n74_nothing_secret_is_logged,
    n75_a_failing_store_is_told_to_the_log_alone,
}

/// Everything secret that there is, used rightly and wrongly, with every level of every library written down.
async fn n74_nothing_secret_is_logged(g: Garth) {
    log::record();
    let mut secrets = vec![g.setup_token().expect("a setup token")];
    let ada = g.admin().await;
    let user = ada.post("/api/v1/users", json!({"username": "lin"})).await.created();
    let signup = json!({"token": user.text("signup_token"), "password": password("lin")});
    let session = g.anonymous().post("/api/v1/signup", signup.clone()).await.done();
    g.anonymous().post("/api/v1/signup", signup).await.refused_somehow();
    let lin = g.anonymous().sign_in("lin").await;
    secrets.extend([user.text("signup_token"), session.text("token")]);
    secrets.extend([&ada, &lin].into_iter().filter_map(|person| person.token.clone()));
    let codes = session["recovery_codes"].as_array().expect("codes");
    secrets.extend(codes.iter().filter_map(|code| code.as_str().map(str::to_owned)));
    secrets.extend(["ada", "lin"].map(password));

    // Wrong ones may be somebody's at another door.
    let guess = "not-this-pass-word";
    secrets.push(guess.to_owned());
    for body in [
        json!({"username": "lin", "password": guess}),
        json!({"username": guess, "password": "x"}),
        json!({"username": "lin", "password": [guess]}),
        json!({"username": "lin", "password": "x", guess: 1}),
        json!({"username": "lin", "pasword": guess}),
    ] {
        g.anonymous().post("/api/v1/login", body).await.refused_somehow();
    }
    let broken = format!("{{\"password\": \"{guess}\"");
    g.anonymous().call(Method::POST, "/api/v1/login").raw("application/json", broken).await.refused_somehow();
    lin.call(Method::PUT, "/api/v1/me/password").json(json!({"current": guess, "new": guess})).await.refused_somehow();
    lin.with_token(guess).get("/api/v1/me").await.not_signed_in();
    g.anonymous().get("/api/v1/me").header("authorization", &format!("Basic {guess}")).await.not_signed_in();
    g.anonymous().get("/api/v1/me").header("cookie", guess).await.not_signed_in();
    for path in [format!("/api/v1/me?token={guess}"), format!("/api/v1/users/{guess}"), format!("/{guess}")] {
        lin.get(&path).await;
        ada.get(&path).await;
    }
    lin.get(&format!("/api/v1/spaces?q={guess}&cursor={guess}")).await.refused_somehow();
    lin.post(&format!("/api/v1/spaces?dry_run={guess}"), json!({})).await.refused_somehow();

    let home = g.home().await;
    let app = ada.post(&home.url("/api-keys"), json!({"name": "app", "role": "reader"})).await.created();
    ada.with_token(&app.text("secret")).get(&home.url("")).await.ok();
    ada.with_token(&format!("{}x", app.text("secret"))).get(&home.url("")).await.not_signed_in();
    secrets.push(app.text("secret"));

    let invite = async |to: &str| {
        ada.post(&home.url("/invitations"), json!({"to": to, "role": "reader"})).await.expect_status(202)
    };
    let shown = invite("lin").await.text("token");
    for token in [strange(&shown), shown.clone()] {
        lin.post(&format!("/api/v1/invitations/{token}/accept"), json!({})).await;
        g.anonymous().post("/api/v1/signup", json!({"token": token, "password": guess})).await.refused_somehow();
        let browser = Browser::new(&g);
        assert!(browser.submit("/signup", &[("token", &token), ("password", guess)]).await.status.is_client_error());
        browser.submit("/invitation", &[("token", &token)]).await.expect_status(303);
        secrets.push(token);
    }
    let server = smtp::MailServer::start().await;
    server.behave(smtp::Manners { tls: Some(Security::StartTls), ..smtp::Manners::default() });
    g.restart_with(|config| config.mail = Some(server.settings_over(Security::StartTls))).await;
    let mailed = "somebody.mailed@example.org";
    invite(mailed).await;
    secrets.extend([server.letter().await.token(), server.settings_over(Security::Tls).credentials.expect("both").1]);

    let key = "the-key-to-the-vault";
    secrets.push(key.to_owned());
    let schema = json!({"type": "object", "properties": {"token": {"type": "string", "maxLength": 30}}});
    ada.kind_with("bridge", json!({"secret_fields": ["/token"], "schema": schema})).await;
    let bridge = ada.resource("bridge", "Mail").body(json!({"token": key})).create().await;
    ada.patch(&bridge.url(""), json!({"body": {"token": format!("{key}, again")}})).await.ok();
    ada.patch(&bridge.url(""), json!({"body": {"token": key.repeat(3)}})).await.refused_somehow();
    ada.resource("bridge", "Wrong").body(json!({"token": [key]})).send().await.refused_somehow();
    let own = std::fs::read_to_string(g.folder().join("master-key")).expect("the installation's key");
    secrets.push(own.trim().to_owned());
    g.restart().await;
    g.anonymous().sign_in("lin").await.get("/api/v1/me").await.ok();
    ada.get(&bridge.url("")).await.ok();

    let log = log::recorded();
    assert!(log.lines().filter(|line| line.contains("request_id=")).count() > 20, "nothing was recorded:\n{log}");
    assert!(!log.contains(mailed), "the log tells an address: {:?}", log.lines().find(|line| line.contains(mailed)));
    let metrics = String::from_utf8(ada.get("/metrics").await.ok().bytes).expect("text");
    for secret in secrets {
        assert!(secret.len() > 10, "too short to look for: {secret}");
        for (what, text) in [("log", &log), ("metrics", &metrics)] {
            let line = text.lines().find(|line| line.contains(&secret));
            assert!(line.is_none(), "the {what} tells {secret}: {line:?}");
        }
        for table in ["audit", "sessions", "users", "api_keys", "idempotency_keys"] {
            let row = g.rows(table).await.into_iter().find(|row| row.contains(&secret));
            assert!(row.is_none(), "table {table} holds {secret}: {row:?}");
        }
    }
}

async fn n75_a_failing_store_is_told_to_the_log_alone(g: Garth) {
    g.expects_warning("a request failed by a fault of ours");
    g.expects_warning("the store is not available");
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").create().await;
    g.meddle("ALTER TABLE resources RENAME TO resources_lost").await;
    log::record();
    let body = json!({"kind": "task", "name": "Another"});
    // One that nobody asked about lately: what is known of the others need not be read.
    let question = ada.question("read", "task", &strange(&task.id));
    for call in [
        ada.get("/api/v1/resources"),
        ada.get(&task.url("")),
        ada.patch(&task.url(""), json!({"name": "x"})),
        ada.post("/api/v1/resources", body),
        ada.post("/access/v1/evaluation", question),
    ] {
        let answer = call.may_fail().await;
        assert!(answer.status == 500 || answer.status == 503, "{answer}");
        assert!(["internal", "unavailable"].contains(&answer.text("code").as_str()), "{answer}");
        let text = String::from_utf8_lossy(&answer.bytes).to_lowercase();
        for word in ["sql", "relation", "table", "resources", "_lost", "select", "column", "postgres", "no such"] {
            assert!(!text.contains(word), "{word}: {answer}");
        }
        // Whoever reads the log finds it by the id that the client was given, and the reason with it.
        let id = answer.text("request_id");
        let log = log::recorded();
        let told = |line: &&str| line.contains(&id) && line.contains("resources");
        assert!(answer.status == 503 || log.lines().any(|line| told(&line)), "{answer}\n{log}");
    }
    // The rest of it is still answered.
    ada.get("/api/v1/me").await.ok();
}
