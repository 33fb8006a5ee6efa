//! Reports as they come out: what is in each format, that nothing in them can break out of it, and samples to look at.

use super::content::{Bar, Chart, Content, Fact, Place, Shown, Table};
use super::{Format, Report, content_security_policy};
use proptest::prelude::*;
use serde_json::{Value, json};
use std::path::Path;

fn bar(label: &str, value: i64, of: Option<i64>) -> Bar {
    Bar { label: label.to_owned(), value, of }
}

fn fact(label: &str, value: &str) -> Fact {
    Fact { label: label.to_owned(), value: value.to_owned() }
}

fn begun(r#type: &str, called: &str) -> Content {
    Content {
        r#type: r#type.to_owned(),
        called: called.to_owned(),
        made_at: "2031-05-04T08:00:00.000000Z".to_owned(),
        space: Place { id: "0198f3c2-7b7e-7d0e-9a53-2f1de2a6d3b1".to_owned(), name: "Treasury".to_owned() },
        rights: "lin".to_owned(),
        ..Content::default()
    }
}

fn report(title: &str, content: &Content, summary: Option<&str>) -> Report {
    Report {
        title: title.to_owned(),
        content: content.kept().expect("content"),
        state: Value::Null,
        summary: summary.map(str::to_owned),
    }
}

fn review(members: usize) -> Report {
    let mut content = begun("access_review", "Access review");
    content.facts = vec![
        fact("Members", &members.to_string()),
        fact("Administrators", "2"),
        fact("Keys and resources with roles", "3"),
        fact("Joined", "4"),
        fact("Left", "1"),
        fact("Role changed", "2"),
    ];
    content.note("The space is seen by members. Roles are asked of those who see it.");
    content.note("Changes are those since the report of 4 Apr 2031, 08:00 UTC.");
    content.note(
        "Policies of single resources can let their author, owner or others through besides; they are not told here.",
    );
    content.charts.push(Chart::bars(
        "Members by role",
        vec![bar("writer", 31, None), bar("reader", 12, None), bar("auditor", 4, None), bar("admin", 2, None)],
    ));
    content.charts.push(Chart::bars(
        "Where their roles come from",
        vec![bar("by a group", 30, None), bar("given to them", 14, None), bar("from a space above", 7, None)],
    ));
    let columns = [
        ("username", "Who", Shown::Text),
        ("name", "Name", Shown::Text),
        ("roles", "Roles", Shown::Text),
        ("may", "May", Shown::Text),
        ("why", "Why", Shown::Text),
        ("edits_space", "Changes the space itself", Shown::Text),
        ("change", "Change", Shown::State),
        ("roles_before", "Roles before", Shown::Text),
    ];
    let mut table = Table::new("members", "Members", &columns, "Nobody is a member.");
    let names = ["Lin Chen", "Bo Ek", "Ada Lovelace", "Ελένη Παππά", "Пётр Иванов", "محمد علي", "שרה כהן", "東京 太郎"];
    for at in 0..members {
        let name = names[at % names.len()];
        let (role, may) = match at % 4 {
            0 => ("admin", "everything in the space"),
            1 => ("writer", "read, write and use everything; not share, not administer"),
            2 => ("reader", "read everything"),
            _ => ("auditor", "audit:read, job:read, job:run, report:read"),
        };
        let mut why = vec![format!("{role}: given by ada on 3 Feb 2031, until 31 Dec 2031")];
        if at % 3 == 0 {
            why.push("reader: by the group accounting-and-controlling".to_owned());
        }
        let (change, before) = match at % 9 {
            2 => (json!("joined"), Value::Null),
            4 => (json!("role changed"), json!("reader")),
            7 => (json!("left"), json!("writer")),
            _ => (Value::Null, Value::Null),
        };
        table.rows.push(vec![
            json!(format!("person-{at}")),
            json!(name),
            json!([role]),
            json!([may]),
            json!(why),
            json!(if at % 4 == 0 { "yes" } else { "no" }),
            change,
            before,
        ]);
    }
    content.tables.push(table);
    let columns = [
        ("what", "What", Shown::Text),
        ("name", "Name", Shown::Text),
        ("role", "Role", Shown::Text),
        ("expires_at", "Until", Shown::Time),
        ("change", "Change", Shown::State),
    ];
    let mut keys = Table::new("keys_and_resources", "Keys and resources that hold roles", &columns, "None.");
    keys.rows.push(vec![
        json!("API key"),
        json!("deploy"),
        json!("writer"),
        json!("2031-12-31T00:00:00.000000Z"),
        Value::Null,
    ]);
    keys.rows.push(vec![
        json!("resource"),
        json!("J-7KQ2-M9XD Monthly close"),
        json!("auditor"),
        Value::Null,
        json!("new"),
    ]);
    content.tables.push(keys);
    content.tables.push(Table::new(
        "visitors",
        "Who sees the space without a role",
        &[("username", "Who", Shown::Text)],
        "Everybody who sees the space holds a role in it.",
    ));
    let summary = "Four people joined since the last review, all of them by the group accounting-and-controlling.\n\
                   One writer left. Two administrators are unchanged.";
    report("Who may do what in the treasury, monthly", &content, Some(summary))
}

fn digest() -> Report {
    let mut content = begun("audit_digest", "Audit digest");
    content.facts = vec![fact("Days", "30"), fact("Changes", "1,204"), fact("Refusals", "17"), fact("Actors", "9")];
    content.note("From 4 Apr 2031, 08:00 UTC to 4 May 2031, 08:00 UTC.");
    let bars = (0..31).map(|at| bar(&format!("{} Apr 2031", at + 1), (at * 37) % 61, None)).collect();
    content.charts.push(Chart { title: "Entries a day".to_owned(), upright: true, bars });
    content.charts.push(Chart::bars("Who did it", vec![bar("lin", 800, None), bar("bo", 404, None)]));
    let columns = [("at", "When", Shown::Time), ("actor", "Who", Shown::Text), ("outcome", "Outcome", Shown::State)];
    let mut table = Table::new("entries", "Entries", &columns, "Nothing.");
    for at in 0..60 {
        let outcome = if at % 7 == 0 { "refused" } else { "done" };
        table.rows.push(vec![json!("2031-05-03T09:30:00.000000Z"), json!("lin"), json!(outcome)]);
    }
    table.truncated = true;
    content.tables.push(table);
    report("What happened in April", &content, None)
}

fn meters() -> Report {
    let mut content = begun("usage", "Usage and quotas");
    content.facts = vec![fact("Resources", "12,480"), fact("Members", "49")];
    content.charts.push(Chart::bars(
        "How full",
        vec![
            bar("api.daily", 200, Some(1_000)),
            bar("resources", 850, Some(1_000)),
            bar("llm.tokens", 5_000, Some(5_000)),
        ],
    ));
    let columns = [
        ("meter", "Meter", Shown::Text),
        ("used", "Used", Shown::Number),
        ("limit", "Limit", Shown::Number),
        ("state", "State", Shown::State),
    ];
    let mut table = Table::new("meters", "Meters", &columns, "None.");
    table.rows.push(vec![json!("api.daily"), json!(200), json!(1_000), json!("open")]);
    table.rows.push(vec![json!("resources"), json!(850), json!(1_000), json!("nearly full")]);
    table.rows.push(vec![json!("llm.tokens"), json!(5_000), json!(5_000), json!("full")]);
    content.tables.push(table);
    report("How full the treasury is", &content, None)
}

/// What there is to look at: `cargo test -p garth-server --lib reports::samples::write -- --ignored`.
#[test]
#[ignore = "writes samples to target/reports"]
fn write_samples_to_look_at() {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../target/reports");
    std::fs::create_dir_all(&folder).expect("a folder");
    for (name, report) in [("review", review(60)), ("digest", digest()), ("usage", meters()), ("long", review(2_000))] {
        for format in Format::ALL {
            let bytes = report.render(format).expect("a report");
            std::fs::write(folder.join(format!("{name}.{}", format.name())), bytes).expect("a file");
        }
    }
}

fn text(report: &Report, format: Format) -> String {
    String::from_utf8(report.render(format).expect("a report")).expect("text")
}

#[test]
fn machines_read_every_row_by_its_columns() {
    let read: Value = serde_json::from_str(&text(&review(3), Format::Json)).expect("JSON");
    assert_eq!(read["type"], "access_review");
    assert_eq!(read["space"]["name"], "Treasury");
    assert_eq!(read["made_with_the_rights_of"], "lin");
    assert_eq!(read["tables"][0]["rows"][1]["username"], "person-1");
    assert_eq!(read["tables"][0]["rows"][2]["change"], "joined");
    assert_eq!(read["tables"][0]["truncated"], false);
    assert!(read["summary"].as_str().is_some_and(|said| said.starts_with("Four people")));
    assert!(read.get("state").is_none());
}

#[test]
fn a_page_stands_alone_and_its_policy_names_its_style() {
    let html = text(&review(6), Format::Html);
    for elsewhere in ["<script", "<link", "<img", "src=", "href=", "style=", "url(", "@import", "javascript:"] {
        assert!(!html.contains(elsewhere), "{elsewhere}");
    }
    assert!(html.contains("Administrators") && html.contains("Ελένη Παππά") && html.contains("role changed"));
    let inside = html.split("<style>").nth(1).and_then(|rest| rest.split("</style>").next()).expect("a style");
    use base64::Engine as _;
    use sha2::Digest as _;
    let hash = base64::prelude::BASE64_STANDARD.encode(sha2::Sha256::digest(inside.as_bytes()));
    assert!(content_security_policy().contains(&format!("'sha256-{hash}'")));
    assert!(!content_security_policy().contains("unsafe"));
}

#[test]
fn a_document_is_tagged_and_the_same_every_time() {
    for report in [review(3), digest(), meters()] {
        let bytes = report.render(Format::Pdf).expect("a document");
        assert!(bytes.starts_with(b"%PDF-1.7"));
        assert_eq!(bytes, report.render(Format::Pdf).expect("a document"));
        let has = |what: &[u8]| bytes.windows(what.len()).any(|part| part == what);
        assert!(has(b"/StructTreeRoot") && has(b"/MarkInfo"), "not tagged");
        assert!(has(b"pdfuaid:part") && has(b"pdfaid:part"), "does not say what it is");
    }
}

#[test]
fn words_are_as_long_as_they_may_be() {
    let report = review(500);
    for most in [0, 1, 3, 10, 100, 5_000] {
        let words = report.words(most);
        assert!(words.len() <= most, "{} of {most}", words.len());
    }
    let words = report.words(usize::MAX);
    assert!(words.contains("Summary, by an AI provider:") && words.contains("- Who: person-499 · "));
    assert!(report.words(5_000).ends_with('…'));
}

#[test]
fn an_empty_report_is_one() {
    let report = report("", &begun("search", "Saved search"), None);
    for format in Format::ALL {
        report.render(format).expect("a report");
    }
    let odd = Report { content: json!({"type": 5}), ..report };
    assert!(odd.render(Format::Html).is_err());
    assert_eq!(odd.words(100), "");
}

/// A report with that text everywhere where a text can be.
fn with(evil: &str) -> Report {
    let mut content = begun("search", evil);
    content.space.name = evil.to_owned();
    content.rights = evil.to_owned();
    content.facts = vec![fact(evil, evil)];
    content.note(evil);
    content.charts.push(Chart::bars(evil, vec![bar(evil, 1, None)]));
    content.charts.push(Chart {
        title: evil.to_owned(),
        upright: true,
        bars: vec![bar(evil, i64::MAX, None), bar(evil, i64::MIN, None)],
    });
    let mut table =
        Table::new("t", evil, &[("a", evil, Shown::Text), ("b", evil, Shown::State), ("c", evil, Shown::Time)], evil);
    table.rows.push(vec![json!([evil, evil]), json!(evil), json!(evil)]);
    content.tables.push(table);
    content.tables.push(Table::new("e", evil, &[("a", evil, Shown::Text)], evil));
    report(evil, &content, Some(evil))
}

fn cases() -> ProptestConfig {
    ProptestConfig { cases: 48, failure_persistence: None, ..ProptestConfig::default() }
}

proptest! {
    #![proptest_config(cases())]

    #[test]
    fn no_text_breaks_out_of_a_page(evil in "[<>&\"'/=a-c \\PC]{1,24}") {
        // Whatever it is, it is a text, and not nothing.
        let (plain, odd) = (text(&with("x"), Format::Html), text(&with(&format!("x{evil}")), Format::Html));
        // The same tags in the same order, whatever stands between them.
        let tags = |html: &str| {
            html.split('<').skip(1).filter_map(|tag| tag.split([' ', '>']).next()).map(str::to_owned).collect::<Vec<_>>()
        };
        let lines = |tags: Vec<String>| tags.into_iter().filter(|tag| tag != "p" && tag != "/p").collect::<Vec<_>>();
        prop_assert_eq!(lines(tags(&plain)), lines(tags(&odd)));
        prop_assert_eq!(odd.matches('"').count(), plain.matches('"').count());
    }

    #[test]
    fn any_text_is_written_in_every_format(text in "\\PC{0,60}") {
        let report = with(&text);
        for format in Format::ALL {
            prop_assert!(report.render(format).is_ok());
        }
        serde_json::from_slice::<Value>(&report.render(Format::Json).expect("JSON")).expect("JSON");
        prop_assert!(report.words(200).len() <= 200);
    }

    #[test]
    fn how_a_report_is_asked_for_is_read_without_a_fault(days in any::<i64>(), name in "[a-z/~]{1,8}", value in "\\PC{0,20}") {
        let pointers = |spec: Value| super::check(&spec).err().unwrap_or_default().into_iter().map(|e| e.pointer).collect::<Vec<_>>();
        let good = (1..=90).contains(&days);
        prop_assert_eq!(pointers(json!({"type": "audit_digest", "days": days})).is_empty(), good);
        let escaped = name.replace('~', "~0").replace('/', "~1");
        let odd = format!("x{name}");
        let (usage, search) = (json!({"type": "usage", &odd: value}), json!({"type": "search", "query": {&odd: value}}));
        prop_assert_eq!(pointers(usage), [format!("/body/report/x{escaped}")]);
        prop_assert_eq!(pointers(search), [format!("/body/report/query/x{escaped}")]);
        let (none, place) = (json!(value), "/body/report".to_owned());
        prop_assert_eq!(pointers(none), [place]);
    }
}
