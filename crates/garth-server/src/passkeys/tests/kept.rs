//! Stories about what a new password leaves: passkeys outlive it, and are told.

use super::{FACTOR, OWN, add, alone};
use crate::support::*;
use axum::http::Method;

stories! {
    passkeys_outlive_a_new_password_and_are_shown,
}

async fn passkeys_outlive_a_new_password_and_are_shown(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let codes = lin.post("/api/v1/me/recovery-codes", json!({"current": password("lin")})).await.ok();
    let recover = |at: usize| {
        let body = json!({"username": "lin", "recovery_code": codes["recovery_codes"][at],
                          "new_password": "another correct horse battery"});
        g.anonymous().post("/api/v1/recover", body)
    };
    // Nothing to tell where there is none.
    let begun = recover(0).await.ok();
    assert_eq!(begun["passkeys"], Value::Null, "{begun}");
    let record = ada.get("/api/v1/audit?action=recover").await.ok().items();
    assert_eq!(record[0]["after"]["passkeys_kept"], json!([]), "{record:?}");
    // Whoever found the session makes two, and asks for one after the password.
    let thief = lin.with_token(&begun.text("token"));
    let mut device = Authenticator::new();
    let first = add(&thief, &mut device, "Odd phone").await;
    g.pass(SECOND);
    let second = add(&thief, &mut Authenticator::new(), "Odd key").await;
    thief.call(Method::PUT, FACTOR).json(json!({"required": true})).await.done();
    g.pass(SECOND);
    let there = lin.with_token(&alone(&g, &mut device).await.ok().text("token"));

    let begun = recover(1).await.ok();
    there.get("/api/v1/me").await.not_signed_in();
    let shown = |made: &Answer| json!({"id": made["id"], "name": made["name"], "created_at": made["created_at"]});
    assert_eq!(begun["passkeys"], json!([shown(&first), shown(&second)]), "{begun}");
    assert_eq!(begun["identities"], Value::Null, "{begun}");
    let told = |made: &Answer| json!({"passkey": made["id"], "name": made["name"]});
    let both = json!([told(&first), told(&second)]);
    let record = ada.get("/api/v1/audit?action=recover").await.ok().items();
    assert!(record.iter().any(|entry| entry["after"]["passkeys_kept"] == both), "{record:?}");
    assert_eq!(record[0]["after"]["identities_kept"], json!([]), "{record:?}");
    // They still lead in, until their owner removes them by the very ids that were shown.
    alone(&g, &mut device).await.ok();
    let back = lin.with_token(&begun.text("token"));
    back.call(Method::PUT, FACTOR).json(json!({"required": false})).await.done();
    back.delete(&format!("{OWN}/{}", begun["passkeys"][0]["id"].as_str().expect("an id"))).await.done();
    alone(&g, &mut device).await.refused(401, "wrong_credentials");

    // A new password by the server's own link tells the same, and so does a change.
    let ctx = garth_server::Ctx::system(g.app());
    let (_, token) = garth_server::users::reset_link(&ctx, lin.id.clone()).await.expect("a link");
    let body = json!({"token": token, "password": "a third correct horse battery"});
    let begun = g.anonymous().post("/api/v1/signup", body).await.created();
    assert_eq!(begun["passkeys"], json!([shown(&second)]), "{begun}");
    let one = json!([told(&second)]);
    let record = ada.get("/api/v1/audit?action=signup").await.ok().items();
    assert!(record.iter().any(|entry| entry["after"]["passkeys_kept"] == one), "{record:?}");
    let lin = lin.with_token(&begun.text("token"));
    let change = json!({"current": "a third correct horse battery", "new": "a fourth correct horse battery"});
    lin.call(Method::PUT, "/api/v1/me/password").json(change).await.done();
    let record = ada.get("/api/v1/audit?action=me.password").await.ok().items();
    assert_eq!(record[0]["after"]["passkeys_kept"], one, "{record:?}");
    // Whoever only signs in is told nothing of them.
    let login = json!({"username": "lin", "password": "a fourth correct horse battery"});
    assert_eq!(g.anonymous().post("/api/v1/login", login).await.ok()["passkeys"], Value::Null);
}
