//! Stories about the chain of the audit: whoever meddles with it is found out.

use crate::support::*;
use garth_server::access::{ChainReport, chains, check_chain};

stories! {
    a_record_that_nobody_touched_is_whole,
    whoever_meddles_with_the_record_is_found_out,
    what_was_cut_is_not_sealed_by_what_is_written_after,
    retention_takes_nothing_that_was_changed,
    old_entries_go_when_the_settings_say_so,
    the_days_of_the_audit_have_limits,
    what_is_rolled_back_leaves_no_gap,
}

const DAY: i64 = 24 * 60 * 60 * SECOND;

/// What a check of every chain finds.
async fn reports(g: &Garth) -> Vec<ChainReport> {
    let app = g.app();
    let mut reports = Vec::new();
    for space in chains(&app.db).await.expect("the chains") {
        reports.push(check_chain(&app.db, app.directory().vault.audit_keys(), &space).await.expect("a report"));
    }
    reports
}

async fn wrong(g: &Garth) -> Vec<String> {
    reports(g).await.into_iter().flat_map(|report| report.wrong).collect()
}

async fn busy(g: &Garth) -> Thing {
    let ada = g.admin().await;
    ada.kind("task").await;
    g.home().await;
    let atlas = ada.space("Atlas").create().await;
    for name in ["One", "Two", "Three", "Four"] {
        ada.resource("task", name).space(&atlas).create().await;
    }
    atlas
}

async fn a_record_that_nobody_touched_is_whole(g: Garth) {
    let atlas = busy(&g).await;
    let found = reports(&g).await;
    assert!(found.len() >= 3, "the system's and two spaces': {found:?}");
    assert!(found.iter().all(|report| report.wrong.is_empty()), "{found:?}");
    let of_atlas = found.iter().find(|report| report.space == atlas.id).expect("its chain");
    assert!(of_atlas.entries >= 5, "{of_atlas:?}");
    g.restart().await;
    g.admin().await.resource("task", "Five").space(&atlas).create().await;
    assert_eq!(wrong(&g).await, Vec::<String>::new());
}

async fn whoever_meddles_with_the_record_is_found_out(g: Garth) {
    let atlas = busy(&g).await;
    let here = format!("space_id = '{}'", atlas.id);
    let a = |seq: u32| format!("{here} AND seq = {seq}");
    let meddling = [
        ("an actor", format!("UPDATE audit SET actor = 'user:somebody' WHERE {}", a(2))),
        ("a state", format!("UPDATE audit SET after_state = '{{}}' WHERE {}", a(3))),
        ("a time", format!("UPDATE audit SET at = at + 1 WHERE {}", a(2))),
        ("one in the middle", format!("DELETE FROM audit WHERE {}", a(3))),
        ("the first", format!("DELETE FROM audit WHERE {}", a(1))),
        ("the last", format!("DELETE FROM audit WHERE {here} AND seq = (SELECT MAX(seq) FROM audit WHERE {here})")),
        ("all of them", format!("DELETE FROM audit WHERE {here}")),
        (
            "the end as well",
            format!(
                "UPDATE audit_chains SET last_seq = 2, last_mac = (SELECT mac FROM audit WHERE {}) WHERE {here}; DELETE FROM audit WHERE {here} AND seq > 2",
                a(2)
            ),
        ),
        (
            "the beginning",
            format!(
                "UPDATE audit_chains SET first_seq = 3, first_mac = (SELECT mac FROM audit WHERE {}) WHERE {here}; DELETE FROM audit WHERE {here} AND seq < 3",
                a(2)
            ),
        ),
        ("its end alone", format!("DELETE FROM audit_chains WHERE {here}")),
        (
            "the order",
            format!(
                "UPDATE audit SET seq = -1 WHERE {}; UPDATE audit SET seq = 2 WHERE {}; UPDATE audit SET seq = 3 WHERE {here} AND seq = -1",
                a(2),
                a(3)
            ),
        ),
        (
            "a copy",
            format!(
                "INSERT INTO audit SELECT 'copy', at, space_id, actor, credential, action, target_type, target_id, outcome, before_state, after_state, request_id, seq + 100, mac FROM audit WHERE {}",
                a(2)
            ),
        ),
    ];
    g.meddle("CREATE TABLE kept_audit AS SELECT * FROM audit; CREATE TABLE kept_chains AS SELECT * FROM audit_chains")
        .await;
    for (what, sql) in meddling {
        g.meddle(&sql).await;
        assert!(!wrong(&g).await.is_empty(), "{what}: nobody noticed");
        g.meddle("DELETE FROM audit; INSERT INTO audit SELECT * FROM kept_audit; DELETE FROM audit_chains; INSERT INTO audit_chains SELECT * FROM kept_chains").await;
        assert_eq!(wrong(&g).await, Vec::<String>::new(), "{what}, put back");
    }
    g.meddle("DROP TABLE kept_audit; DROP TABLE kept_chains").await;
}

async fn what_was_cut_is_not_sealed_by_what_is_written_after(g: Garth) {
    let atlas = busy(&g).await;
    let here = format!("space_id = '{}'", atlas.id);
    let cuts = [
        format!(
            "UPDATE audit_chains SET last_seq = 2, last_mac = (SELECT mac FROM audit WHERE {here} AND seq = 2) WHERE {here}; \
             DELETE FROM audit WHERE {here} AND seq > 2"
        ),
        format!(
            "UPDATE audit SET seq = 0, mac = '', actor = 'user:somebody' WHERE {here}; DELETE FROM audit_chains WHERE {here}"
        ),
    ];
    for cut in cuts {
        g.meddle(&cut).await;
        g.restart().await;
        assert!(!wrong(&g).await.is_empty(), "{cut}");
        g.admin().await.resource("task", "After").space(&atlas).create().await;
        assert!(!wrong(&g).await.is_empty(), "written after: {cut}");
    }
}

async fn retention_takes_nothing_that_was_changed(g: Garth) {
    let atlas = busy(&g).await;
    g.admin().await.patch("/api/v1/settings", json!({"audit_days": 30})).await.ok();
    g.meddle(&format!("UPDATE audit SET at = 0 WHERE space_id = '{}'", atlas.id)).await;
    let before = g.admin().await.all_pages(&atlas.url("/audit"), 100).await.len();
    g.app().forget_old_entries().await.expect("housekeeping");
    assert_eq!(g.admin().await.all_pages(&atlas.url("/audit"), 100).await.len(), before, "nothing went");
    assert!(!wrong(&g).await.is_empty());
}

async fn old_entries_go_when_the_settings_say_so(g: Garth) {
    let atlas = busy(&g).await;
    let ada = g.admin().await;
    g.pass(20 * DAY);
    let ada = ada.sign_in("ada").await;
    ada.resource("task", "Later").space(&atlas).create().await;
    assert_eq!(g.app().forget_old_entries().await.expect("housekeeping"), 0, "kept for ever unless it is said");
    ada.patch("/api/v1/settings", json!({"audit_days": 30})).await.ok();
    g.pass(11 * DAY);
    let ada = ada.sign_in("ada").await;
    assert!(g.app().forget_old_entries().await.expect("housekeeping") >= 5);
    let left = ada.all_pages(&atlas.url("/audit"), 100).await;
    assert_eq!(left.len(), 1, "{left:?}");
    assert_eq!(wrong(&g).await, Vec::<String>::new());
    g.pass(60 * DAY);
    g.app().forget_old_entries().await.expect("housekeeping");
    assert!(ada.sign_in("ada").await.all_pages(&atlas.url("/audit"), 100).await.is_empty());
    assert_eq!(wrong(&g).await, Vec::<String>::new());
    g.restart().await;
    ada.sign_in("ada").await.resource("task", "After").space(&atlas).create().await;
    assert_eq!(wrong(&g).await, Vec::<String>::new());
}

async fn the_days_of_the_audit_have_limits(g: Garth) {
    let ada = g.admin().await;
    g.unchanged(async || {
        for wrong in [json!(29), json!(36_501), json!(-1), json!(1.5), json!("30")] {
            ada.patch("/api/v1/settings", json!({ "audit_days": wrong })).await.invalid("/audit_days");
        }
    })
    .await;
    for right in [json!(30), json!(36_500), Value::Null] {
        let settings = ada.patch("/api/v1/settings", json!({ "audit_days": right })).await.ok();
        assert_eq!(settings["audit_days"], right);
    }
}

async fn what_is_rolled_back_leaves_no_gap(g: Garth) {
    let atlas = busy(&g).await;
    let ada = g.admin().await;
    for _ in 0..3 {
        ada.post("/api/v1/resources?dry_run=true", json!({"kind": "task", "name": "x", "space": atlas.id}))
            .await
            .created();
        ada.post("/api/v1/resources", json!({"kind": "task", "name": "x", "space": atlas.id, "owner": "user:@nobody"}))
            .await
            .problem(422);
        ada.resource("task", "kept").space(&atlas).create().await;
    }
    assert_eq!(wrong(&g).await, Vec::<String>::new());
}
