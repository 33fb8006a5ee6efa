//! Stories about what a session brings: roles in spaces and the system administrator's flag, for as long as it lasts.

use super::{ask, login};
use crate::support::*;

stories! {
    what_a_policy_gives_lives_with_the_session,
    a_session_that_administers_the_installation,
    nothing_a_policy_gives_enters_a_sealed_space,
    what_is_gone_gives_nothing_any_more,
    a_cursor_and_an_answer_are_for_what_the_session_sees,
    teams_are_replaced_for_the_session,
    what_a_session_brings_flows_like_a_grant,
    members_by_their_sessions_are_members_to_others,
    what_a_session_brings_outlives_a_restart,
    a_session_brings_only_so_much,
}

/// The default space closed, and Atlas, which Ada administers.
async fn atlas(g: &Garth) -> (Person, Thing) {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.closed_home().await;
    (ada.clone(), ada.space("Atlas").create().await)
}

/// Lets everybody in, and gives one person a role in a space.
fn gives(login: &str, space: &Thing, role: &str) -> String {
    format!(
        "package garth\nallow if input.session.member\n\
         roles[\"{}\"] contains \"{role}\" if input.session.login == \"{login}\"",
        space.id
    )
}

async fn what_a_policy_gives_lives_with_the_session(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let lin = g.person("lin").await;
    let id = ask(&ada, "lin writes", &gives("lin", &atlas, "space-writer")).await;
    let (here, there) = (lin.sign_in("lin").await, lin.sign_in("lin").await);
    for session in [&here, &there] {
        let me = session.get("/api/v1/me").await.ok();
        assert_eq!((&me["spaces"][0]["name"], &me["spaces"][0]["role"]), (&json!("Atlas"), &json!("writer")), "{me}");
    }
    let task = here.resource("task", "Fix the lift").space(&atlas).create().await;
    assert!(here.may("write", "task", &task.id).await);
    let why = here.post("/api/v1/explain", here.question("read", "space", &atlas.id)).await.ok();
    assert!(why.json.to_string().contains("by a login policy"), "{why}");
    // It is on record in the space, and no grant is stored.
    let told = ada.get(&atlas.url("/audit?action=login")).await.ok();
    assert_eq!(told.items()[0]["after"], json!({"roles": ["writer"], "by": "login policy"}));
    assert_eq!(ada.get(&atlas.url("/grants")).await.ok().items().len(), 1, "Ada's own");
    // An application that asks about a person knows what is stored, and of no session.
    ada.role("asker", &["decision:ask"]).await;
    let app = ada.key(&atlas, "app", "asker").await;
    let mut question = here.question("read", "space", &atlas.id);
    question["subject"] = json!({"type": "user", "id": lin.id});
    assert_eq!(app.post("/access/v1/evaluation", question).await.ok()["decision"], false);
    here.post("/api/v1/logout", json!({})).await.done();
    here.get(&atlas.url("")).await.not_signed_in();
    there.get(&atlas.url("")).await.ok();
    ada.delete(&format!("/api/v1/login-policies/{id}")).await.done();
    let again = lin.sign_in("lin").await;
    again.get(&atlas.url("")).await.refused(404, "not_found");
    again.get(&task.url("")).await.refused(404, "not_found");
}

async fn a_session_that_administers_the_installation(g: Garth) {
    let ada = g.admin().await;
    let (kim, bo) = (g.person("kim").await, g.person("bo").await);
    let rego = "package garth\nallow if input.session.member\nadmin if input.session.login in {\"kim\", \"bo\"}\n\
                deny_admin if input.session.login == \"bo\"";
    ask(&ada, "administrators", rego).await;
    let begun = login(&g, "kim").await.ok();
    assert_eq!(begun["user"]["system_admin"], true);
    let kim = kim.with_token(&begun.text("token"));
    assert_eq!(kim.get("/api/v1/me").await.ok()["user"]["system_admin"], true);
    kim.get("/api/v1/settings").await.ok();
    assert_eq!(ada.get(&format!("/api/v1/users/{}", kim.id)).await.ok()["system_admin"], false, "not the account");
    let bo = bo.sign_in("bo").await;
    bo.get("/api/v1/settings").await.refused(403, "forbidden");
    // Who administers by a session is none of those of whom one has to stay.
    g.unchanged(async || {
        let ada = format!("/api/v1/users/{}", ada.id);
        kim.patch(&ada, json!({"disabled": true})).await.refused(409, "last_admin");
        kim.patch(&ada, json!({"system_admin": false})).await.refused(409, "last_admin");
    })
    .await;
    kim.delete("/api/v1/me/sessions").await.done();
    kim.post("/api/v1/logout", json!({})).await.done();
    kim.get("/api/v1/settings").await.not_signed_in();
}

async fn nothing_a_policy_gives_enters_a_sealed_space(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let (lin, mia) = (g.person("lin").await, g.person("mia").await);
    let vault = ada.space("Vault").sealed().admin(&mia).create().await;
    let below = ada.space("Below").under(&atlas).sealed().admin(&mia).create().await;
    let rego = format!(
        "package garth\nallow if input.session.member\nspace_admin contains \"{}\" if true\n\
         space_admin contains \"{}\" if true\nspace_admin contains \"{}\" if true\nadmin if input.session.login == \"lin\"",
        vault.id, below.id, atlas.id
    );
    ask(&ada, "everything", &rego).await;
    let lin = lin.sign_in("lin").await;
    lin.get(&atlas.url("")).await.ok();
    for sealed in [&vault, &below] {
        lin.get(&sealed.url("")).await.refused(404, "not_found");
    }
    // What is sealed later is shut from then on.
    let mia = mia.sign_in("mia").await;
    mia.get(&atlas.url("")).await.ok();
    for grant in ada.get(&atlas.url("/grants")).await.ok().items() {
        assert_eq!(grant["principal"], ada.principal());
    }
    ada.patch(&atlas.url(""), json!({"sealed": true})).await.ok();
    lin.get(&atlas.url("")).await.refused(404, "not_found");
}

async fn what_is_gone_gives_nothing_any_more(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let lin = g.person("lin").await;
    let role = ada.role("triager", &["task:read"]).await;
    ask(&ada, "lin triages", &gives("lin", &atlas, "triager")).await;
    let lin = lin.sign_in("lin").await;
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["roles"], json!(["triager"]));
    // A role that only sessions bring is not in use.
    ada.delete(&role.url("")).await.done();
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    ada.role("triager", &["task:write"]).await;
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    // A policy that gives nothing that is there lets in by what else it says.
    let lin = lin.sign_in("lin").await;
    lin.get(&atlas.url("")).await.ok();
    ada.post(&atlas.url("/archive"), json!({})).await.ok();
    lin.get(&atlas.url("")).await.ok();
    ada.delete(&format!("{}?confirm=Atlas", atlas.url(""))).await.done();
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    lin.get("/api/v1/me").await.ok();
    lin.sign_in("lin").await;
}

async fn a_cursor_and_an_answer_are_for_what_the_session_sees(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let lin = g.person("lin").await;
    let rego = format!(
        "package garth\nallow if input.session.member\n\
         space_admin contains \"{}\" if input.request.remote_ip == \"192.0.2.7\"",
        atlas.id
    );
    ask(&ada, "from inside", &rego).await;
    let inside = lin.with_token(&login(&g, "lin").from("192.0.2.7").await.ok().text("token"));
    let outside = lin.with_token(&login(&g, "lin").await.ok().text("token"));
    let again = lin.with_token(&login(&g, "lin").from("192.0.2.7").await.ok().text("token"));
    for name in ["One", "Two", "Three"] {
        inside.resource("task", name).space(&atlas).create().await;
    }
    let page = inside.get("/api/v1/resources?limit=1").await.ok();
    let next = format!("/api/v1/resources?limit=1&cursor={}", percent(&page.text("next")));
    again.get(&next).await.ok();
    outside.get(&next).await.invalid("?cursor");
    let new = json!({"name": "app", "role": "reader"});
    let keyed = |by: &Person| by.post(&atlas.url("/api-keys"), new.clone()).header("idempotency-key", "once");
    let made = keyed(&inside).await.created();
    assert_eq!(keyed(&again).await.created()["secret"], made["secret"]);
    keyed(&outside).await.refused(404, "not_found");
}

async fn teams_are_replaced_for_the_session(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    ada.group("crew", &[&lin]).await;
    let rego = "package garth\nallow if input.session.member\nteam contains \"superwriters\" if \"crew\" in input.session.teams";
    ask(&ada, "teams", rego).await;
    let (lin, ada) = (lin.sign_in("lin").await, ada);
    assert_eq!(lin.get("/api/v1/me/sessions").await.ok().items()[0]["teams"], json!(["superwriters"]));
    assert!(ada.get("/api/v1/me/sessions").await.ok().items()[0]["teams"].is_null());
}

async fn what_a_session_brings_flows_like_a_grant(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let [lin, bo] = [g.person("lin").await, g.person("bo").await];
    let below = ada.space("Below").under(&atlas).create().await;
    let heir = ada.space("Heir").under(&atlas).inherits().create().await;
    let club = ada.space("Club").under(&atlas).with("view", json!({"users": [ada.principal()]})).create().await;
    let rego = format!(
        "package garth\nallow if input.session.member\nspace_write contains \"{}\" if input.session.login == \"lin\"\n\
         space_write contains \"{}\" if input.session.login == \"bo\"",
        atlas.id, heir.id
    );
    ask(&ada, "two", &rego).await;
    let [lin, bo] = [lin.sign_in("lin").await, bo.sign_in("bo").await];
    let role = async |person: &Person, space: &Thing| person.get(&space.url("")).await.json["access"]["role"].clone();
    assert_eq!(role(&lin, &below).await, "writer", "down");
    assert_eq!(role(&lin, &club).await, Value::Null, "the gate is asked");
    assert_eq!(role(&bo, &heir).await, "writer");
    assert_eq!(role(&bo, &atlas).await, "reader", "up, where it inherits");
    assert_eq!(role(&bo, &below).await, Value::Null, "and never down again");
}

async fn members_by_their_sessions_are_members_to_others(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let lin = g.person("lin").await;
    g.person("bo").await;
    ask(&ada, "lin writes", &gives("lin", &atlas, "writer")).await;
    let names = async || ada.get(&atlas.url("/members")).await.ok().each("username");
    assert_eq!(names().await, ["ada"]);
    let lin = lin.sign_in("lin").await;
    assert_eq!(names().await, ["ada", "lin"]);
    let members = lin.get(&atlas.url("/members")).await.ok();
    let told = &members.items()[1];
    let from = json!([{"role": "writer", "from": "login_policy", "space": atlas.id, "group": null}]);
    assert_eq!((&told["role"], &told["sources"]), (&json!("writer"), &from), "{members}");
    lin.get(&format!("/api/v1/users/{}", ada.id)).await.ok();
    g.pass(14 * 24 * 60 * 60 * SECOND);
    lin.get("/api/v1/me").await.not_signed_in();
    let ada = ada.sign_in("ada").await;
    assert_eq!(ada.get(&atlas.url("/members")).await.ok().each("username"), ["ada"]);
}

async fn what_a_session_brings_outlives_a_restart(g: Garth) {
    let (ada, atlas) = atlas(&g).await;
    let lin = g.person("lin").await;
    ask(&ada, "lin writes", &gives("lin", &atlas, "writer")).await;
    let lin = lin.sign_in("lin").await;
    g.restart().await;
    assert_eq!(lin.get(&atlas.url("")).await.ok()["access"]["role"], "writer");
    lin.post("/api/v1/logout", json!({})).await.done();
    assert_eq!(ada.get(&atlas.url("/members")).await.ok().items().len(), 1);
}

async fn a_session_brings_only_so_much(g: Garth) {
    let (ada, _) = atlas(&g).await;
    g.person("lin").await;
    for n in 0..333 {
        ada.space(&format!("Space {n}")).create().await;
    }
    let rego = "package garth\nallow if input.session.member\nspace_read contains space.id if some space in input.spaces\n\
                space_write contains space.id if some space in input.spaces\n\
                space_admin contains space.id if some space in input.spaces";
    // With the default space and Atlas they are 335, and three roles in each are 1,005.
    let id = ask(&ada, "everything", rego).await;
    login(&g, "lin").await.refused(403, "login_refused");
    let told = ada.get("/api/v1/audit?action=login&outcome=refused").await.ok();
    assert!(told.items()[0]["after"]["error"].as_str().is_some_and(|error| error.contains("1000")), "{told}");
    let two = rego.replace("space_admin contains space.id if", "none contains space.id if");
    ada.patch(&format!("/api/v1/login-policies/{id}"), json!({"rego": two})).await.ok();
    let lin = g.anonymous().sign_in("lin").await;
    assert_eq!(lin.get("/api/v1/me").await.ok()["spaces"].as_array().expect("spaces").len(), 335);
}
