//! Stories about what an invitation must not do: be used twice, by others, elsewhere, later, or after its inviter's right.

use super::{atlas, join};
use crate::support::smtp::{MailServer, with_mail};
use crate::support::*;

stories! {
    n55_a_token_is_what_was_given_out_to_the_letter,
    n55_an_invitation_ends_in_a_week_when_it_is_revoked_and_when_it_is_sent_anew,
    n55_an_invitation_ends_with_its_inviters_right,
    n55_an_invitation_is_for_its_address_and_its_space,
    n55_of_many_who_accept_at_once_one_comes_in,
    n55_what_races_an_acceptance_never_lets_it_through_afterwards,
    invitations_have_limits,
    n55_nobodys_post_is_filled,
    who_is_gone_is_not_told_by_what_they_were_invited_to,
}

const WEEK: i64 = 7 * 24 * 60 * 60 * SECOND;

async fn n55_a_token_is_what_was_given_out_to_the_letter(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let (to_bo, new) =
        (lin.invite(&atlas, "bo", "reader").await, lin.invite(&atlas, "new@example.org", "reader").await);
    let account = ada.post("/api/v1/users", json!({"username": "pending"})).await.created();
    g.unchanged(async || {
        for token in [to_bo.text("token"), new.text("token")] {
            let bare = token.trim_start_matches("invite_").to_owned();
            for wrong in [
                token[..token.len() - 1].to_owned(),
                format!("{token}0"),
                token.to_uppercase(),
                format!("%20{token}"),
                format!("{token}%00"),
                bare.clone(),
                format!("signup_{bare}"),
                format!("gs_{bare}"),
                strange(&token),
                to_bo.text("link").replace('#', "%23").replace('/', "%2F"),
            ] {
                bo.accept(&wrong).await.refused(404, "not_found");
                join(&g, &wrong).await.refused(404, "not_found");
                bo.with_token(&wrong).get("/api/v1/me").await.not_signed_in();
            }
        }
        // An id is no token: it works from the list of whom it is addressed to, and nowhere else.
        join(&g, &new.id()).await.refused(404, "not_found");
        bo.accept(&new.id()).await.refused(404, "not_found");
        bo.accept(&to_bo.id().to_uppercase()).await.refused(404, "not_found");
        // The token of an account is none of an invitation.
        bo.accept(&account.text("signup_token")).await.refused(404, "not_found");
        bo.with_token(&new.text("token")).get("/api/v1/me").await.not_signed_in();
    })
    .await;
    bo.accept(&to_bo.text("token")).await.ok();
    join(&g, &new.text("token")).await.created();
}

async fn n55_an_invitation_ends_in_a_week_when_it_is_revoked_and_when_it_is_sent_anew(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let gone = async |to_bo: &Answer, new: &Answer| {
        g.unchanged(async || {
            bo.accept(&to_bo.id()).await.refused(404, "not_found");
            bo.accept(&to_bo.text("token")).await.refused(404, "not_found");
            join(&g, &new.text("token")).await.refused(404, "not_found");
        })
        .await;
    };
    let both = async |lin: &Person| {
        let new = lin.invite(&atlas, "new@example.org", "reader").await;
        (lin.invite(&atlas, "bo", "reader").await, new)
    };
    let (to_bo, new) = both(&lin).await;
    let (to_bo_2, new_2) = both(&lin).await;
    gone(&to_bo, &new).await;
    assert_eq!(bo.get("/api/v1/me/invitations").await.ok().each("id"), [to_bo_2.id()], "sent anew, it is one");
    let ended = lin.get(&atlas.url("/audit?action=invitation.delete")).await.ok().items();
    let ended = ended.iter().map(|entry| entry["target"]["id"].as_str().expect("an id").to_owned()).collect();
    assert_eq!(sorted(ended), sorted(vec![to_bo.id(), new.id()]), "what was sent before is taken back on record");
    for invited in [&to_bo_2, &new_2] {
        lin.delete(&atlas.url(&format!("/invitations/{}", invited.id()))).await.done();
    }
    gone(&to_bo_2, &new_2).await;

    let (to_bo, new) = both(&lin).await;
    g.pass(WEEK - 1);
    assert_eq!(bo.get("/api/v1/me/invitations").await.ok().items().len(), 1);
    g.pass(1);
    gone(&to_bo, &new).await;
    assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
    let lin = lin.sign_in("lin").await;
    assert!(lin.get(&atlas.url("/invitations")).await.ok().items().is_empty());
    // To the last microsecond it is good.
    let (to_bo, _) = both(&lin).await;
    g.pass(WEEK - 1);
    bo.sign_in("bo").await.accept(&to_bo.id()).await.ok();
}

async fn n55_an_invitation_ends_with_its_inviters_right(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let (bo, mut kim) = (g.person("bo").await, g.person("kim").await);
    ada.role("host", &["space:admin", "task:read"]).await;
    let tasks = ada.role("tasks", &["task:read"]).await;
    let refused = async |to_bo: &Answer, new: &Answer| {
        g.unchanged(async || {
            bo.accept(&to_bo.id()).await.refused(404, "not_found");
            bo.accept(&to_bo.text("token")).await.refused(404, "not_found");
            join(&g, &new.text("token")).await.refused(404, "not_found");
        })
        .await;
        assert!(bo.get("/api/v1/me/invitations").await.ok().items().is_empty());
        for one in lin.get(&atlas.url("/invitations")).await.ok().items() {
            assert_eq!(one["good"], false, "{one}");
        }
    };
    let account = format!("/api/v1/users/{}", kim.id);
    for way in ["demoted", "removed", "expired", "disabled", "role", "gate", "deleted"] {
        let grant = ada.grant_by_registry(&atlas, &kim, "host").await;
        let one = atlas.url(&format!("/grants/{}", grant.id));
        let to_bo = kim.invite(&atlas, "bo", "tasks").await;
        let new = kim.invite(&atlas, "new@example.org", "tasks").await;
        assert_eq!(bo.get("/api/v1/me/invitations").await.ok().items().len(), 1, "{way}");
        match way {
            "demoted" => drop(lin.patch(&one, json!({"role": "writer"})).await.ok()),
            "removed" => lin.revoke(&atlas, &grant).await,
            "expired" => {
                lin.patch(&one, json!({"expires_at": g.time_in(SECOND)})).await.ok();
                g.pass(2 * SECOND);
            }
            "disabled" => drop(ada.patch(&account, json!({"disabled": true})).await.ok()),
            // What the role promises is more than the inviter holds now.
            "role" => drop(ada.patch(&tasks.url(""), json!({"permissions": ["task:read", "task:write"]})).await.ok()),
            "gate" => drop(lin.patch(&atlas.url(""), json!({"view": {"users": [lin.principal()]}})).await.ok()),
            _ => drop(ada.delete(&account).await.done()),
        }
        refused(&to_bo, &new).await;
        // As it was, for the next way.
        match way {
            "disabled" => drop(ada.patch(&account, json!({"disabled": false})).await.ok()),
            "role" => drop(ada.patch(&tasks.url(""), json!({"permissions": ["task:read"]})).await.ok()),
            "gate" => drop(lin.patch(&atlas.url(""), json!({"view": "members"})).await.ok()),
            _ => {}
        }
        if way == "deleted" {
            break;
        }
        if way != "removed" {
            lin.delete(&one).await.done();
        }
        if way == "disabled" {
            kim = kim.sign_in("kim").await;
        }
        for invited in [&to_bo, &new] {
            lin.delete(&atlas.url(&format!("/invitations/{}", invited.id()))).await.done();
        }
    }
}

async fn n55_an_invitation_is_for_its_address_and_its_space(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let (bo, eve) = (g.person("bo").await, g.person("eve").await);
    ada.patch(&format!("/api/v1/users/{}", eve.id), json!({"email": "eve@example.org"})).await.ok();
    let beta = ada.space("Beta").admin(&lin).create().await;
    let invited = lin.invite(&atlas, "bo@example.org", "reader").await;
    let token = server.letter().await.token();
    g.unchanged(async || {
        // Forwarded to somebody who has an account of another address, or of none.
        for person in [&bo, &eve, &lin, &ada] {
            person.accept(&token).await.refused(404, "not_found");
        }
        // What is changed about it changes nothing: neither address nor space nor role are the client's to say.
        for extra in [json!({"email": "eve@example.org"}), json!({"space": beta.id}), json!({"role": "admin"})] {
            let mut body = json!({"token": token, "password": password("somebody new")});
            body.as_object_mut().expect("an object").extend(extra.as_object().expect("an object").clone());
            g.anonymous().post("/api/v1/signup", body).await.refused(422, "invalid");
        }
        lin.delete(&beta.url(&format!("/invitations/{}", invited.id()))).await.refused(404, "not_found");
    })
    .await;
    let session = join(&g, &token).await.created();
    let new = g.anonymous().with_token(&session.text("token"));
    assert_eq!(session["user"]["username"], "bo@example.org");
    assert_eq!(new.get(&atlas.url("")).await.ok()["access"]["role"], "reader");
    new.get(&beta.url("")).await.refused(404, "not_found");
    assert_eq!(new.get("/api/v1/users").await.ok().items().len(), 2, "they see whom they share a space with");
}

/// Racing rounds.
const ROUNDS: usize = 100;

async fn n55_of_many_who_accept_at_once_one_comes_in(g: Garth) {
    let (_, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let successes = |answers: &[Answer]| answers.iter().filter(|answer| answer.status.is_success()).count();
    for round in 0..ROUNDS {
        let invited = lin.invite(&atlas, "bo", "reader").await;
        let (id, token) = (invited.id(), invited.text("token"));
        let answers = race(vec![bo.accept(&id), bo.accept(&token), bo.accept(&id), bo.accept(&token)]).await;
        assert_eq!(successes(&answers), 1, "round {round}");
        for answer in answers.into_iter().filter(|answer| !answer.status.is_success()) {
            answer.refused(404, "not_found");
        }
    }
    let grants = lin.get(&atlas.url("/grants")).await.ok().items();
    assert_eq!(grants.iter().filter(|grant| grant["principal"] == bo.principal()).count(), 1);
    for round in 0..5 {
        let invited = lin.invite(&atlas, "new@example.org", "reader").await;
        let token = invited.text("token");
        let answers = race((0..4).map(|_| join(&g, &token)).collect()).await;
        assert_eq!(successes(&answers), 1, "round {round}");
    }
    // Ada, lin, bo and five who came in.
    assert_eq!(g.admin().await.get("/api/v1/users?limit=100").await.ok().items().len(), 8);
}

async fn n55_what_races_an_acceptance_never_lets_it_through_afterwards(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let (bo, kim) = (g.person("bo").await, g.person("kim").await);
    let of_bo = async || {
        let grants = lin.get(&atlas.url("/grants")).await.ok().items();
        let own = grants.into_iter().find(|grant| grant["principal"] == bo.principal());
        own.map(|grant| atlas.url(&format!("/grants/{}", grant["id"].as_str().expect("an id"))))
    };
    for round in 0..ROUNDS {
        let by_kim = ada.grant_by_registry(&atlas, &kim, "admin").await;
        let invited = kim.invite(&atlas, "bo", "reader").await;
        let one = atlas.url(&format!("/invitations/{}", invited.id()));
        let ending = match round % 2 {
            0 => lin.delete(&one),
            _ => lin.delete(&atlas.url(&format!("/grants/{}", by_kim.id))),
        };
        let answers = race(vec![bo.accept(&invited.id()), ending]).await;
        let (came_in, there) = (answers[0].status.is_success(), of_bo().await);
        assert_eq!(came_in, there.is_some(), "round {round}: {}", answers[0]);
        if round % 2 == 0 {
            assert_ne!(came_in, answers[1].status.is_success(), "round {round}: one of the two");
            lin.delete(&atlas.url(&format!("/grants/{}", by_kim.id))).await.done();
        } else {
            answers[1].clone().done();
        }
        bo.accept(&invited.id()).await.refused(404, "not_found");
        if let Some(grant) = there {
            lin.delete(&grant).await.done();
        }
    }
}

async fn invitations_have_limits(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let invite = |by: &Person, number: usize| {
        by.post(&atlas.url("/invitations"), json!({"to": format!("new{number}@example.org"), "role": "reader"}))
    };
    let day = 24 * 60 * 60 * SECOND;
    for number in 0..500 {
        if number > 0 && number % 200 == 0 {
            g.unchanged(async || {
                let full = invite(&lin, number).await.refused(429, "rate_limited");
                assert_eq!(full.header("retry-after"), (24 * 60 * 60).to_string());
            })
            .await;
            // The same again counts as well: nobody's post is filled by it.
            invite(&lin, 0).await.refused(429, "rate_limited");
            g.pass(day);
        }
        invite(&lin, number).await.expect_status(202);
    }
    g.unchanged(async || invite(&lin, 500).await.refused(409, "conflict")).await;
    // One that takes the place of an earlier one is no more than there were.
    invite(&lin, 499).await.expect_status(202);
    // Nor does a space that is gone take along what was sent from it.
    let bo = g.person("bo").await;
    for round in 0..2 {
        let own = ada.space("Own").admin(&bo).create().await;
        for number in 0..100 {
            bo.invite(&own, &format!("{round}-{number}@example.org"), "reader").await;
        }
        bo.post(&own.url("/archive"), json!({})).await.ok();
        bo.delete(&own.url("?confirm=Own")).await.ok();
    }
    // The keys of a space send together what a person may.
    let keys = [lin.key(&atlas, "one", "admin").await, lin.key(&atlas, "two", "admin").await];
    for number in 0..200 {
        keys[number % 2].invite(&atlas, "new0@example.org", "reader").await;
    }
    let third = lin.key(&atlas, "three", "admin").await;
    g.unchanged(async || invite(&third, 0).await.refused(429, "rate_limited")).await;
    let own = ada.space("Own").admin(&bo).create().await;
    let more = json!({"to": "more@example.org", "role": "reader"});
    bo.post(&own.url("/invitations"), more).await.refused(429, "rate_limited");
    for (to, fits) in
        [(format!("{}@x.example.org", "l".repeat(64)), true), (format!("{}@x.org", "l".repeat(250)), false)]
    {
        let answer = ada.invite_to(&own, &to).await;
        assert_eq!(answer.status.is_success(), fits, "{answer}");
    }
}

async fn n55_nobodys_post_is_filled(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let server = MailServer::start().await;
    with_mail(&g, &server).await;
    let bo = g.person("bo").await;
    let own = ada.space("Own").admin(&bo).create().await;
    for to in ["victim@example.org", "nobody-at-all"] {
        let invite =
            |by: &Person, space: &Thing| by.post(&space.url("/invitations"), json!({"to": to, "role": "reader"}));
        for (by, space) in [(&lin, &atlas), (&bo, &own)].into_iter().cycle().take(20) {
            invite(by, space).await.expect_status(202);
        }
        g.unchanged(async || {
            for (by, space) in [(&lin, &atlas), (&bo, &own)] {
                let full = invite(by, space).await.refused(429, "rate_limited");
                assert_eq!(full.header("retry-after"), (24 * 60 * 60).to_string());
            }
        })
        .await;
        lin.invite(&atlas, &format!("other-{to}"), "reader").await;
    }
    g.pass(24 * 60 * 60 * SECOND);
    lin.invite(&atlas, "victim@example.org", "reader").await;
}

async fn who_is_gone_is_not_told_by_what_they_were_invited_to(g: Garth) {
    let (ada, lin, atlas) = atlas(&g).await;
    let bo = g.person("bo").await;
    let invited = [lin.invite(&atlas, "bo", "reader").await, lin.invite(&atlas, "nobody-at-all", "reader").await];
    let listed = async || lin.get(&atlas.url("/invitations")).await.ok().each("id");
    let before = listed().await;
    ada.delete(&format!("/api/v1/users/{}", bo.id)).await.done();
    assert_eq!(listed().await, before);
    // Whoever has the name next is somebody else.
    let again = g.person("bo").await;
    assert!(again.get("/api/v1/me/invitations").await.ok().items().is_empty());
    again.accept(&invited[0].id()).await.refused(404, "not_found");
    again.accept(&invited[0].text("token")).await.refused(404, "not_found");
    for one in &invited {
        lin.delete(&atlas.url(&format!("/invitations/{}", one.id()))).await.done();
    }
}

impl Person {
    /// Invites as a system administrator who is let into the space for it.
    async fn invite_to(&self, space: &Thing, to: &str) -> Answer {
        let grants = format!("/api/v1/registry/spaces/{}/grants", space.id);
        self.post(&grants, json!({"principal": self.principal(), "role": "admin"})).await.done();
        self.post(&space.url("/invitations"), json!({"to": to, "role": "reader"})).await
    }
}
