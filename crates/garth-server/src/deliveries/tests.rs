//! Stories about deliveries: what an interface may say, who may test it, and what becomes of a parcel by each.

use crate::support::receiver::{Receiver, Says};
use crate::support::smtp::{Got, MailServer, Manners};
use crate::support::*;
use garth_server::Limits;
use garth_server::base::clock::Clock;
use garth_server::base::mail::Security;
use garth_server::deliveries::{Attached, Outcome, Parcel, deliver};
use std::path::PathBuf;
use std::sync::Arc;

stories! {
    an_interface_is_checked_when_it_is_saved,
    secrets_of_an_interface_are_never_shown,
    who_may_test_an_interface,
    n79_interfaces_lead_to_no_private_address,
    a_webhook_is_signed_as_the_standard_says,
    a_webhook_keeps_its_id_and_is_taken_once,
    an_endpoint_that_is_gone_or_busy_is_left_alone,
    letters_reach_each_recipient_once,
    individuals_decide_by_their_links,
    a_link_speaks_for_its_address_only,
    a_mail_server_is_spoken_to_over_tls,
    a_bucket_gets_objects,
    a_folder_gets_files,
}

const SECRET: &str = "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw";
const OLDER: &str = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD";

/// A server that may ask this machine, and write below that folder.
async fn open(g: &Garth) -> PathBuf {
    let folder = g.folder().join("reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    let limits = Limits { allow_private_targets: true, delivery_folders: vec![folder.clone()], ..g.limits() };
    g.limit(limits).await;
    folder
}

/// An interface of Ada's in a space of hers.
async fn interface(ada: &Person, space: &Thing, body: Value) -> Thing {
    ada.resource("delivery", "Out").space(space).body(body).create().await
}

fn parcel(id: &str, recipients: Value) -> Parcel {
    Parcel {
        id: id.to_owned(),
        job: "01890000-0000-7000-8000-000000000001".to_owned(),
        entry: "0".to_owned(),
        title: "Who may see Atlas".to_owned(),
        text: "Two people joined.\n".to_owned(),
        html: Some("<!doctype html><html><body><h1>Two people joined</h1></body></html>".to_owned()),
        files: vec![Attached {
            name: "review.csv".to_owned(),
            media_type: "text/csv; charset=utf-8",
            bytes: Arc::new(b"name,role\nlin,admin\n".to_vec()),
        }],
        recipients,
        reached: Vec::new(),
    }
}

async fn sent(g: &Garth, body: &Value, parcel: &Parcel) -> Outcome {
    deliver(&g.app(), body, parcel).await
}

fn webhook(receiver: &Receiver) -> Value {
    json!({"type": "webhook", "url": receiver.url("/hook?room=1"), "secret": SECRET})
}

fn smtp(server: &MailServer) -> Value {
    let port = server.settings().port;
    json!({"type": "smtp", "host": "127.0.0.1", "port": port, "security": "none", "from": "garth@garth.example",
           "from_name": "Garth of \"Meridian\""})
}

async fn an_interface_is_checked_when_it_is_saved(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let hook = json!({"type": "webhook", "url": "https://hooks.example/x", "secret": SECRET});
    let mail =
        json!({"type": "smtp", "host": "mail.example", "port": 587, "security": "starttls", "from": "a@b.example"});
    let s3 = json!({"type": "s3", "region": "eu-central-1", "bucket": "reports", "prefix": "garth/",
                    "access_key_id": "AK", "secret_access_key": "hush"});
    let with = |body: &Value, field: &str, value: Value| {
        let mut body = body.clone();
        body[field] = value;
        body
    };
    g.unchanged(async || {
        for (body, pointer) in [
            (with(&hook, "url", json!("http://hooks.example/")), "/body/url"),
            (with(&hook, "url", json!("https://me:pw@hooks.example/")), "/body/url"),
            (with(&hook, "url", json!("file:///etc/passwd")), "/body/url"),
            (with(&hook, "secret", json!("whsec_short")), "/body/secret"),
            (with(&hook, "previous_secret", json!("none")), "/body/previous_secret"),
            (with(&hook, "headers", json!({"Webhook-Id": "mine"})), "/body/headers"),
            (with(&hook, "headers", json!({"x": "a\r\nb: c"})), "/body/headers"),
            (with(&mail, "from", json!("nobody")), "/body/from"),
            (with(&mail, "host", json!("mail.example:25")), "/body/host"),
            (with(&mail, "password", json!("hush")), "/body/username"),
            (with(&mail, "from_name", json!("a\nBcc: b@c.example")), "/body/from_name"),
            (with(&mail, "ca", json!("no certificate")), "/body/ca"),
            (with(&s3, "bucket", json!("../x")), "/body/bucket"),
            (with(&s3, "region", json!("eu/..")), "/body/region"),
            (with(&s3, "prefix", json!("../")), "/body/prefix"),
            (with(&s3, "endpoint", json!("https://s3.example/path")), "/body/endpoint"),
            (with(&s3, "endpoint", json!("http://s3.example")), "/body/endpoint"),
            (json!({"type": "folder", "path": "/srv/reports"}), "/body/type"),
        ] {
            ada.resource("delivery", "Out").space(&home).body(body).send().await.invalid(pointer);
        }
        let plain =
            with(&with(&with(&mail, "security", json!("none")), "username", json!("u")), "password", json!("p"));
        ada.resource("delivery", "Out").space(&home).body(plain).send().await.invalid("/body/security");
    })
    .await;
    for body in [hook, mail, s3] {
        interface(&ada, &home, body).await;
    }
    let folder = open(&g).await;
    g.unchanged(async || {
        for path in ["/etc", "reports", "/", &format!("{}/../x", folder.display()), &format!("{}x", folder.display())] {
            let body = json!({"type": "folder", "path": path});
            ada.resource("delivery", "Out").space(&home).body(body).send().await.invalid("/body/path");
        }
    })
    .await;
    interface(&ada, &home, json!({"type": "folder", "path": folder.join("atlas").display().to_string()})).await;
}

async fn secrets_of_an_interface_are_never_shown(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let body = json!({"type": "webhook", "url": "https://hooks.example/x", "secret": SECRET,
                      "headers": {"Authorization": "Bearer deep-secret"}});
    let hook = interface(&ada, &home, body).await;
    let seen = ada.get(&hook.url("")).await.ok();
    assert_eq!(seen["body"]["secret"], json!({"secret": true}));
    assert_eq!(seen["body"]["headers"], json!({"secret": true}));
    // Written back as it was shown it stays; another one is looked at.
    ada.patch(&hook.url(""), json!({"body": seen["body"]})).await.ok();
    ada.patch(&hook.url(""), json!({"body": {"secret": "whsec_no"}})).await.invalid("/body/secret");
    // Headers may hold tokens: they are sent to nobody but the server that they were given for.
    ada.patch(&hook.url(""), json!({"body": {"url": "https://elsewhere.example/"}})).await.invalid("/body/headers");
    ada.patch(&hook.url(""), json!({"body": {"url": "https://elsewhere.example/", "headers": {}}})).await.ok();
    let audit = ada.get(&home.url("/audit?limit=100")).await.ok();
    for hidden in ["MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw", "deep-secret"] {
        assert!(!seen.to_string().contains(hidden) && !audit.to_string().contains(hidden), "{hidden}");
    }
}

async fn who_may_test_an_interface(g: Garth) {
    let ada = g.admin().await;
    let (rea, wes, eve) = (g.person("rea").await, g.person("wes").await, g.person("eve").await);
    g.home().await;
    let receiver = Receiver::start().await;
    open(&g).await;
    let atlas = ada.space("Atlas").create().await;
    ada.grant(&atlas, &rea, "reader").await;
    ada.grant(&atlas, &wes, "writer").await;
    let hook = interface(&ada, &atlas, webhook(&receiver)).await;
    let url = |id: &str| format!("/api/v1/deliveries/{id}/test");
    g.unchanged(async || {
        let hidden = eve.post(&url(&hook.id), json!({})).await.refused(404, "not_found");
        let missing = eve.post(&url(&strange(&hook.id)), json!({})).await.refused(404, "not_found");
        assert_missing(&hidden, &hook.id, &missing, &strange(&hook.id));
        rea.post(&url(&hook.id), json!({})).await.refused(403, "forbidden");
        g.anonymous().post(&url(&hook.id), json!({})).await.not_signed_in();
        let tried = wes.post(&format!("{}?dry_run=true", url(&hook.id)), json!({})).await.ok();
        assert_eq!(tried["state"], "withheld");
    })
    .await;
    // What is no interface is none, whoever asks.
    let job = ada.resource("job", "Nightly").space(&atlas).body(json!({"report": {"type": "usage"}})).create().await;
    ada.post(&url(&job.id), json!({})).await.refused(404, "not_found");
    assert!(receiver.came().is_empty());
    let done = wes.post(&url(&hook.id), json!({})).await.ok();
    assert_eq!(done["state"], "delivered", "{done}");
    let came = receiver.one();
    assert_eq!((came.json()["type"].as_str(), came.path.as_str()), (Some("delivery.test"), "/hook?room=1"));
    receiver.always(Says::status(500));
    let failed = wes.post(&url(&hook.id), json!({})).await.ok();
    assert_eq!(
        (failed["state"].as_str(), failed["detail"].as_str()),
        (Some("failed"), Some("The endpoint answered 500."))
    );
    // Not as often as one likes.
    for _ in 0..4 {
        wes.post(&url(&hook.id), json!({})).await.ok();
    }
    wes.post(&url(&hook.id), json!({})).await.refused(429, "rate_limited");
    g.pass(61 * SECOND);
    wes.post(&url(&hook.id), json!({})).await.ok();
    let actions = ada.get(&atlas.url("/audit?limit=100")).await.ok().each("action");
    assert_eq!(actions.iter().filter(|action| *action == "delivery.test").count(), 7);
}

async fn n79_interfaces_lead_to_no_private_address(g: Garth) {
    let (receiver, mail) = (Receiver::start().await, MailServer::start().await);
    let port = receiver.authority().rsplit(':').next().expect("a port").to_owned();
    let to = json!(["lin@example.org"]);
    for host in ["127.0.0.1", "localhost", "[::1]", "[::ffff:127.0.0.1]", "0.0.0.0"] {
        let hook = json!({"type": "webhook", "url": format!("https://{host}:{port}/"), "secret": SECRET});
        let bucket = json!({"type": "s3", "endpoint": format!("https://{host}:{port}"), "region": "r", "bucket": "abc",
                            "access_key_id": "AK", "secret_access_key": "hush"});
        for body in [hook, bucket] {
            let outcome = sent(&g, &body, &parcel("p1", json!([]))).await;
            assert_eq!((outcome.state, outcome.again), ("failed", false), "{outcome:?}");
        }
    }
    for host in ["127.0.0.1", "localhost"] {
        let mut body = smtp(&mail);
        body["host"] = json!(host);
        let outcome = sent(&g, &body, &parcel("p1", to.clone())).await;
        assert_eq!((outcome.state, outcome.again), ("failed", false), "{outcome:?}");
        assert!(outcome.detail.contains("private address"), "{outcome:?}");
    }
    assert!(receiver.came().is_empty() && mail.heard().is_empty());
    // Where they are allowed, nobody is led on: a redirect is a failure.
    open(&g).await;
    let other = Receiver::start().await;
    receiver.next(Says::status(307).with("location", &other.url("/")));
    let outcome = sent(&g, &webhook(&receiver), &parcel("p2", json!([]))).await;
    assert_eq!((outcome.state, outcome.again), ("failed", false), "{outcome:?}");
    assert!(other.came().is_empty());
}

async fn a_webhook_is_signed_as_the_standard_says(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    // The library of the standard looks at the machine's own time.
    g.restart_with(|config| config.clock = Clock::default()).await;
    let mut body = webhook(&receiver);
    body["headers"] = json!({"Authorization": "Bearer room", "X-Room": "lifts"});
    assert_eq!(sent(&g, &body, &parcel("p1", json!([]))).await.state, "delivered");
    let came = receiver.one();
    let (ours, older) = (
        standardwebhooks::Webhook::new(SECRET).expect("a secret"),
        standardwebhooks::Webhook::new(OLDER).expect("a secret"),
    );
    ours.verify(&came.body, &came.headers).expect("a good signature");
    assert!(older.verify(&came.body, &came.headers).is_err());
    let mut other = came.body.clone();
    other.push(b' ');
    assert!(ours.verify(&other, &came.headers).is_err(), "another body");
    assert_eq!((came.header("x-room"), came.header("authorization")), ("lifts".to_owned(), "Bearer room".to_owned()));
    assert_eq!((came.method.as_str(), came.header("content-type").as_str()), ("POST", "application/json"));
    let said = came.json();
    assert_eq!(
        (said["type"].as_str(), said["data"]["title"].as_str()),
        (Some("job.report"), Some("Who may see Atlas"))
    );
    assert_eq!(said["data"]["files"][0]["content_base64"], "bmFtZSxyb2xlCmxpbixhZG1pbgo=");
    // While a secret is exchanged, either side may still hold the one before.
    let mut both = body.clone();
    (both["secret"], both["previous_secret"], both["method"]) = (json!(OLDER), json!(SECRET), json!("PUT"));
    assert_eq!(sent(&g, &both, &parcel("p2", json!([]))).await.state, "delivered");
    let came = receiver.one();
    ours.verify(&came.body, &came.headers).expect("the secret before");
    older.verify(&came.body, &came.headers).expect("the secret");
    assert_eq!(came.method, "PUT");
}

async fn a_webhook_keeps_its_id_and_is_taken_once(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    let (body, parcel) = (webhook(&receiver), parcel("parcel7", json!([])));
    receiver.next(Says::status(500));
    let first = sent(&g, &body, &parcel).await;
    assert_eq!((first.state, first.again, first.reached.len()), ("failed", true, 0));
    g.pass(300 * SECOND);
    let second = sent(&g, &body, &parcel).await;
    assert_eq!((second.state, second.reached.as_slice()), ("delivered", &[String::new()][..]));
    let came = receiver.came();
    let ids: Vec<String> = came.iter().map(|one| one.header("webhook-id")).collect();
    assert_eq!(ids, ["parcel7", "parcel7"]);
    assert_ne!(came[0].header("webhook-timestamp"), came[1].header("webhook-timestamp"));
    // Taken is taken, whatever its run still knows: after a crash, too.
    assert_eq!(sent(&g, &body, &parcel).await.state, "delivered");
    g.restart().await;
    assert_eq!(sent(&g, &body, &parcel).await.state, "delivered");
    assert!(receiver.came().is_empty());
}

async fn an_endpoint_that_is_gone_or_busy_is_left_alone(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let receiver = Receiver::start().await;
    open(&g).await;
    let body = webhook(&receiver);
    receiver.next(Says::status(429).with("retry-after", "600"));
    let busy = sent(&g, &body, &parcel("p1", json!([]))).await;
    assert_eq!((busy.state, busy.again), ("failed", true));
    g.pass(300 * SECOND);
    let waiting = sent(&g, &body, &parcel("p1", json!([]))).await;
    assert!(waiting.again && waiting.detail.contains("left alone until 2031-05-04T08:10:00"), "{waiting:?}");
    assert_eq!(receiver.came().len(), 1);
    g.pass(301 * SECOND);
    assert_eq!(sent(&g, &body, &parcel("p1", json!([]))).await.state, "delivered");
    receiver.came();
    // Gone is gone, until somebody looks after it.
    receiver.next(Says::status(410));
    let gone = sent(&g, &body, &parcel("p2", json!([]))).await;
    assert_eq!((gone.state, gone.again), ("failed", false));
    g.pass(10 * 86_400 * SECOND);
    assert_eq!(sent(&g, &body, &parcel("p3", json!([]))).await.state, "failed");
    assert_eq!(receiver.came().len(), 1);
    // The endpoint of somebody else at the same address is another one.
    let mut other = body.clone();
    other["secret"] = json!(OLDER);
    assert_eq!(sent(&g, &other, &parcel("p4", json!([]))).await.state, "delivered");
    let hook = interface(&ada.sign_in("ada").await, &home, body.clone()).await;
    let tested = ada.sign_in("ada").await.post(&format!("/api/v1/deliveries/{}/test", hook.id), json!({})).await.ok();
    assert_eq!(tested["state"], "delivered");
    assert_eq!(sent(&g, &body, &parcel("p3", json!([]))).await.state, "delivered");
}

async fn letters_reach_each_recipient_once(g: Garth) {
    let mail = MailServer::start().await;
    open(&g).await;
    let to = json!(["lin@example.org", {"address": "team@example.org", "individual": false}, "bo@example.org"]);
    let (body, parcel) = (smtp(&mail), parcel("p1", to));
    mail.behave(Manners { refused: Some("bo@"), ..Manners::default() });
    let first = sent(&g, &body, &parcel).await;
    assert_eq!((first.state, first.again), ("failed", false), "{first:?}");
    assert_eq!(first.reached, ["lin@example.org", "team@example.org"]);
    assert!(first.detail.contains("1 of 3 recipients") && first.detail.contains("550"), "{first:?}");
    let (lin, team) = (mail.letter().await, mail.letter().await);
    assert_eq!(
        (lin.to.as_slice(), team.to.as_slice()),
        (&["lin@example.org".to_owned()][..], &["team@example.org".to_owned()][..])
    );
    assert!(
        lin.head.contains("Subject: Who may see Atlas") && lin.head.contains("<garth@garth.example>"),
        "{}",
        lin.head
    );
    assert!(lin.text.contains("Two people joined.") && lin.text.contains("review.csv"), "{}", lin.text);
    // Only who has not had it is sent it again, under the same number.
    mail.behave(Manners::default());
    let second = sent(&g, &body, &parcel).await;
    assert_eq!((second.state, second.reached.as_slice()), ("delivered", &["bo@example.org".to_owned()][..]));
    assert_eq!(mail.letter().await.to, ["bo@example.org"]);
    assert!(mail.quiet().await);
    assert_eq!(sent(&g, &body, &parcel).await.state, "delivered");
    assert!(mail.quiet().await);
    let number = |letter: &Got| letter.head.lines().find(|line| line.starts_with("Message-ID")).map(str::to_owned);
    assert_ne!(number(&lin), number(&team));
    // Nobody to send it to; a server that says no to everybody for now.
    assert_eq!(sent(&g, &body, &self::parcel("p2", json!([]))).await.state, "failed");
    mail.behave(Manners { busy: 1, ..Manners::default() });
    let busy = sent(&g, &body, &self::parcel("p3", json!(["lin@example.org", "bo@example.org"]))).await;
    assert_eq!((busy.state, busy.again, busy.reached.len()), ("failed", true, 0), "{busy:?}");
}

/// The link in the letter to an individual.
fn link(letter: &Got) -> String {
    let joined = letter.text.replace("=\n", "").replace("=3D", "=");
    let start = joined.find("https://garth.example/mail/").unwrap_or_else(|| panic!("no link: {joined}"));
    let rest = &joined[start + "https://garth.example".len()..];
    rest.split(|c: char| c.is_whitespace() || c == '"').next().expect("a link").to_owned()
}

async fn individuals_decide_by_their_links(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let mail = MailServer::start().await;
    open(&g).await;
    let job = ada.resource("job", "Nightly").space(&home).body(json!({"report": {"type": "usage"}})).create().await;
    let to = json!(["Lin@example.org", {"address": "team@example.org", "individual": false}]);
    let made =
        |id: &str, entry: &str| Parcel { job: job.id.clone(), entry: entry.to_owned(), ..parcel(id, to.clone()) };
    let body = smtp(&mail);
    assert_eq!(sent(&g, &body, &made("p1", "0")).await.state, "delivered");
    let (lin, team) = (mail.letter().await, mail.letter().await);
    assert!(
        !team.head.contains("List-Unsubscribe") && !team.text.contains("/mail/"),
        "a group gets no links: {team:?}"
    );
    assert!(lin.head.contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"), "{}", lin.head);
    let page = link(&lin);
    let one_click = lin.head.split("https://garth.example").nth(1).and_then(|rest| rest.split('>').next());
    assert_eq!(one_click, Some(format!("{page}/unsubscribe").as_str()));
    let anybody = g.anonymous();
    // Looking changes nothing, nor does what is no choice.
    g.unchanged(async || {
        let shown = anybody.get(&page).await.ok();
        assert!(String::from_utf8_lossy(&shown.bytes).contains("Lin@example.org"));
        for minutes in ["4", "11521", "-5", "x", "99999999999999999999"] {
            let form = format!("minutes={minutes}");
            let call = anybody.post(&format!("{page}/snooze"), json!({}));
            call.raw("application/x-www-form-urlencoded", form).await.refused_somehow();
        }
        let tried = anybody.post(&format!("{page}/unsubscribe?dry_run=true"), json!({})).await;
        tried.ok();
    })
    .await;
    // For a while.
    let snooze = anybody.post(&format!("{page}/snooze"), json!({}));
    snooze.raw("application/x-www-form-urlencoded", "minutes=60").await.ok();
    assert_eq!(sent(&g, &body, &made("p2", "0")).await.state, "delivered");
    assert_eq!(mail.letter().await.to, ["team@example.org"]);
    // What another entry of the job sends is another matter.
    assert_eq!(sent(&g, &body, &made("p3", "1")).await.state, "delivered");
    assert_eq!(mail.letter().await.to, ["Lin@example.org"]);
    mail.letter().await;
    g.pass(3_601 * SECOND);
    assert_eq!(sent(&g, &body, &made("p4", "0")).await.state, "delivered");
    assert_eq!(mail.letter().await.to, ["Lin@example.org"]);
    mail.letter().await;
    // For good, as programs ask for it: another site, no cookie, a form of one field.
    let asked = anybody.post(&format!("{page}/unsubscribe"), json!({})).header("origin", "https://mail.example");
    asked.raw("application/x-www-form-urlencoded", "List-Unsubscribe=One-Click").await.ok();
    g.pass(400 * 86_400 * SECOND);
    let alone = Parcel { recipients: json!(["lin@EXAMPLE.org"]), ..made("p5", "0") };
    let withheld = sent(&g, &body, &alone).await;
    assert_eq!((withheld.state, withheld.again), ("withheld", false));
    assert!(mail.quiet().await);
    // And back.
    anybody.post(&format!("{page}/subscribe"), json!({})).await.ok();
    assert_eq!(sent(&g, &body, &alone).await.state, "delivered");
    assert_eq!(mail.letter().await.to, ["lin@EXAMPLE.org"]);
    let ada = ada.sign_in("ada").await;
    let actions = ada.get(&home.url("/audit?limit=100")).await.ok().each("action");
    for action in ["delivery.snooze", "delivery.unsubscribe", "delivery.subscribe"] {
        assert_eq!(actions.iter().filter(|one| *one == action).count(), 1, "{actions:?}");
    }
    // With the job, the link is worth nothing any more.
    ada.delete(&job.url("")).await.done();
    anybody.get(&page).await.refused(404, "not_found");
    anybody.post(&format!("{page}/unsubscribe"), json!({})).await.refused(404, "not_found");
}

async fn a_link_speaks_for_its_address_only(g: Garth) {
    let ada = g.admin().await;
    let home = g.home().await;
    let mail = MailServer::start().await;
    open(&g).await;
    let job = ada.resource("job", "Nightly").space(&home).body(json!({"report": {"type": "usage"}})).create().await;
    let made = Parcel { job: job.id.clone(), ..parcel("p1", json!(["lin@example.org", "bo@example.org"])) };
    sent(&g, &smtp(&mail), &made).await;
    let (lin, bo) = (link(&mail.letter().await), link(&mail.letter().await));
    assert_ne!(lin, bo);
    let (text, _) = lin.split_once('.').expect("two parts");
    let (_, proof) = bo.split_once('.').expect("two parts");
    let anybody = g.anonymous();
    g.unchanged(async || {
        for forged in [format!("{text}.{proof}"), text.to_owned(), format!("{lin}x"), "/mail/x.y".to_owned()] {
            anybody.get(&forged).await.refused(404, "not_found");
            anybody.post(&format!("{forged}/unsubscribe"), json!({})).await.refused(404, "not_found");
        }
        let long = format!("/mail/{}", "a".repeat(5_000));
        anybody.get(&long).await.refused(404, "not_found");
    })
    .await;
    // Another installation has another key.
    let other = g.another().await;
    other.anonymous().get(&lin).await.refused(404, "not_found");
    g.end(other).await;
    anybody.post(&format!("{lin}/unsubscribe"), json!({})).await.ok();
    let again = Parcel { id: "p2".to_owned(), ..made };
    assert_eq!(sent(&g, &smtp(&mail), &again).await.reached, ["bo@example.org"]);
}

async fn a_mail_server_is_spoken_to_over_tls(g: Garth) {
    let mail = MailServer::start().await;
    open(&g).await;
    let to = json!([{"address": "team@example.org", "individual": false}]);
    for (n, (word, security)) in [("starttls", Security::StartTls), ("tls", Security::Tls)].into_iter().enumerate() {
        mail.behave(Manners { tls: Some(security), ..Manners::default() });
        let ca = String::from_utf8(mail.settings_over(security).ca.expect("a certificate")).expect("PEM");
        let mut body = smtp(&mail);
        (body["security"], body["username"], body["password"]) = (json!(word), json!("garth"), json!("hush-hush"));
        // A certificate that nobody vouches for is none.
        let refused = sent(&g, &body, &parcel(&format!("a{n}"), to.clone())).await;
        assert_eq!((refused.state, refused.again), ("failed", false), "{refused:?}");
        assert!(mail.quiet().await);
        body["ca"] = json!(ca);
        let taken = sent(&g, &body, &parcel(&format!("a{n}"), to.clone())).await;
        assert_eq!(taken.state, "delivered", "{taken:?}");
        mail.letter().await;
    }
    // A server that does not turn to TLS gets neither the password nor the letter.
    mail.behave(Manners::default());
    let mut body = smtp(&mail);
    (body["security"], body["username"], body["password"]) = (json!("starttls"), json!("garth"), json!("hush-hush"));
    assert_eq!(sent(&g, &body, &parcel("b", to)).await.state, "failed");
    assert!(mail.quiet().await);
    assert!(mail.heard().iter().filter(|line| line.contains("AUTH")).all(|line| line.starts_with("(tls)")));
}

async fn a_bucket_gets_objects(g: Garth) {
    let receiver = Receiver::start().await;
    open(&g).await;
    let body = json!({"type": "s3", "endpoint": receiver.url(""), "region": "eu-central-1", "bucket": "reports",
                      "prefix": "garth/größe/", "access_key_id": "AKEXAMPLE", "secret_access_key": "hush-hush"});
    let outcome = sent(&g, &body, &parcel("p1", json!([]))).await;
    assert_eq!(outcome.state, "delivered", "{outcome:?}");
    let came = receiver.one();
    assert_eq!((came.method.as_str(), came.path.as_str()), ("PUT", "/reports/garth/gr%C3%B6%C3%9Fe/p1/review.csv"));
    assert_eq!(came.body, b"name,role\nlin,admin\n");
    assert_eq!(came.header("x-amz-date"), "20310504T080000Z");
    assert_eq!(came.header("host"), receiver.authority());
    let authorization = came.header("authorization");
    let start = "AWS4-HMAC-SHA256 Credential=AKEXAMPLE/20310504/eu-central-1/s3/aws4_request,SignedHeaders=host;";
    assert!(authorization.starts_with(start) && !authorization.contains("hush"), "{authorization}");
    for (status, again) in [(403, false), (404, false), (503, true), (307, false)] {
        receiver.next(Says::status(status));
        let outcome = sent(&g, &body, &parcel(&format!("s{status}"), json!([]))).await;
        assert_eq!((outcome.state, outcome.again), ("failed", again), "{outcome:?}");
    }
}

async fn a_folder_gets_files(g: Garth) {
    let folder = open(&g).await;
    let body = json!({"type": "folder", "path": folder.join("atlas/nightly").display().to_string()});
    let outcome = sent(&g, &body, &parcel("p1", json!([]))).await;
    assert_eq!((outcome.state, outcome.detail.as_str()), ("delivered", "1 file was written."));
    let written = std::fs::read(folder.join("atlas/nightly/p1-review.csv")).expect("a file");
    assert_eq!(written, b"name,role\nlin,admin\n");
    // What was allowed once and is not any more is not written to.
    g.limit(Limits { delivery_folders: Vec::new(), ..g.limits() }).await;
    let refused = sent(&g, &body, &parcel("p2", json!([]))).await;
    assert_eq!((refused.state, refused.again), ("failed", false));
    assert_eq!(std::fs::read_dir(folder.join("atlas/nightly")).expect("a folder").count(), 1);
}
