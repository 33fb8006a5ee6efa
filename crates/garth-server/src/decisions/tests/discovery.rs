//! Stories about discovery: what a decision point says of itself comes from its configuration.

use crate::support::*;
use axum::http::Method;
use garth_server::Config;

stories! {
    authzen_discovery_tells_every_endpoint_that_answers,
    authzen_discovery_comes_from_the_configuration_alone,
    authzen_discovery_of_a_path_lies_between_host_and_path,
    authzen_discovery_of_an_unknown_tenant_is_any_unknown_path,
    authzen_discovery_wants_https,
    authzen_discovery_lists_capabilities_where_there_are_some,
}

const WELL_KNOWN: &str = "/.well-known/authzen-configuration";

async fn authzen_discovery_tells_every_endpoint_that_answers(g: Garth) {
    let ada = g.admin().await;
    let answer = g.anonymous().get(WELL_KNOWN).await.ok();
    assert_eq!(answer.header("content-type"), "application/json");
    let at = |path: &str| format!("{PUBLIC_URL}/access/v1/{path}");
    let expected = json!({
        "policy_decision_point": PUBLIC_URL,
        "access_evaluation_endpoint": at("evaluation"),
        "access_evaluations_endpoint": at("evaluations"),
        "search_subject_endpoint": at("search/subject"),
        "search_resource_endpoint": at("search/resource"),
        "search_action_endpoint": at("search/action"),
    });
    assert_eq!(answer.json, expected, "nothing that is empty");
    for (name, url) in expected.as_object().expect("an object").iter().filter(|(name, _)| name.ends_with("endpoint")) {
        let path = url.as_str().and_then(|url| url.strip_prefix(PUBLIC_URL)).expect("ours");
        ada.post(path, json!({})).await.refused(400, "malformed");
        g.anonymous().post(path, json!({})).await.not_signed_in();
        assert!(path.starts_with("/access/v1/"), "{name}");
    }
}

async fn authzen_discovery_comes_from_the_configuration_alone(g: Garth) {
    let plain = g.anonymous().get(WELL_KNOWN).await.ok();
    let by = g.anonymous();
    for (header, value) in
        [("host", "evil.example"), ("x-forwarded-host", "evil.example"), ("forwarded", "host=evil.example;proto=http")]
    {
        assert_same(&plain, &by.get(WELL_KNOWN).header(header, value).await);
    }
    assert_same(&plain, &g.admin().await.get(WELL_KNOWN).await);
    let answer = by.call(Method::POST, WELL_KNOWN).json(json!({})).await.problem(405);
    assert!(answer.header("allow").contains("GET"), "{answer}");
}

/// What a server under that address answers to a path.
async fn served_as(g: &Garth, url: &str, path: &str) -> Answer {
    let set = |config: &mut Config| config.public_url = url.to_owned();
    g.restart_with(set).await;
    g.anonymous().get(path).await
}

async fn authzen_discovery_of_a_path_lies_between_host_and_path(g: Garth) {
    let answer = served_as(&g, "https://garth.example/tenant1", &format!("{WELL_KNOWN}/tenant1")).await.ok();
    assert_eq!(answer["policy_decision_point"], "https://garth.example/tenant1");
    assert_eq!(answer["access_evaluation_endpoint"], "https://garth.example/tenant1/access/v1/evaluation");
    let missing = g.anonymous().get("/no/such/path").await.problem(404);
    assert_same(&missing, &g.anonymous().get(&format!("{WELL_KNOWN}/tenant2")).await);
}

async fn authzen_discovery_of_an_unknown_tenant_is_any_unknown_path(g: Garth) {
    for method in [Method::GET, Method::POST, Method::PUT] {
        let missing = g.anonymous().call(method.clone(), "/no/such/path").await.problem(404);
        for tenant in ["/", "/tenant1", "/%74enant1", "/a/b", "/.."] {
            assert_same(&missing, &g.anonymous().call(method.clone(), &format!("{WELL_KNOWN}{tenant}")).await);
        }
    }
}

async fn authzen_discovery_wants_https(g: Garth) {
    served_as(&g, "http://garth.example", WELL_KNOWN).await.problem(404);
    let here = served_as(&g, "http://127.0.0.1:7400", WELL_KNOWN).await.ok();
    assert_eq!(here["policy_decision_point"], "http://127.0.0.1:7400");
}

async fn authzen_discovery_lists_capabilities_where_there_are_some(g: Garth) {
    let some = ["urn:ietf:params:authzen:capability:x", "urn:openid:authzen:capability:y"];
    g.restart_with(|config| config.capabilities = some.map(str::to_owned).to_vec()).await;
    assert_eq!(g.anonymous().get(WELL_KNOWN).await.ok()["capabilities"], json!(some));
}
