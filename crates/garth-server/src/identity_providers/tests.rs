//! Stories about identity providers: managing them, signing in by them, and what they say of groups.

use crate::support::idp::{Idp, Signed, merge};
use crate::support::*;
use garth_server::Limits;

#[path = "tests/admitted.rs"]
mod admitted;
#[path = "tests/hostile.rs"]
mod hostile;
#[path = "tests/logout.rs"]
mod logout;
#[path = "tests/real.rs"]
mod real;

stories! {
    somebody_signs_in_for_the_first_time_and_again,
    who_is_not_known_gets_no_account_unless_that_is_chosen,
    a_disabled_account_is_not_signed_in,
    usernames_of_providers_tell_nothing_of_others,
    administrators_manage_providers,
    a_secret_is_kept_and_never_shown,
    what_a_provider_cannot_be_is_refused,
    providers_have_limits,
    a_provider_that_cannot_be_reached_is_saved_and_that_is_told,
    groups_come_and_go_with_each_sign_in,
    what_is_done_by_hand_and_what_a_provider_says_do_not_undo_each_other,
    a_provider_is_obeyed_even_where_a_space_loses_its_administrator,
    n49_what_a_provider_gave_is_not_taken_by_hand_from_the_last_administrator,
    groups_are_read_where_they_are_said_to_be,
    an_account_is_linked_and_unlinked_by_its_owner,
    the_only_way_in_is_not_unlinked,
    deleting_a_provider_ends_what_came_of_it,
    the_key_of_the_installation_is_exchanged_under_a_provider,
    the_ways_to_sign_in_are_told_to_everybody,
}

async fn somebody_signs_in_for_the_first_time_and_again(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    idp.knobs().claims = json!({"preferred_username": "lin@corp.example", "name": "Lin", "email": "lin@corp.example",
        "email_verified": true});
    let browser = Browser::new(&g);
    let began = browser.visit("/auth/oidc/corp/start?return=/s/1").await.expect_status(303);
    let cookie = began.header("set-cookie").to_owned();
    for part in ["__Host-garth-sign-in=", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=600"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let back = idp.consent(began.header("location"));
    idp.knobs().now = g.app().clock.now() / SECOND;
    let ended = browser.visit(&idp::callback("corp", &back)).await.expect_status(303);
    assert_eq!(ended.header("location"), "/s/1");
    let cookie = ended.header("set-cookie").to_owned();
    for part in ["__Host-garth=gs_", "; Path=/", "; HttpOnly", "; SameSite=Lax", "; Secure", "; Max-Age=1209600"] {
        assert!(cookie.contains(part), "{part}: {cookie}");
    }
    let me = browser.bare(axum::http::Method::GET, "/api/v1/me").await.ok();
    assert_eq!(me["user"]["username"], "lin@corp");
    assert_eq!(me["user"]["name"], "Lin");
    assert_eq!(me["user"]["email"], "lin@corp.example");
    let identities = browser.bare(axum::http::Method::GET, "/api/v1/me/identities").await.ok().items();
    assert_eq!(identities[0]["provider"]["slug"], "corp");
    assert_eq!(identities[0]["subject"], "u1");

    // Called otherwise now, they are still who they were.
    idp.knobs().claims = json!({"preferred_username": "ada", "email": "ada@corp.example", "email_verified": true});
    let again = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(again.id, me["user"]["id"]);
    assert_eq!(again.username, "lin@corp");
    let other = idp.person(&g, &Browser::new(&g), "corp", "u2").await;
    assert_ne!(other.id, again.id);
}

async fn who_is_not_known_gets_no_account_unless_that_is_chosen(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"create_users": false})).await;
    g.unchanged(async || {
        idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(403);
    })
    .await;
    let ada = g.admin().await;
    ada.patch(&format!("/api/v1/identity-providers/{}", corp.id()), json!({"create_users": true})).await.ok();
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
}

async fn a_disabled_account_is_not_signed_in(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let browser = Browser::new(&g);
    let lin = idp.person(&g, &browser, "corp", "u1").await;
    g.admin().await.patch(&format!("/api/v1/users/{}", lin.id), json!({"disabled": true})).await.ok();
    lin.get("/api/v1/me").await.not_signed_in();
    g.unchanged(async || {
        let refused = idp.sign_in(&g, &browser, "corp").await.expect_status(403);
        assert!(refused.header("set-cookie").is_empty());
    })
    .await;
}

async fn usernames_of_providers_tell_nothing_of_others(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    g.person("ghost").await;
    let mut names = Vec::new();
    for (subject, wanted) in [("u1", "ghost"), ("u2", "nobody"), ("u3", "nobody")] {
        merge(&mut idp.knobs().claims, &json!({"preferred_username": wanted}));
        names.push(idp.person(&g, &Browser::new(&g), "corp", subject).await.username);
    }
    assert_eq!(names[..2], ["ghost@corp", "nobody@corp"]);
    assert!(names[2].starts_with("nobody-") && names[2].ends_with("@corp"), "{names:?}");
    let odd = [json!("a b/c:d|e"), json!("\u{202e}"), json!(7), json!("x".repeat(5_000)), json!("@everyone")];
    for (at, odd) in odd.into_iter().enumerate() {
        merge(&mut idp.knobs().claims, &json!({"preferred_username": odd, "name": odd}));
        idp.person(&g, &Browser::new(&g), "corp", &format!("odd {at}")).await;
    }
}

async fn administrators_manage_providers(g: Garth) {
    let idp = Idp::start().await;
    let ada = g.admin().await;
    let made = idp.install(&g, json!({"groups_claim": "groups"})).await;
    assert_eq!(made["check"]["reachable"], true, "{made}");
    assert_eq!(made["redirect_uri"], format!("{PUBLIC_URL}/auth/oidc/corp/callback"));
    assert_eq!(made["backchannel_logout_uri"], format!("{PUBLIC_URL}/auth/oidc/corp/backchannel-logout"));
    assert_eq!(made["scopes"], json!(["openid", "profile", "email"]));
    let url = format!("/api/v1/identity-providers/{}", made.id());
    assert_eq!(ada.get(&url).await.ok()["slug"], "corp");
    assert_eq!(ada.get("/api/v1/identity-providers").await.ok().names(), ["Corp"]);
    assert_eq!(ada.post(&format!("{url}/test"), json!({})).await.ok()["reachable"], true);
    g.unchanged(async || {
        let tried = ada.patch(&format!("{url}?dry_run=true"), json!({"name": "Other", "enabled": false})).await.ok();
        assert_eq!((&tried["name"], &tried["enabled"]), (&json!("Other"), &json!(false)));
        ada.delete(&format!("{url}?dry_run=true")).await.done();
    })
    .await;
    let changed = ada.patch(&url, json!({"name": "Other", "groups_claim": null})).await.ok();
    assert_eq!((&changed["name"], &changed["groups_claim"]), (&json!("Other"), &Value::Null));

    let lin = g.person("lin").await;
    g.unchanged(async || {
        for path in ["/api/v1/identity-providers", url.as_str()] {
            lin.get(path).await.refused(403, "forbidden");
            g.anonymous().get(path).await.not_signed_in();
        }
        lin.patch(&url, json!({"enabled": false})).await.refused(403, "forbidden");
        lin.delete(&url).await.refused(403, "forbidden");
        lin.post(&format!("{url}/test"), json!({})).await.refused(403, "forbidden");
        ada.get(&strange(&url)).await.refused(404, "not_found");
        let same = json!({"name": "Twice", "slug": "corp", "issuer": "https://127.0.0.1:1", "client_id": "x"});
        ada.post("/api/v1/identity-providers", same).await.refused(409, "conflict");
        let same =
            json!({"name": "Twice", "slug": "twice", "issuer": idp.url(), "client_id": "x", "allow_private": true});
        ada.post("/api/v1/identity-providers", same).await.refused(409, "conflict");
        ada.patch(&url, json!({"issuer": "https://other.example"})).await.invalid("/issuer");
        ada.patch(&url, json!({"slug": "other"})).await.invalid("/slug");
    })
    .await;
    ada.delete(&url).await.done();
    ada.get(&url).await.refused(404, "not_found");
    let audit = ada.get("/api/v1/audit?limit=100").await.ok();
    let actions = audit.each("action");
    for action in ["identity_provider.create", "identity_provider.update", "identity_provider.delete"] {
        assert!(actions.iter().any(|one| one == action), "{action}: {actions:?}");
    }
    assert!(!audit.json.to_string().contains("s3cret"));
}

async fn a_secret_is_kept_and_never_shown(g: Garth) {
    let idp = Idp::start().await;
    let made = idp.install(&g, json!({})).await;
    let ada = g.admin().await;
    let url = format!("/api/v1/identity-providers/{}", made.id());
    for answer in [&made, &ada.get(&url).await.ok(), &ada.get("/api/v1/identity-providers").await.ok()] {
        assert!(!String::from_utf8_lossy(&answer.bytes).contains("s3cret"), "{answer}");
    }
    assert_eq!(made["client_secret"], json!({"secret": true}));
    assert!(!g.rows("identity_providers").await.concat().contains("s3cret"));
    // As it is sent back, it stays.
    ada.patch(&url, json!({"client_secret": {"secret": true}})).await.ok();
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(ada.patch(&url, json!({"client_secret": null})).await.ok()["client_secret"], Value::Null);
    g.expects_warning("is not believed");
    idp.sign_in(&g, &Browser::new(&g), "corp").await.expect_status(401);
    ada.patch(&url, json!({"client_secret": "s3cret+/ü"})).await.ok();
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    ada.patch(&url, json!({"client_secret": {"secret": false}})).await.problem(422);
}

async fn what_a_provider_cannot_be_is_refused(g: Garth) {
    let ada = g.admin().await;
    let good = json!({"name": "Corp", "slug": "corp", "issuer": "https://127.0.0.1:1", "client_id": "garth"});
    g.unchanged(async || {
        for (over, pointer) in [
            (json!({"slug": ""}), "/slug"),
            (json!({"slug": "Corp"}), "/slug"),
            (json!({"slug": "1corp"}), "/slug"),
            (json!({"slug": "../x"}), "/slug"),
            (json!({"slug": "x".repeat(33)}), "/slug"),
            (json!({"issuer": "http://idp.example"}), "/issuer"),
            (json!({"issuer": "idp.example"}), "/issuer"),
            (json!({"issuer": "https://me:pw@idp.example"}), "/issuer"),
            (json!({"issuer": "https://idp.example?x=y"}), "/issuer"),
            (json!({"issuer": "https://idp.example#x"}), "/issuer"),
            (json!({"client_id": ""}), "/client_id"),
            (json!({"client_id": "x".repeat(256)}), "/client_id"),
            (json!({"client_secret": ""}), "/client_secret"),
            (json!({"client_secret": "x".repeat(1_025)}), "/client_secret"),
            (json!({"scopes": ["profile"]}), "/scopes"),
            (json!({"scopes": ["openid", "a b"]}), "/scopes"),
            (json!({"scopes": (0..21).map(|n| if n == 0 { "openid".to_owned() } else { format!("s{n}") }).collect::<Vec<_>>()}), "/scopes"),
            (json!({"groups_claim": ""}), "/groups_claim"),
            (json!({"groups_claim": "x".repeat(256)}), "/groups_claim"),
            (json!({"groups_from": "anywhere"}), "/groups_from"),
            (json!({"name": " "}), "/name"),
            (json!({"allow_private": true}), "/allow_private"),
            (json!({"colour": "red"}), "/colour"),
        ] {
            let mut body = good.clone();
            merge(&mut body, &over);
            ada.post("/api/v1/identity-providers", body).await.invalid(pointer);
        }
    })
    .await;
    ada.post("/api/v1/identity-providers", good).await.created();
}

async fn providers_have_limits(g: Garth) {
    let ada = g.admin().await;
    for n in 0..50 {
        let body = json!({"name": format!("Corp {n}"), "slug": format!("corp-{n}"),
            "issuer": format!("https://127.0.0.1:1/{n}"), "client_id": "x".repeat(255), "client_secret": "x".repeat(1_024),
            "groups_claim": "x".repeat(255)});
        ada.post("/api/v1/identity-providers", body).await.created();
    }
    assert_eq!(ada.all_pages("/api/v1/identity-providers", 16).await.len(), 50);
    g.unchanged(async || {
        let one_more =
            json!({"name": "Corp", "slug": "x".repeat(32), "issuer": "https://127.0.0.1:1/x", "client_id": "x"});
        ada.post("/api/v1/identity-providers", one_more).await.refused(409, "conflict");
    })
    .await;
}

async fn a_provider_that_cannot_be_reached_is_saved_and_that_is_told(g: Garth) {
    let idp = Idp::start().await;
    let made = idp.install(&g, json!({"issuer": "http://127.0.0.1:1/realms/x"})).await;
    assert_eq!(made["check"]["reachable"], false);
    assert!(made["check"]["detail"].as_str().is_some_and(|detail| detail.contains("cannot be reached")), "{made}");
    g.expects_warning("an identity provider cannot be used");
    let refused = Browser::new(&g).visit("/auth/oidc/corp/start").await.expect_status(409);
    assert!(refused.header("content-type").starts_with("text/html"), "{refused}");
    g.anonymous().get("/auth/oidc/corp/start").await.refused(409, "provider_unavailable");
    g.anonymous().get("/auth/oidc/other/start").await.refused(404, "not_found");
    let url = format!("/api/v1/identity-providers/{}/test", made.id());
    assert_eq!(g.admin().await.post(&url, json!({})).await.ok()["reachable"], false);
}

/// The names of the groups that somebody is in, as a system administrator sees it.
async fn groups_of(g: &Garth, person: &Person) -> Vec<String> {
    let ada = g.admin().await;
    let mut found = Vec::new();
    for group in ada.get("/api/v1/groups").await.ok().items() {
        let id = group["id"].as_str().expect("an id");
        let members = ada.get(&format!("/api/v1/groups/{id}/members")).await.ok();
        if members.each("member").contains(&person.principal()) {
            found.push(group["name"].as_str().expect("a name").to_owned());
        }
    }
    found
}

async fn groups_come_and_go_with_each_sign_in(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "realm_access.roles"})).await;
    let ada = g.admin().await;
    g.closed_home().await;
    let (devs, ops) = (ada.group("R&D Team", &[]).await, ada.group("ops", &[]).await);
    ada.group("dev", &[]).await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant_by_registry(&atlas, &devs, "writer").await;
    let says = |names: Value| merge(&mut idp.knobs().claims, &json!({"realm_access": {"roles": names}}));
    says(json!(["R&D Team", "DEV", "unknown here", "ops "]));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, ["R&D Team"], "by name, to the letter");
    lin.get(&atlas.url("")).await.ok();
    // What it gives is on record where it gives it.
    let audit = ada.get(&atlas.url("/audit")).await.ok();
    let entry = audit.items().into_iter().find(|entry| entry["action"] == "identity.sign_in").expect("on record");
    assert_eq!(entry["after"]["member"], lin.principal());
    assert_eq!(entry["after"]["identity_provider"], "corp");

    says(json!(["ops", "dev"]));
    let again = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &again).await, ["dev", "ops"]);
    // At once, with the session they have had before, too.
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    ada.get(&format!("/api/v1/groups/{}", ops.id)).await.ok();
    says(json!([]));
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
}

async fn what_is_done_by_hand_and_what_a_provider_says_do_not_undo_each_other(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    let (crew, ops) = (ada.group("crew", &[]).await, ada.group("ops", &[]).await);
    merge(&mut idp.knobs().claims, &json!({"groups": ["crew"]}));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let member = |group: &Thing| format!("/api/v1/groups/{}/members/{}", group.id, lin.principal());
    let put =
        |group: &Thing| ada.post(&format!("/api/v1/groups/{}/members", group.id), json!({"member": lin.principal()}));
    g.unchanged(async || {
        ada.delete(&member(&crew)).await.refused(409, "conflict");
    })
    .await;
    put(&crew).await.done();
    put(&ops).await.done();
    // Both say so: the list names them once, and each takes back its own word only.
    assert_eq!(ada.get(&format!("/api/v1/groups/{}/members", crew.id)).await.ok().items().len(), 1);
    merge(&mut idp.knobs().claims, &json!({"groups": []}));
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, ["crew", "ops"]);
    g.restart().await;
    assert_eq!(groups_of(&g, &lin).await, ["crew", "ops"]);
    ada.delete(&member(&crew)).await.done();
    ada.delete(&member(&ops)).await.done();
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
}

async fn a_provider_is_obeyed_even_where_a_space_loses_its_administrator(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    let chiefs = ada.group("chiefs", &[]).await;
    merge(&mut idp.knobs().claims, &json!({"groups": ["chiefs"]}));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&lin).create().await;
    ada.grant_by_registry(&atlas, &chiefs, "admin").await;
    lin.post(&atlas.url("/leave"), json!({})).await.done();
    lin.get(&atlas.url("/grants")).await.ok();
    // By hand nobody could have done that.
    merge(&mut idp.knobs().claims, &json!({"groups": []}));
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    lin.get(&atlas.url("")).await.refused(404, "not_found");
    // System administrators see that nobody is in charge any more, and since when.
    let entry = format!("/api/v1/registry/spaces/{}", atlas.id);
    assert_eq!(ada.get(&entry).await.ok()["in_charge"], "nobody");
    assert_eq!(ada.get("/api/v1/registry/spaces?in_charge=nobody").await.ok().names(), ["Atlas"]);
    let lost = async || {
        let audit = ada.get("/api/v1/audit?action=space.last_admin_lost").await.ok().items();
        audit.iter().map(|entry| (entry["target"]["id"].clone(), entry["after"].clone())).collect::<Vec<_>>()
    };
    assert_eq!(lost().await, [(json!(atlas.id), json!({"in_charge": "nobody"}))]);
    let figure = async || {
        let text = String::from_utf8(ada.get("/metrics").await.ok().bytes).expect("text");
        let line = text.lines().find(|line| line.starts_with("garth_spaces_without_administrator "));
        line.expect("a figure").to_owned()
    };
    assert_eq!(figure().await, "garth_spaces_without_administrator 1");
    // They put somebody in charge, who finds it in the space's own record.
    let bo = g.person("bo").await;
    ada.grant_by_registry(&atlas, &bo, "admin").await;
    assert_eq!(ada.get(&entry).await.ok()["in_charge"], "own");
    assert_eq!(figure().await, "garth_spaces_without_administrator 0");
    assert_eq!(bo.get(&atlas.url("/audit?action=space.last_admin_lost")).await.ok().items().len(), 1);
    // The next sign-in loses nothing, and says nothing.
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(lost().await.len(), 1);
}

async fn n49_what_a_provider_gave_is_not_taken_by_hand_from_the_last_administrator(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    let chiefs = ada.group("chiefs", &[]).await;
    merge(&mut idp.knobs().claims, &json!({"groups": ["chiefs"]}));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    g.closed_home().await;
    let atlas = ada.space("Atlas").admin(&chiefs).create().await;
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    g.unchanged(async || {
        // To end the provider is a wish of whoever runs this installation, not the provider's word.
        ada.delete(&url).await.refused(409, "last_admin");
        ada.delete(&format!("{url}?dry_run=true")).await.refused(409, "last_admin");
        ada.delete(&chiefs.url(&format!("/members/{}", lin.principal()))).await.refused(409, "conflict");
        ada.patch(&format!("/api/v1/users/{}", lin.id), json!({"disabled": true})).await.refused(409, "last_admin");
        lin.delete(&atlas.url(&format!("/members/{}", lin.id))).await.refused(409, "conflict");
    })
    .await;
    // By hand as well: now the provider's word takes nobody away.
    ada.post(&chiefs.url("/members"), json!({"member": lin.principal()})).await.done();
    merge(&mut idp.knobs().claims, &json!({"groups": []}));
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    lin.get(&atlas.url("/grants")).await.ok();
    assert!(ada.get("/api/v1/registry/spaces?in_charge=nobody").await.ok().items().is_empty());
    ada.delete(&url).await.done();
}

async fn groups_are_read_where_they_are_said_to_be(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"groups_claim": "groups", "groups_from": "userinfo"})).await;
    let ada = g.admin().await;
    for name in ["here", "there"] {
        ada.group(name, &[]).await;
    }
    merge(&mut idp.knobs().claims, &json!({"groups": ["here"]}));
    idp.knobs().userinfo = json!({"sub": "u1", "groups": "there"});
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_eq!(groups_of(&g, &lin).await, ["there"]);
    let url = format!("/api/v1/identity-providers/{}", corp.id());
    for (from, is) in [("id_token", vec!["here"]), ("both", vec!["here", "there"])] {
        ada.patch(&url, json!({"groups_from": from})).await.ok();
        idp.person(&g, &Browser::new(&g), "corp", "u1").await;
        assert_eq!(groups_of(&g, &lin).await, is, "{from}");
    }
}

async fn an_account_is_linked_and_unlinked_by_its_owner(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({"groups_claim": "groups", "create_users": false})).await;
    let ada = g.admin().await;
    let crew = ada.group("crew", &[]).await;
    merge(&mut idp.knobs().claims, &json!({"sub": "u7", "groups": ["crew"]}));
    let lin = g.person("lin").await;
    let browser = Browser::new(&g);
    browser.submit("/sign-in", &[("username", "lin"), ("password", &password("lin"))]).await.expect_status(303);
    let link = async |browser: &Browser| {
        let began = browser.submit("/auth/oidc/corp/link", &[]).await.expect_status(303);
        let back = idp.consent(began.header("location"));
        idp.knobs().now = g.app().clock.now() / SECOND;
        idp::callback("corp", &back)
    };
    // Another browser, or the same after signing out, links nothing: not to anybody's account.
    let stranger = Browser::new(&g);
    g.person("mia").await;
    stranger.submit("/sign-in", &[("username", "mia"), ("password", &password("mia"))]).await.expect_status(303);
    stranger.set_cookie("__Host-garth-sign-in", "0".repeat(52).as_str());
    g.unchanged(async || {
        let back = link(&browser).await;
        stranger.visit(&back).await.expect_status(409);
        let back = link(&browser).await;
        stranger.set_cookie("__Host-garth-sign-in", &browser.cookie("__Host-garth-sign-in").expect("a cookie"));
        stranger.visit(&back).await.expect_status(409);
        // A page of another site cannot begin it.
        let call = browser.bare(axum::http::Method::POST, "/auth/oidc/corp/link");
        call.header("origin", "https://evil.example").await.refused(403, "forbidden");
        browser.bare(axum::http::Method::POST, "/auth/oidc/corp/link").await.refused(403, "forbidden");
        Browser::new(&g).submit("/auth/oidc/corp/link", &[]).await.expect_status(401);
    })
    .await;
    let back = link(&browser).await;
    assert_eq!(browser.visit(&back).await.expect_status(303).header("location"), "/account/security");
    let identity = lin.get("/api/v1/me/identities").await.ok().items()[0].clone();
    assert_eq!(identity["subject"], "u7");
    let elsewhere = Browser::new(&g);
    let same = idp.person(&g, &elsewhere, "corp", "u7").await;
    assert_eq!(same.id, lin.id);
    assert_eq!(groups_of(&g, &lin).await, ["crew"]);
    // It is theirs alone, to see and to unlink; and belongs to one account.
    let mia = stranger.clone();
    let back = link(&mia).await;
    g.unchanged(async || mia.visit(&back).await.expect_status(409)).await;
    let url = format!("/api/v1/me/identities/{}", identity["id"].as_str().expect("an id"));
    let bo = g.person("bo").await;
    g.unchanged(async || {
        bo.delete(&url).await.refused(404, "not_found");
        bo.delete(&strange(&url)).await.refused(404, "not_found");
        g.anonymous().delete(&url).await.not_signed_in();
        lin.delete(&format!("{url}?dry_run=true")).await.done();
    })
    .await;
    lin.delete(&url).await.done();
    same.get("/api/v1/me").await.not_signed_in();
    lin.get("/api/v1/me").await.ok();
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
    idp.sign_in(&g, &elsewhere, "corp").await.expect_status(403);
    ada.get(&format!("/api/v1/groups/{}", crew.id)).await.ok();
}

async fn the_only_way_in_is_not_unlinked(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let identity = lin.get("/api/v1/me/identities").await.ok().each("id")[0].clone();
    let identity = format!("/api/v1/me/identities/{identity}");
    g.unchanged(async || lin.delete(&identity).await.refused(409, "conflict")).await;
    // A passkey is another one.
    let begun = lin.post("/api/v1/me/passkeys/begin", json!({})).await.ok();
    let credential = Authenticator::new().make(&begun["options"]);
    let made = json!({"ceremony": begun["ceremony"], "name": "A phone", "credential": credential});
    lin.post("/api/v1/me/passkeys/finish", made).await.created();
    lin.delete(&identity).await.done();
    lin.get("/api/v1/me").await.ok();
}

async fn deleting_a_provider_ends_what_came_of_it(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({"groups_claim": "groups"})).await;
    let ada = g.admin().await;
    ada.group("crew", &[]).await;
    merge(&mut idp.knobs().claims, &json!({"groups": ["crew"]}));
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    ada.delete(&format!("/api/v1/identity-providers/{}", corp.id())).await.done();
    lin.get("/api/v1/me").await.not_signed_in();
    assert_eq!(groups_of(&g, &lin).await, [""; 0]);
    ada.get(&format!("/api/v1/users/{}", lin.id)).await.ok();
    // Set up again, it knows nobody from before.
    idp.install(&g, json!({})).await;
    let other = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    assert_ne!(other.id, lin.id);
}

async fn the_key_of_the_installation_is_exchanged_under_a_provider(g: Garth) {
    let idp = Idp::start().await;
    idp.install(&g, json!({})).await;
    let lin = idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    let before = g.rows("identity_providers").await;
    let ctx = garth_server::Ctx::system(g.app());
    garth_server::rotation::installation(&ctx, None, garth_server::base::told::nobody()).await.expect("exchanged");
    assert_ne!(g.rows("identity_providers").await, before);
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    g.restart().await;
    idp.person(&g, &Browser::new(&g), "corp", "u1").await;
    lin.get("/api/v1/me").await.ok();
}

async fn the_ways_to_sign_in_are_told_to_everybody(g: Garth) {
    let idp = Idp::start().await;
    let corp = idp.install(&g, json!({})).await;
    let nobody = g.anonymous();
    let options = nobody.get("/api/v1/sign-in-options").await.ok();
    let url = format!("{PUBLIC_URL}/auth/oidc/corp/start");
    let providers = json!([{"name": "Corp", "slug": "corp", "url": url}]);
    assert_eq!(options.json, json!({"password": true, "passkey": true, "providers": providers}));
    let ada = g.admin().await;
    ada.patch(&format!("/api/v1/identity-providers/{}", corp.id()), json!({"enabled": false})).await.ok();
    assert_eq!(nobody.get("/api/v1/sign-in-options").await.ok()["providers"], json!([]));
    nobody.get("/auth/oidc/corp/start").await.refused(404, "not_found");
}

/// With private addresses allowed or not.
async fn private_targets(g: &Garth, allowed: bool) {
    g.limit(Limits { allow_private_targets: allowed, ..g.limits() }).await;
}
