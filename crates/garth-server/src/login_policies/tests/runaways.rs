//! Stories about policies that would run for ever, take all memory, or break the program: they end, and nobody else is
//! held up.

use super::{SIMULATE, ask, login};
use crate::support::*;
use std::time::Duration;

stories! {
    what_would_take_too_much_is_stopped,
    a_runaway_keeps_its_user_out_and_nobody_else,
    what_is_strange_breaks_nothing,
}

/// Policies with budgets to break, each with what is said then.
fn greedy() -> Vec<(String, &'static str)> {
    let policy = |body: &str| format!("package garth\n{body}\nallow if x");
    // Each is twice the one before, and made of it twice.
    let tower: String = (1..40).map(|n| format!("x{n} := [x{0}, x{0}]\n", n - 1)).collect();
    vec![
        (policy("x if count(numbers.range(1, 20000000)) > 1"), "a range"),
        (policy("x if count(numbers.range(1, 1000000000000000)) > 1"), "a range"),
        (policy("x if count(numbers.range_step(1, 1000000000000, 1)) > 1"), "a range"),
        (policy("x if bits.lsh(1, 100000000) > 1"), "bits"),
        (policy("x if bits.lsh(1, 1000000000000) > 1"), "bits"),
        (policy("x if to_number(\"1e999999999\") > 1"), "a number"),
        (policy("x if sprintf(\"%999999999d\", [1]) != \"\""), "a width"),
        (
            policy(
                "n := numbers.range(1, 5000)\nx if count([1 | some a in n; some b in n; some c in n; a + b + c < 0]) == 1",
            ),
            "",
        ),
        (policy("n := numbers.range(1, 90000)\nx if count({[a, b] | some a in n; some b in n}) == 1"), ""),
        (
            policy("a := concat(\"\", [\"x\" | some i in numbers.range(1, 90000)])\nx if replace(a, \"x\", a) != \"\""),
            "a text",
        ),
        (
            policy(
                "a := concat(\"\", [\"x\" | some i in numbers.range(1, 90000)])\nx if concat(a, [a | some i in numbers.range(1, 90000)]) != \"\"",
            ),
            "",
        ),
        (policy(&format!("x0 := [1]\n{tower}x if sprintf(\"%v\", [x39]) != \"\"")), "a function was given"),
        (policy(&format!("x0 := [1]\n{tower}x if json.marshal(x39) != \"\"")), "a function was given"),
        (policy(&format!("x0 := [1]\n{tower}x if walk(x39)[0]")), ""),
    ]
}

async fn what_would_take_too_much_is_stopped(g: Garth) {
    let ada = g.admin().await;
    for (rego, told) in greedy() {
        let draft = json!({"rego": rego, "version": "v1", "input": {}});
        let answer = tokio::time::timeout(Duration::from_secs(20), ada.post(SIMULATE, draft)).await.expect(&rego).ok();
        let error = answer["error"].as_str().unwrap_or_else(|| panic!("{rego}\n{answer}"));
        assert!(error.contains(told), "{rego}\n{error}");
        assert_eq!(answer["decision"], "refused");
        assert_eq!(g.app().rego.trying.free(), 2, "nothing runs on: {rego}");
    }
}

async fn a_runaway_keeps_its_user_out_and_nobody_else(g: Garth) {
    let ada = g.admin().await;
    let lin = g.person("lin").await;
    let home = g.home().await;
    let long =
        "n := numbers.range(1, 5000)\nslow if count([1 | some a in n; some b in n; some c in n; a + b + c < 0]) == 1";
    let rego = format!(
        "package garth\nallow if input.session.member\n{long}\ndeny if {{ input.session.login == \"lin\"; slow }}"
    );
    ask(&ada, "slow for lin", &rego).await;
    g.person("bo").await;
    let tries: Vec<Call> = (0..6).map(|_| login(&g, "lin").may_fail()).collect();
    let race = tokio::spawn(race(tries));
    // Meanwhile the server answers as ever.
    for _ in 0..20 {
        let asked = tokio::time::timeout(Duration::from_secs(2), ada.get(&home.url(""))).await;
        asked.expect("an answer in time").ok();
    }
    for answer in race.await.expect("answers") {
        // Refused, or turned away while every place is held; never let in.
        assert!(matches!(answer.status.as_u16(), 403 | 503), "{answer}");
        assert!(matches!(answer["code"].as_str(), Some("login_refused" | "overloaded")), "{answer}");
    }
    eventually("every place is free again", async || g.app().rego.asking.free() == 4).await;
    login(&g, "bo").await.ok();
    let told = ada.get(&format!("/api/v1/audit?action=login&outcome=refused&target={}", lin.id)).await.ok();
    assert!(told.items()[0]["after"]["error"].as_str().is_some_and(|error| error.contains("longer than")), "{told}");
}

/// Texts that parsers and printers stumble over: an answer, whatever it is, and a server that goes on.
async fn what_is_strange_breaks_nothing(g: Garth) {
    let ada = g.admin().await;
    let chain =
        |sign: &str, by: &str| format!("package garth\nx := 1{}\nallow := true", format!("{sign}{by}").repeat(980));
    let lines = |sign: &str| format!("package garth\nx := 1{}\nallow := true", format!(" {sign}\n1").repeat(980));
    let rules: String = (1..490).map(|n| format!("a{n} := a{}\n", n - 1)).collect();
    let mut strange = vec![
        chain("+", "1"),
        lines("+"),
        lines("*"),
        lines("|"),
        lines("=="),
        lines("in"),
        format!("package garth\na0 := 1\n{rules}allow if a489 == 1"),
        format!("package garth\nallow if {} true", "not ".repeat(900)),
        format!("package garth\nallow if x{}", "[0]".repeat(900)),
        format!("package garth\nx := {}1", "-".repeat(900)),
        format!("package garth\nx := 1{}", " else := 1 if false".repeat(300)),
        format!("package garth\n{}", "allow if true\n".repeat(4_000)),
        format!("package garth\nallow if {{ {} }}", "true; ".repeat(8_000)),
        "package garth\nallow if allow".to_owned(),
        "package garth\na if b\nb if a\nallow if a".to_owned(),
        "package garth\nf(x) := f(x)\nallow if f(1)".to_owned(),
        "package garth\nimport data.garth\nallow if garth.allow".to_owned(),
        "package garth\nallow if data.garth[\"allow\"]".to_owned(),
        "package garth\nallow if data.garth[input.x]".to_owned(),
        "package garth\nallow if regex.match(\"(a{1000}){1000}\", \"a\")".to_owned(),
        "package garth\nallow if input.x with input as {\"x\": true}".to_owned(),
        "package garth\nx := 9999999999999999999999999999 * 9999999999999999999999999999\nsample := x".to_owned(),
        "package garth\nroles[x] contains x if x := 9999999999999999999999999999".to_owned(),
        "package garth\nallow := \"\u{0}\"".to_owned(),
        "package garth\nallow := \"\\ud800\"".to_owned(),
        "\u{feff}package garth\nallow := true".to_owned(),
        "package garth\rallow := true".to_owned(),
    ];
    strange.extend(["`", "\"", "#", "[", "}", "package", "package garth\nimport", "default"].map(str::to_owned));
    for rego in strange {
        for version in ["v0", "v1"] {
            let draft = json!({"rego": rego, "version": version, "input": {"x": "allow"}});
            eprintln!("{}", rego.chars().take(60).collect::<String>().escape_debug());
            let head: String = rego.chars().take(90).collect();
            let answer =
                tokio::time::timeout(Duration::from_secs(20), ada.post(SIMULATE, draft)).await.expect(&head).ok();
            let error = answer["error"].as_str().unwrap_or_default();
            assert!(error.len() < 1_500, "{head}: {error}");
            assert_eq!(g.app().rego.trying.free(), 2, "nothing runs on: {head}");
        }
    }
}
