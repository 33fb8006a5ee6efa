//! Every limit of `docs/limits.md`, at its edge and over it; and a test that no row of that table is without one.

use crate::support::*;
use axum::http::Method;
use std::collections::BTreeSet;

stories! {
    names_and_texts_have_limits,
    labels_have_limits,
    bodies_and_requests_have_limits,
    pages_and_cursors_have_limits,
    what_a_list_asks_for_has_limits,
    batches_have_limits,
    a_request_id_has_a_limit,
    subscribers_have_a_limit,
    kinds_have_limits,
    policies_have_limits,
    roles_have_limits,
    groups_of_one_member_have_a_limit,
    sessions_have_a_limit,
    accounts_have_limits,
    keys_of_a_space_have_a_limit,
}

async fn accounts_have_limits(g: Garth) {
    let ada = g.admin().await;
    let invite =
        async |name: &str| ada.post("/api/v1/users", json!({ "username": name })).await.created().text("signup_token");
    let sign_up = |token: &str, password: &str| {
        g.anonymous().post("/api/v1/signup", json!({"token": token, "password": password}))
    };
    let (lin, bo) = (invite("lin").await, invite("bo").await);
    let strange = |bytes: usize| "qvz7#Kd!xW".chars().cycle().take(bytes).collect::<String>();
    g.unchanged(async || {
        for wrong in [strange(7), strange(1_025), "password".to_owned(), "aaaaaaaaaaaaaaaa".to_owned()] {
            sign_up(&lin, &wrong).await.invalid("/password");
        }
        sign_up(&lin, &"p".repeat(16 * 1024)).await.refused(413, "too_large");
    })
    .await;
    sign_up(&lin, &strange(1_024)).await.created();
    g.pass((7 * 24 * 60 * 60 - 1) * SECOND);
    let again = sign_up(&lin, &strange(20)).await;
    again.refused(404, "not_found");
    g.pass(SECOND);
    sign_up(&bo, &strange(20)).await.refused(404, "not_found");
}

async fn keys_of_a_space_have_a_limit(g: Garth) {
    let ada = g.admin().await;
    let atlas = ada.space("Atlas").create().await;
    let new = |n: usize| ada.post(&atlas.url("/api-keys"), json!({"name": format!("key {n}"), "role": "reader"}));
    for n in 0..499 {
        new(n).await.created();
    }
    // Of several who make the last one at once, one does.
    let answers = race((499..505).map(new).collect()).await;
    assert_eq!(answers.iter().filter(|answer| answer.status == 201).count(), 1);
    assert_eq!(g.rows("api_keys").await.len(), 500);
    g.unchanged(async || {
        ada.post(&atlas.url("/api-keys"), json!({"name": "one more", "role": "reader"})).await.refused_somehow();
    })
    .await;
}

/// Which test keeps which row: the first cell, and the test's name.
const KEPT: &[(&str, &str)] = &[
    ("request body", "bodies_and_requests_have_limits"),
    ("body of a batch of resources", "bodies_and_requests_have_limits"),
    ("body of an import", "imports_have_limits"),
    ("lines of an import; its longest line", "lines_have_limits"),
    ("secrets left out that an import's answer lists", "imports_have_limits"),
    ("nesting of a JSON document", "json_is_read_strictly"),
    ("the same key twice in one object", "json_is_read_strictly"),
    ("wrong fields that one answer lists", "n65_a_thousand_mistakes_make_a_short_answer"),
    ("spelling of an id", "n67_an_id_has_one_spelling"),
    (
        "spelling of a number in a query, of a version in `If-Match`",
        "n69_numbers_at_their_limits_neither_wrap_nor_overflow",
    ),
    ("NUL in a query or a path", "n66_texts_that_are_none_are_refused"),
    ("page of a list", "pages_and_cursors_have_limits"),
    ("labels that a list of resources asks for; its `q`", "what_a_list_asks_for_has_limits"),
    ("words and phrases of one `q`, of resources and of spaces", "what_is_no_search_is_refused_with_the_reason"),
    ("cursor", "pages_and_cursors_have_limits"),
    ("`X-Request-ID`", "a_request_id_has_a_limit"),
    ("`Idempotency-Key`", "a_key_has_a_form"),
    ("questions of one AuthZEN batch", "a_batch_has_a_limit"),
    ("resources of one batch", "batches_have_limits"),
    (
        "resources of one move or batch move, those that follow included",
        "n47_what_one_move_and_one_copy_take_is_bounded",
    ),
    ("followers that one move looks at, hidden ones too", "hidden_followers_are_looked_at_only_so_far"),
    ("fields of a form whose fields are not known before", "what_is_selected_is_labelled_archived_and_deleted"),
    ("things selected on a page of the console", "what_is_selected_is_labelled_archived_and_deleted"),
    ("rules that the console's form writes", "who_may_see_a_thing_is_said_in_words"),
    ("resources of one copy, those that come along included", "n47_what_one_move_and_one_copy_take_is_bounded"),
    ("bodies of one copy together, sealed secrets included", "bodies_of_one_copy_have_a_limit"),
    (
        "things that copied resources refer to; those that the request says something about",
        "what_a_copy_refers_to_has_a_limit",
    ),
    ("number in the name of a copy", "names_of_copies_are_counted_so_far"),
    ("rows of one table of a report", "a_search_has_so_many_rows"),
    ("days that an audit digest looks back", "how_a_report_is_asked_for_has_limits"),
    ("values of one parameter of a saved search", "how_a_report_is_asked_for_has_limits"),
    ("lines of a fetched page; its longest line", "a_page_is_fetched_and_compared"),
    ("name of anything", "names_and_texts_have_limits"),
    ("username, role name", "names_and_texts_have_limits"),
    ("group name", "names_and_texts_have_limits"),
    ("name of a named policy", "names_and_texts_have_limits"),
    ("e-mail address", "names_and_texts_have_limits"),
    ("description", "names_and_texts_have_limits"),
    ("labels of one thing", "labels_have_limits"),
    ("body of a resource, sealed secrets included", "bodies_and_requests_have_limits"),
    ("complaints of a schema that are listed", "kinds_have_limits"),
    ("subscribers of one resource", "subscribers_have_a_limit"),
    ("resources that one requires, those counted that it requires by way of others", "required_things_are_limited"),
    ("resources that may require one whose own requirements change", "required_things_are_limited"),
    ("spaces that a resource is shared to", "a_resource_is_shared_to_so_many_spaces"),
    ("what one resource has attached to it explicitly", "attachments_of_one_resource_are_limited"),
    ("what one preview looks at: spaces; resources with policies of their own", "a_preview_says_when_it_is_not_all"),
    ("what one preview compares; what it answers", "a_preview_says_when_it_is_not_all"),
    ("resources ever made", "codes_are_distinct_look_unordered_and_read_back"),
    ("name of a kind, verb of a permission", "kinds_have_limits"),
    ("reserved names of kinds", "kinds_have_limits"),
    ("prefix of codes", "kinds_have_limits"),
    ("schema", "kinds_have_limits"),
    ("parts of a schema that look at the same value; that lead one to the next", "a_schema_that_never_ends_is_found"),
    ("nesting of a body whose schema leads to itself in `n` ways, `n` ≥ 2", "ways_that_lead_to_themselves_are_counted"),
    ("secret fields; references; fields to be found by", "kinds_have_limits"),
    ("words of one resource that it is found by; text that is cut into them", "a_thing_has_only_so_many_words"),
    ("what a word is told apart by", "words_are_cut_alike_in_every_script"),
    ("permissions of a kind's own", "kinds_have_limits"),
    ("slug that is made of a role's name", "slugs_are_unique_and_the_built_in_ones_kept_free"),
    ("known permissions that the refusal of an unknown one lists", "unknown_permissions_are_answered_with_known_ones"),
    (
        "different questions of one credential on behalf of resources that get an entry each in the audit",
        "questions_of_a_resource_have_a_limit",
    ),
    ("depth of a tree of spaces", "the_tree_has_a_limit"),
    (
        "spaces of one picture of the tree; beside each other; branches that an address opens, or shuts",
        "the_tree_is_what_somebody_sees",
    ),
    ("nesting of groups", "nesting_has_a_limit"),
    ("groups a member may be in when it is added to another, nested ones counted", "groups_of_one_member_have_a_limit"),
    ("nesting of policies, named ones included", "policies_have_limits"),
    ("parts of one policy, each use of a named one counted", "policies_have_limits"),
    ("users, groups or rules in one list of a policy", "policies_have_limits"),
    ("permissions of one role", "roles_have_limits"),
    ("identity providers", "providers_have_limits"),
    ("slug of an identity provider; its scopes; its client secret", "what_a_provider_cannot_be_is_refused"),
    (
        "groups that a provider names of one person; longer lists count as unknown",
        "n62_groups_that_are_not_plainly_said_are_unknown",
    ),
    ("groups that a provider may fill", "a_provider_fills_only_groups_that_it_may"),
    ("a token of a provider; the keys of one that are looked at", "n57_what_is_not_signed_by_a_public_key_is_no_token"),
    ("sign-ins under way at providers; of one address; how long one may take", "sign_ins_under_way_are_bounded"),
    (
        "what another server answers us; how long one request of ours may take",
        "n79_a_provider_that_leads_elsewhere_or_floods_is_not_followed",
    ),
    ("grants", "a_repeated_grant_is_the_same_grant"),
    (
        "properties of a subject, a resource or an action that a question says",
        "n22_what_a_question_says_has_a_type_and_ends_with_it",
    ),
    ("properties of the question that a rule asks for", "n21_a_property_that_nobody_told_denies"),
    (
        "reading a resource again that changes while it is read",
        "what_moves_while_it_is_read_is_shown_whole_or_not_at_all",
    ),
    ("name of a device, kept with a session", "my_sessions_are_listed_and_ended_one_by_one_or_all"),
    ("address and headers together", "connections_that_idle_do_not_hold_up_the_end"),
    ("body of setup, sign-up, sign-in and recovery", "accounts_have_limits"),
    ("page of an AuthZEN search", "authzen_search_pages_go_on_by_token"),
    ("subjects looked at for one page of a search", "authzen_search_pages_go_on_by_token"),
    ("quotas of one space; those that new ones begin with", "quotas_have_limits"),
    ("name of an application's meter", "quotas_have_limits"),
    ("limit of a quota; roles that it names", "quotas_have_limits"),
    ("rolling window", "quotas_have_limits"),
    ("units of one request", "quotas_have_limits"),
    ("password", "accounts_have_limits"),
    ("passwords hashed at the same time", "what_is_too_much_is_turned_away_at_once"),
    ("sign-up token", "accounts_have_limits"),
    ("invitation", "n55_an_invitation_ends_in_a_week_when_it_is_revoked_and_when_it_is_sent_anew"),
    ("whom an invitation is for", "only_administrators_invite_and_only_to_what_they_hold"),
    ("open invitations of one space", "invitations_have_limits"),
    ("invitations that one person, or all keys of a space, send in 24 hours", "invitations_have_limits"),
    ("letters to one username or address in 24 hours, whoever sends them", "n55_nobodys_post_is_filled"),
    ("addresses of one space that letters come in at; prefix of one", "addresses_have_limits"),
    ("letter that comes in; its recipients; a command of the dialogue", "letters_have_limits"),
    (
        "what is kept of a letter: its text; attachments; contents of these",
        "what_comes_along_is_bounded_and_named_safely",
    ),
    (
        "lines of a letter; headers that say what its parts are, words like them counted; one of these",
        "a_letter_that_is_costly_to_read_is_none",
    ),
    ("observer keys", "observer_keys_have_limits"),
    ("addresses that alerts go to; minutes from look to look, from letter to letter", "alerts_have_limits"),
    ("recovery codes", "a_recovery_code_sets_a_new_password_once"),
    ("API keys of one space", "keys_of_a_space_have_a_limit"),
    ("grace of an old secret after a rotation", "a_rotated_secret_lives_for_its_grace"),
    ("beginning of a secret that keys are looked for by", "keys_are_found_by_how_their_secret_begins"),
    ("accounts with an address, and addresses, of which guesses are counted", "a_flood_makes_room_and_frees_nobody"),
    (
        "wrong guesses of an account's secrets (password, current password, recovery code) from one address",
        "ten_wrong_passwords_are_enough",
    ),
    (
        "wrong guesses of any secret from one address, tokens of setup and sign-up too",
        "tokens_are_guessed_a_hundred_times_and_no_more",
    ),
    ("login policies", "login_policies_have_limits"),
    ("text of a login policy; its nesting; its signs between values", "login_policies_have_limits"),
    ("time of one evaluation; of all of one sign-in", "a_runaway_keeps_its_user_out_and_nobody_else"),
    ("memory of the evaluations at a time; rules of a policy", "what_would_take_too_much_is_stopped"),
    ("what one function of a policy takes and makes", "what_would_take_too_much_is_stopped"),
    ("evaluations of sign-ins at a time; of drafts", "a_runaway_keeps_its_user_out_and_nobody_else"),
    ("roles in spaces that one session brings", "a_session_brings_only_so_much"),
    ("samples of sign-ins; their age", "samples_show_what_was_asked"),
    ("session", "sessions_have_a_limit"),
    ("session that nobody uses", "sessions_have_a_limit"),
    ("passkeys of one user", "an_account_has_so_many_passkeys"),
    ("ceremony with an authenticator", "a_ceremony_is_good_once_for_who_began_it_and_not_for_long"),
    ("ceremonies of one sort under way; of one address", "ceremonies_under_way_are_bounded"),
    (
        "session in which an account is linked, and passkeys are made and the second factor chosen without the password",
        "a_new_way_in_is_not_for_whoever_found_an_open_session",
    ),
    ("sessions of one user", "sessions_have_a_limit"),
    ("deliveries of one job", "a_schedule_that_makes_no_sense_is_refused"),
    ("retries of a run", "a_schedule_that_makes_no_sense_is_refused"),
    ("runs of one job that wait or go on", "a_cancelled_run_is_gone"),
    ("runs at a time; of one space", "no_space_waits_for_all_of_another"),
    ("how late a firing may be", "what_is_missed_is_recorded_and_not_run_late"),
    ("recipients of one entry of a job's deliveries", "recipients_are_individuals_unless_they_say_otherwise"),
    ("snooze of a recipient", "individuals_decide_by_their_links"),
    ("token of a letter's link", "a_link_speaks_for_its_address_only"),
    ("tests of one interface, of one AI provider; choices by one letter's link", "so_many_tries_a_minute_and_no_more"),
    ("secret of a webhook", "signed_as_the_standard_shows"),
    ("headers of a webhook's own; the value of one", "headers_of_ones_own_take_nothing_over"),
    ("prefix of a bucket's keys", "an_interface_is_checked_when_it_is_saved"),
    ("path of a folder", "a_path_is_plain_steps"),
    ("budgets of an AI provider", "a_provider_is_checked_when_it_is_saved"),
    ("what an AI provider is given: words, instructions", "a_prompt_is_bounded"),
    ("answer of an AI provider: asked for, shown", "an_answer_is_plain_and_bounded"),
];

#[test]
fn every_limit_has_its_test() {
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("../..");
    let table = std::fs::read_to_string(root.join("docs/limits.md")).expect("the table of limits");
    // The last part tells how the server sees to itself; what a client can meet of it has stories elsewhere.
    let rows: BTreeSet<&str> = table
        .split("## The server itself")
        .next()
        .unwrap_or_default()
        .lines()
        .filter_map(|line| line.strip_prefix("| ")?.split(" | ").next())
        .map(str::trim)
        .filter(|cell| *cell != "What")
        .collect();
    let kept: BTreeSet<&str> = KEPT.iter().map(|(row, _)| *row).collect();
    let untested: Vec<_> = rows.difference(&kept).collect();
    let gone: Vec<_> = kept.difference(&rows).collect();
    assert!(
        untested.is_empty() && gone.is_empty(),
        "rows without a test: {untested:#?}; tests without a row: {gone:#?}"
    );
    let sources = crate::tidy::all_sources();
    let missing: Vec<_> = KEPT.iter().filter(|(_, test)| !sources.contains(&format!("fn {test}("))).collect();
    assert!(missing.is_empty(), "no such test: {missing:?}");
}

/// A text of so many bytes, of characters of two bytes each.
fn wide(bytes: usize) -> String {
    "é".repeat(bytes / 2) + if bytes % 2 == 1 { "n" } else { "" }
}

async fn names_and_texts_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = ada.resource("task", &wide(255)).create().await;
    assert_eq!(ada.patch(&task.url(""), json!({"name": "  Trimmed\t"})).await.ok()["name"], "Trimmed");
    ada.patch(&task.url(""), json!({"name": "n"})).await.ok();
    ada.patch(&home.url(""), json!({"name": wide(255), "description": wide(16 * 1024)})).await.ok();
    ada.post("/api/v1/groups", json!({"name": wide(255)})).await.created();
    ada.post("/api/v1/users", json!({"username": "u".repeat(255), "email": format!("{}@x", "e".repeat(253))}))
        .await
        .created();
    g.unchanged(async || {
        for wrong in ["", " \t ", &wide(256), "a\u{0}b", "a\nb", "a\u{7f}b", "a\u{85}b", "a\u{202e}b", "a\u{2066}b"] {
            ada.patch(&task.url(""), json!({ "name": wrong })).await.invalid("/name");
            ada.patch(&home.url(""), json!({ "name": wrong })).await.invalid("/name");
            ada.post("/api/v1/groups", json!({ "name": wrong })).await.invalid("/name");
            ada.post("/api/v1/policies", json!({"name": wrong, "policy": "users", "edit": "admins"}))
                .await
                .invalid("/name");
        }
        ada.patch(&home.url(""), json!({"description": wide(16 * 1024 + 1)})).await.invalid("/description");
        for wrong in
            ["", "a b", "a:b", "a/b", "a|b", "@ab", "a\u{200b}b", &"u".repeat(256), &uuid::Uuid::nil().to_string()]
        {
            ada.post("/api/v1/users", json!({ "username": wrong })).await.invalid("/username");
            ada.post("/api/v1/roles", json!({"name": wrong, "permissions": []})).await.invalid("/name");
        }
        for wrong in ["", "x", "@x", "x@", "a@b@c", &format!("{}@x", "e".repeat(254))] {
            ada.post("/api/v1/users", json!({"username": "bo", "email": wrong})).await.invalid("/email");
        }
        ada.post("/api/v1/groups", json!({"name": "@crew"})).await.invalid("/name");
        ada.post("/api/v1/groups", json!({"name": "everyone"})).await.problem(422);
        ada.post("/api/v1/policies", json!({"name": "@p", "policy": "users", "edit": "admins"})).await.invalid("/name");
        for wrong in [json!(7), json!(null), json!(["n"]), json!({"n": 1}), json!(true)] {
            ada.patch(&task.url(""), json!({ "name": wrong })).await.invalid("/name");
        }
    })
    .await;
}

async fn labels_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let home = g.home().await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let labels: Vec<String> = (0..64).map(|n| format!("{n:0>128}")).collect();
    for thing in [&home, &task] {
        assert_eq!(ada.patch(&thing.url(""), json!({ "labels": labels })).await.ok()["labels"], json!(labels));
    }
    let too_many: Vec<String> = (0..65).map(|n| n.to_string()).collect();
    g.unchanged(async || {
        for thing in [&home, &task] {
            ada.patch(&thing.url(""), json!({ "labels": too_many })).await.invalid("/labels");
            for wrong in ["", &"l".repeat(129), "a\u{0}b", "a\nb"] {
                ada.patch(&thing.url(""), json!({"labels": ["fine", wrong]})).await.invalid("/labels/1");
            }
            ada.patch(&thing.url(""), json!({"labels": [1]})).await.invalid("/labels/0");
        }
    })
    .await;
}

async fn bodies_and_requests_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    // `{"text":"…"}` is eleven bytes around the text.
    let body = |bytes: usize| json!({"text": "x".repeat(bytes - 11)});
    ada.resource("task", "Full").body(body(256 * 1024)).create().await;
    let request = |bytes: usize| {
        let start = r#"{"kind":"task","name":"Fix"#;
        format!("{start}{}\"}}", " ".repeat(bytes - start.len() - 2))
    };
    let send = |text: String| ada.call(Method::POST, "/api/v1/resources").raw("application/json", text);
    send(request(1024 * 1024)).await.created();
    g.unchanged(async || {
        ada.resource("task", "Too full").body(body(256 * 1024 + 1)).send().await.invalid("/body");
        send(request(1024 * 1024 + 1)).await.refused(413, "too_large");
        let path = "/api/v1/resources/batch";
        let batch = ada.call(Method::POST, path).raw("application/json", " ".repeat(16 * 1024 * 1024 + 1));
        batch.await.refused(413, "too_large");
    })
    .await;
    // Sealed secrets count as they are stored.
    let fields = json!({"prefix": "S", "secret_fields": ["/key"]});
    ada.kind_with("safe", fields).await;
    let secret = json!({"key": "k".repeat(200 * 1024)});
    g.unchanged(async || ada.resource("safe", "Too much").body(secret).send().await.invalid("/body")).await;
}

async fn pages_and_cursors_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let items: Vec<Value> = (0..101).map(|n| json!({"kind": "task", "name": format!("Task {n}")})).collect();
    ada.post("/api/v1/resources/batch", json!({ "resources": items })).await.created();
    let page = async |query: &str| ada.get(&format!("/api/v1/resources{query}")).await.ok();
    assert_eq!(page("").await.items().len(), 50, "when nothing is said");
    assert_eq!(page("?limit=1").await.items().len(), 1);
    let full = page("?limit=100").await;
    assert_eq!(full.items().len(), 100);
    let cursor = full.text("next");
    assert_eq!(page(&format!("?limit=100&cursor={}", percent(&cursor))).await.items().len(), 1);
    for wrong in ["0", "101", "-1", "x", "", "1.5", "1e2", "0x10", "+5", "99999999999999999999"] {
        ada.get(&format!("/api/v1/resources?limit={}", percent(wrong))).await.invalid("?limit");
    }
    let (half, longer) = (&cursor[..cursor.len() / 2], "A".repeat(2_049));
    for wrong in ["", "x", half, &cursor[1..], &format!("{cursor}A"), &"A".repeat(2_048), &longer] {
        ada.get(&format!("/api/v1/resources?cursor={}", percent(wrong))).await.invalid("?cursor");
    }
}

async fn what_a_list_asks_for_has_limits(g: Garth) {
    let ada = g.admin().await;
    let list = |query: String| ada.get(&format!("/api/v1/resources?{query}"));
    let labels = |n: usize| (0..n).map(|n| format!("label=l{n}")).collect::<Vec<_>>().join("&");
    list(labels(64)).await.ok();
    list(labels(65)).await.invalid("?label");
    list(format!("q={}", "q".repeat(255))).await.ok();
    list(format!("q={}", "q".repeat(256))).await.invalid("?q");
    for unknown in ["colour=red", "Limit=5", "limit[]=5", "order=size", "archived=maybe"] {
        list(unknown.to_owned()).await.problem(422);
    }
}

async fn batches_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let items = |n: usize| json!({"resources": vec![json!({"kind": "task", "name": "Fix"}); n]});
    g.unchanged(async || {
        ada.post("/api/v1/resources/batch", items(0)).await.invalid("/resources");
        ada.post("/api/v1/resources/batch", items(501)).await.invalid("/resources");
    })
    .await;
    ada.post("/api/v1/resources/batch", items(1)).await.created();
    ada.post("/api/v1/resources/batch", items(500)).await.created();
}

async fn a_request_id_has_a_limit(g: Garth) {
    let longest = "i".repeat(128);
    for (given, kept) in [("i", true), (&longest, true), (&"i".repeat(129), false), ("two words", false), ("", false)] {
        let answer = g.anonymous().get("/healthz").header("x-request-id", given).await.ok();
        assert_eq!(answer.header("x-request-id") == given, kept, "{given}");
    }
}

async fn subscribers_have_a_limit(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let task = ada.resource("task", "Fix the lift").create().await;
    let stranger = |n: usize| format!("user:{}", uuid::Uuid::from_u128(n as u128));
    let many: Vec<String> = (0..501).map(stranger).collect();
    g.unchanged(async || {
        ada.patch(&task.url(""), json!({ "subscribers": many })).await.invalid("/subscribers");
        // At the edge it is not the number that is refused.
        ada.patch(&task.url(""), json!({ "subscribers": many[..500] })).await.invalid("/subscribers/0");
    })
    .await;
}

async fn kinds_have_limits(g: Garth) {
    let ada = g.admin().await;
    let kind = |fields: Value| {
        let mut body = json!({"name": "note", "prefix": "N"});
        body.as_object_mut().unwrap().extend(fields.as_object().unwrap().clone());
        ada.post("/api/v1/kinds", body)
    };
    let pointers = |n: usize| (0..n).map(|n| format!("/f{n}")).collect::<Vec<_>>();
    let references =
        |n: usize| pointers(n).into_iter().map(|p| json!({"pointer": p, "kind": "note"})).collect::<Vec<_>>();
    let verbs = |n: usize| (0..n).map(|n| format!("note:v{n}")).collect::<Vec<_>>();
    let schema =
        |bytes: usize| json!({"type": "object", "title": "x".repeat(bytes - r#"{"title":"","type":"object"}"#.len())});
    g.unchanged(async || {
        for wrong in [
            "",
            "Note",
            "1note",
            "no te",
            "no-te",
            &"n".repeat(64),
            "space",
            "meter",
            "decision",
            "user",
            "group",
            "key",
            "resource",
            "role",
            "kind",
            "policy",
            "grant",
            "settings",
            "invitation",
        ] {
            kind(json!({ "name": wrong })).await.invalid("/name");
        }
        for wrong in ["", "n", "1N", "N-", "ABCDEFGHI"] {
            kind(json!({ "prefix": wrong })).await.invalid("/prefix");
        }
        kind(json!({"schema": schema(64 * 1024 + 1)})).await.invalid("/schema");
        kind(json!({"schema": {"$ref": "https://example.com/schema.json"}})).await.problem(422);
        kind(json!({"secret_fields": pointers(65)})).await.invalid("/secret_fields");
        kind(json!({"secret_fields": [format!("/{}", "f".repeat(255))]})).await.problem(422);
        kind(json!({"references": references(65)})).await.invalid("/references");
        kind(json!({"permissions": verbs(101)})).await.invalid("/permissions");
        kind(json!({"permissions": [format!("note:{}", "v".repeat(64))]})).await.problem(422);
    })
    .await;
    kind(json!({"name": "n".repeat(63), "prefix": "ABCDEFGH"})).await.created();
    kind(json!({"schema": schema(64 * 1024), "secret_fields": pointers(64), "permissions": verbs(100)}))
        .await
        .created();
    let mut wide = json!({"name": "wide", "prefix": "W", "secret_fields": [format!("/{}", "f".repeat(254))]});
    wide["references"] = json!(references(64));
    ada.post("/api/v1/kinds", wide).await.created();
    // A schema complains twenty times at most.
    let strict = json!({"type": "object", "required": pointers(40)});
    ada.post("/api/v1/kinds", json!({"name": "strict", "prefix": "ST", "schema": strict})).await.created();
    let complaints = ada.resource("strict", "Empty").body(json!({})).send().await.problem(422);
    assert_eq!(complaints["errors"].as_array().map(Vec::len), Some(20));
}

async fn policies_have_limits(g: Garth) {
    let ada = g.admin().await;
    ada.kind("task").await;
    let view = |policy: Value| ada.resource("task", "Fix").view(policy).send();
    let nested = |depth: usize| {
        (1..depth)
            .fold(json!("users"), |inner, _| json!({"rules": [{"effect": "allow", "who": inner}], "default": "deny"}))
    };
    let rules = |n: usize| json!({"rules": vec![json!({"effect": "allow", "who": "users"}); n], "default": "deny"});
    let wide = |n: usize| json!({"rules": vec![rules(n); 2], "default": "deny"});
    view(nested(16)).await.created();
    view(rules(500)).await.created();
    g.unchanged(async || {
        view(nested(17)).await.problem(422);
        view(nested(20)).await.problem(422);
        view(rules(501)).await.problem(422);
        let users: Vec<String> = (0..501).map(|n| format!("user:{}", uuid::Uuid::from_u128(n))).collect();
        view(json!({ "users": users })).await.problem(422);
        let many: Vec<Value> = (0..3).map(|_| json!({"effect": "allow", "who": rules(400)})).collect();
        view(json!({"rules": many, "default": "deny"})).await.problem(422);
        view(wide(2)).await.problem(422);
    })
    .await;
}

async fn roles_have_limits(g: Garth) {
    let ada = g.admin().await;
    let verbs: Vec<String> = (0..100).map(|n| format!("task:v{n}")).collect();
    ada.kind_with("task", json!({ "permissions": verbs })).await;
    let others: Vec<String> = (0..100).map(|n| format!("note:v{n}")).collect();
    ada.kind_with("note", json!({"prefix": "N", "permissions": others})).await;
    let mut permissions = [verbs, others].concat();
    ada.post("/api/v1/roles", json!({"name": "all", "permissions": permissions})).await.created();
    permissions.push("task:read".to_owned());
    g.unchanged(async || {
        ada.post("/api/v1/roles", json!({"name": "more", "permissions": permissions})).await.invalid("/permissions");
        let long = format!("task:{}", "v".repeat(124));
        ada.post("/api/v1/roles", json!({"name": "long", "permissions": [long]})).await.problem(422);
        for unknown in ["task", "task:", ":read", "task:fly", "task:*:*", "TASK:read", "task:read|x"] {
            ada.post("/api/v1/roles", json!({"name": "odd", "permissions": [unknown]})).await.invalid("/permissions/0");
        }
    })
    .await;
}

async fn groups_of_one_member_have_a_limit(g: Garth) {
    let ada = g.admin().await;
    let mut groups = Vec::new();
    for n in 0..501 {
        groups.push(ada.post("/api/v1/groups", json!({"name": format!("g{n}")})).await.created().id());
    }
    let join = |group: &str| ada.post(&format!("/api/v1/groups/{group}/members"), json!({"member": ada.principal()}));
    for group in &groups[..500] {
        join(group).await.done();
    }
    g.unchanged(async || join(&groups[500]).await.problem(422)).await;
}

async fn sessions_have_a_limit(g: Garth) {
    let ada = g.admin().await;
    let first = ada.sign_in("ada").await;
    g.pass(SECOND);
    let rows = g.rows("sessions").await.len();
    let more: String = (rows..100)
        .map(|n| {
            let id = uuid::Uuid::from_u128(n as u128);
            format!(
                "INSERT INTO sessions (id, token_hash, user_id, created_at, expires_at, device) \
                 SELECT '{id}', 'hash {n}', user_id, MAX(created_at) + 1, MAX(expires_at), '' FROM sessions \
                 GROUP BY user_id;"
            )
        })
        .collect();
    g.meddle(&more).await;
    g.restart().await;
    first.get("/api/v1/me").await.ok();
    assert_eq!(g.rows("sessions").await.len(), 100);
    let mut last = ada.sign_in("ada").await;
    for _ in 1..rows {
        last = ada.sign_in("ada").await;
    }
    assert_eq!(g.rows("sessions").await.len(), 100, "the oldest made room");
    for old in [&ada, &first] {
        old.get("/api/v1/me").await.not_signed_in();
    }
    g.pass((7 * 24 * 60 * 60 - 1) * SECOND);
    last.get("/api/v1/me").await.ok();
    g.pass((7 * 24 * 60 * 60 - 1) * SECOND);
    last.get("/api/v1/me").await.ok();
    // Used or not, it is over after fourteen days; and after seven, if nobody used it.
    g.pass(2 * SECOND);
    last.get("/api/v1/me").await.not_signed_in();
    let idle = ada.sign_in("ada").await;
    g.pass((7 * 24 * 60 * 60 - 1) * SECOND);
    idle.get("/api/v1/me").await.ok();
    g.pass(7 * 24 * 60 * 60 * SECOND);
    idle.get("/api/v1/me").await.not_signed_in();
}
