//! Stories about what an authenticator signs and is not believed.

use super::{ASK, BEGIN, ENTER, FINISH, OWN, add, alone, enter, with_passkey};
use crate::support::*;
use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;

stories! {
    what_is_signed_for_something_else_is_not_believed,
    what_is_made_for_something_else_is_no_passkey,
    bytes_of_any_kind_are_no_passkey_and_no_trouble,
    a_counter_that_goes_back_is_refused_and_on_record,
    a_ceremony_is_good_once_for_who_began_it_and_not_for_long,
    ten_wrong_answers_of_a_passkey_are_enough,
    n74_nothing_of_a_ceremony_is_on_record,
}

/// Ways to get it wrong, and how.
type Wrong = (&'static str, fn(&mut Authenticator));
const WRONG: [Wrong; 8] = [
    ("another page", |device| device.origin = "https://evil.example".to_owned()),
    ("a page of a host below", |device| device.origin = "https://evil.garth.example".to_owned()),
    ("another port", |device| device.origin = "https://garth.example:8443".to_owned()),
    ("without HTTPS", |device| device.origin = "http://garth.example".to_owned()),
    ("another server", |device| device.server = "evil.example".to_owned()),
    ("nobody there", |device| device.present = false),
    ("nobody verified", |device| device.verified = false),
    ("in another site's page", |device| device.cross_origin = true),
];

/// The device as it was.
fn right(device: &mut Authenticator) {
    let new = Authenticator::new();
    (device.origin, device.server) = (new.origin, new.server);
    (device.present, device.verified, device.cross_origin, device.kind) = (true, true, false, None);
}

async fn what_is_signed_for_something_else_is_not_believed(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let (bo, mut of_bo) = with_passkey(&g, "bo").await;
    let nobody = alone(&g, &mut Authenticator::new()).await.refused(401, "wrong_credentials");
    let ask = async || g.anonymous().post(ASK, json!({})).await.ok();
    let (mine, bos) = (device.user.clone(), of_bo.user.clone());
    g.unchanged(async || {
        for (at, (what, wrong)) in WRONG.iter().enumerate() {
            wrong(&mut device);
            let answer = enter(&g, &ask().await, &mut device).from(&format!("192.0.2.{at}")).await;
            assert_eq!(answer.visible(), nobody.visible(), "{what}: {answer}");
            right(&mut device);
        }
        // Made instead of signed; for another challenge; with another key; of somebody else, or of nobody.
        device.kind = Some("webauthn.create");
        assert_same(&nobody, &enter(&g, &ask().await, &mut device).await);
        right(&mut device);
        let (one, other) = (ask().await, ask().await);
        let credential = device.sign(&one["options"]);
        let crossed = json!({"ceremony": other["ceremony"], "credential": credential});
        assert_same(&nobody, &g.anonymous().post(ENTER, crossed).await);
        let asked = ask().await;
        let mut credential = device.sign(&asked["options"]);
        credential["response"]["signature"] = of_bo.sign(&asked["options"])["response"]["signature"].clone();
        let forged = json!({"ceremony": asked["ceremony"], "credential": credential});
        assert_same(&nobody, &g.anonymous().post(ENTER, forged).await);
        for whose in [bos, None, Some(vec![7; 16]), Some(Vec::new())] {
            device.user = whose;
            assert_same(&nobody, &enter(&g, &ask().await, &mut device).await);
        }
        // Whatever is no answer at all is said to be none.
        let asked = ask().await;
        for wrong in [json!({}), json!([]), json!("x"), json!({"id": "x", "rawId": "x", "type": "public-key"})] {
            let body = json!({"ceremony": asked["ceremony"], "credential": wrong});
            g.anonymous().post(ENTER, body).await.invalid("/credential");
        }
    })
    .await;
    device.user = mine;
    alone(&g, &mut device).await.ok();
    alone(&g, &mut of_bo).await.ok();
    // A passkey that answers for one that is meant.
    let asked = g.anonymous().post(ASK, json!({"username": "lin", "password": password("lin")})).await.ok();
    enter(&g, &asked, &mut of_bo).await.refused(401, "wrong_credentials");
    assert!(lin.get(OWN).await.ok().items().len() == 1 && bo.get(OWN).await.ok().items().len() == 1);
}

async fn what_is_made_for_something_else_is_no_passkey(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let bo = g.person("bo").await;
    let begin = async || lin.post(BEGIN, json!({})).await.ok();
    let finish = |begun: &Answer, credential: Value| {
        lin.post(FINISH, json!({"ceremony": begun["ceremony"], "name": "A key", "credential": credential}))
    };
    g.unchanged(async || {
        for (what, wrong) in WRONG {
            let begun = begin().await;
            let mut device = Authenticator::new();
            wrong(&mut device);
            let answer = finish(&begun, device.make(&begun["options"])).await;
            assert_eq!(answer.status, 422, "{what}: {answer}");
            answer.invalid("/credential");
        }
        let (one, other) = (begin().await, begin().await);
        finish(&one, Authenticator::new().make(&other["options"])).await.invalid("/credential");
        let begun = begin().await;
        finish(&begun, Authenticator::new().sign(&begun["options"])).await.invalid("/credential");
        // One that is there already is not made twice, not for somebody else either.
        let begun = begin().await;
        finish(&begun, device.make(&begun["options"])).await.refused(409, "conflict");
        let begun = bo.post(BEGIN, json!({})).await.ok();
        let credential = device.make(&begun["options"]);
        let body = json!({"ceremony": begun["ceremony"], "name": "Mine", "credential": credential});
        bo.post(FINISH, body).await.refused(409, "conflict");
    })
    .await;
}

async fn bytes_of_any_kind_are_no_passkey_and_no_trouble(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let begun = lin.post(BEGIN, json!({})).await.ok();
    let made = Authenticator::new().make(&begun["options"]);
    // Lists and texts that say they are endless, or that never end; and what is right, with something changed.
    let mut odd: Vec<String> =
        ["", "m___________", "W___________", "u___________", "W___________", "n5-fn5-fn5-fn5-f", "v_8"]
            .map(str::to_owned)
            .to_vec();
    odd.push("gYGB".repeat(1_000));
    odd.extend(changed(made["response"]["attestationObject"].as_str().expect("bytes"), 300));
    g.unchanged(async || {
        for bytes in odd {
            let mut credential = made.clone();
            credential["response"]["attestationObject"] = json!(bytes);
            // Only tried, the ceremony goes on.
            let body = json!({"ceremony": begun["ceremony"], "name": "A key", "credential": credential});
            let answer = lin.post(&format!("{FINISH}?dry_run=true"), body).await;
            assert!(answer.status == 422 || answer.status == 201, "{answer}");
        }
    })
    .await;
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    let signed = device.sign(&asked["options"]);
    for part in ["authenticatorData", "signature", "clientDataJSON"] {
        let right = signed["response"][part].as_str().expect("bytes").to_owned();
        for (at, bytes) in changed(&right, 40).into_iter().filter(|bytes| *bytes != right).enumerate() {
            let asked = g.anonymous().post(ASK, json!({})).await.ok();
            let mut credential = device.sign(&asked["options"]);
            credential["response"][part] = json!(bytes);
            let body = json!({"ceremony": asked["ceremony"], "credential": credential});
            g.anonymous().post(ENTER, body).from(&format!("198.51.100.{at}")).await.problem(401);
        }
    }
}

/// The same bytes, each time with some of them changed, cut off or put in twice, always the same ones.
fn changed(right: &str, times: usize) -> Vec<String> {
    let right = URL_SAFE_NO_PAD.decode(right).expect("base64url");
    let mut dice = 7_u64;
    let mut below = |most: usize| {
        dice = dice.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(dice >> 33).expect("small") % most
    };
    let one = |_| {
        let mut bytes = right.clone();
        let at = below(bytes.len());
        match below(4) {
            0 => bytes.truncate(at),
            1 => bytes.insert(at, 0xff),
            2 => drop(bytes.remove(at)),
            _ => bytes[at] ^= 1 << below(8),
        }
        URL_SAFE_NO_PAD.encode(bytes)
    };
    (0..times).map(one).collect()
}

async fn a_counter_that_goes_back_is_refused_and_on_record(g: Garth) {
    g.expects_warning("the signature counter of a passkey went back");
    let (lin, mut device) = (g.person("lin").await, Authenticator::new());
    device.counter = 5;
    let id = add(&lin, &mut device, "A key that counts").await.id();
    device.counter = 9;
    alone(&g, &mut device).await.ok();
    g.unchanged(async || {
        for counter in [9, 8, 0] {
            device.counter = counter;
            alone(&g, &mut device).await.refused(401, "wrong_credentials");
        }
    })
    .await;
    let audit = g.admin().await.get("/api/v1/audit?action=login&outcome=refused").await.ok();
    assert_eq!(audit.items().len(), 3, "{audit}");
    let refused = &audit.items()[0];
    assert_eq!((&refused["target"]["id"], &refused["after"]["passkey"]), (&json!(lin.id), &json!(id)), "{audit}");
    // The right one goes on; of two that signed as often, at the same time, one is let in.
    device.counter = 10;
    let (one, other) = (g.anonymous().post(ASK, json!({})).await.ok(), g.anonymous().post(ASK, json!({})).await.ok());
    let calls = vec![enter(&g, &one, &mut device), enter(&g, &other, &mut device)];
    let answers = race(calls).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 200).count(), 1);
}

async fn a_ceremony_is_good_once_for_who_began_it_and_not_for_long(g: Garth) {
    let (lin, mut device) = with_passkey(&g, "lin").await;
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    let credential = device.sign(&asked["options"]);
    let body = json!({"ceremony": asked["ceremony"], "credential": credential});
    g.anonymous().post(ENTER, body.clone()).await.ok();
    g.anonymous().post(ENTER, body).await.refused(409, "sign_in_over");
    // A wrong answer ends it as well.
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    device.verified = false;
    enter(&g, &asked, &mut device).await.refused(401, "wrong_credentials");
    device.verified = true;
    enter(&g, &asked, &mut device).await.refused(409, "sign_in_over");
    for (seconds, over) in [(299, false), (300, true)] {
        let asked = g.anonymous().post(ASK, json!({})).await.ok();
        g.pass(seconds * SECOND);
        let answer = enter(&g, &asked, &mut device).await;
        assert_eq!(answer.status, if over { 409 } else { 200 }, "{answer}");
    }
    // What makes one does not sign in, and the other way round; nor does it outlive the server.
    let (fresh, making) = (lin.sign_in("lin").await, g.anonymous());
    let begun = fresh.post(BEGIN, json!({})).await.ok();
    let body = json!({"ceremony": begun["ceremony"], "credential": device.sign(&begun["options"])});
    making.post(ENTER, body).await.refused(409, "sign_in_over");
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    g.restart().await;
    enter(&g, &asked, &mut device).await.refused(409, "sign_in_over");
    // The fiftieth of an address makes the first one end.
    let first = g.anonymous().post(ASK, json!({})).await.ok();
    g.pass(SECOND);
    for _ in 0..50 {
        g.anonymous().post(ASK, json!({})).await.ok();
    }
    enter(&g, &first, &mut device).await.refused(409, "sign_in_over");
    g.anonymous().post(&format!("{ASK}?dry_run=true"), json!({})).await.invalid("?dry_run");
}

async fn ten_wrong_answers_of_a_passkey_are_enough(g: Garth) {
    let (_, mut device) = with_passkey(&g, "lin").await;
    let (_, mut other) = with_passkey(&g, "bo").await;
    let mut stranger = Authenticator::new();
    for device in [&mut device, &mut stranger] {
        device.verified = false;
        for _ in 0..10 {
            alone(&g, device).await.refused(401, "wrong_credentials");
        }
        device.verified = true;
        alone(&g, device).await.refused(429, "rate_limited");
    }
    alone(&g, &mut other).await.ok();
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    enter(&g, &asked, &mut device).from("192.0.2.7").await.ok();
    g.pass(15 * 60 * SECOND);
    alone(&g, &mut device).await.ok();
}

async fn n74_nothing_of_a_ceremony_is_on_record(g: Garth) {
    log::record();
    let (lin, mut device) = (g.person("lin").await, Authenticator::new());
    let begun = lin.post(BEGIN, json!({"current": password("lin")})).await.ok();
    let made = device.make(&begun["options"]);
    lin.post(FINISH, json!({"ceremony": begun["ceremony"], "name": "A key", "credential": made})).await.created();
    let asked = g.anonymous().post(ASK, json!({})).await.ok();
    let signed = device.sign(&asked["options"]);
    let entered = g.anonymous().post(ENTER, json!({"ceremony": asked["ceremony"], "credential": signed})).await.ok();
    device.verified = false;
    alone(&g, &mut device).await.problem(401);
    let record = g.admin().await.get("/api/v1/audit").await.ok().json.to_string();
    let everything = format!("{}{record}", log::recorded());
    let secrets = [
        begun.text("ceremony"),
        asked.text("ceremony"),
        asked["options"]["challenge"].as_str().expect("a challenge").to_owned(),
        entered.text("token"),
        signed["response"]["signature"].as_str().expect("a signature").to_owned(),
    ];
    for secret in secrets {
        assert!(!everything.contains(&secret), "{secret}");
    }
}
