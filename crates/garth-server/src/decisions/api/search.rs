//! AuthZEN's searches over HTTP, page by page.
//!
//! A token goes on where a page ended. It is sealed for one caller and one search, and remembers the limit: a request
//! that goes on may leave the limit out, and may not change it, nor anything else.

use super::timed;
use crate::access::{self, App, Ctx};
use crate::base::error::{Error, Problem, Result};
use crate::base::http::Json;
use crate::base::metrics::Decided;
use crate::decisions::search::{self, Found, Part};
use crate::decisions::wire::{
    Asked, AuthzenActionSearch, AuthzenActions, AuthzenEntities, AuthzenEntity, AuthzenName, AuthzenPage,
    AuthzenResourceSearch, AuthzenSubjectSearch, Parts, malformed,
};
use serde_json::{Map, Value, json};
use std::sync::Arc;
use utoipa_axum::{router::OpenApiRouter, routes};

/// Most results of one page; more are not given, whatever was asked for.
const PAGE_MAX: usize = 1_000;
/// Results of a page when nothing is said.
const PAGE_DEFAULT: usize = 100;

/// The routes of searches.
pub fn routes() -> OpenApiRouter<Arc<App>> {
    OpenApiRouter::new().routes(routes!(search_subject)).routes(routes!(search_resource)).routes(routes!(search_action))
}

/// Who may do that to this? (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/search/subject", tag = "decisions", request_body = AuthzenSubjectSearch,
    responses((status = 200, description = "The subjects of that type who may", body = AuthzenEntities), (status = "default", description = "A problem", body = Problem)))]
async fn search_subject(ctx: Ctx, Asked(body): Asked) -> Result<Json<AuthzenEntities>> {
    let parts = Parts::of(&body);
    parts.object("context")?;
    let kind = parts.text("subject", "type")?;
    let (action, resource) = (parts.text("action", "name")?, parts.entity("resource")?);
    let wanted = Wanted::read(&ctx, &body, "subject", &["id"])?;
    let found = timed(
        &ctx,
        "search_subject",
        search::subjects(&ctx, kind, action, &resource, &parts.given()?, &wanted.part),
        |_| Decided::Many,
    )
    .await?;
    let (page, found) = wanted.page(&ctx, found)?;
    Ok(Json(AuthzenEntities { page, results: entities(kind, found) }))
}

/// What may they do that to? (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/search/resource", tag = "decisions", request_body = AuthzenResourceSearch,
    responses((status = 200, description = "The resources of that type", body = AuthzenEntities), (status = "default", description = "A problem", body = Problem)))]
async fn search_resource(ctx: Ctx, Asked(body): Asked) -> Result<Json<AuthzenEntities>> {
    let parts = Parts::of(&body);
    parts.object("context")?;
    let (subject, action) = (parts.entity("subject")?, parts.text("action", "name")?);
    let kind = parts.text("resource", "type")?;
    let wanted = Wanted::read(&ctx, &body, "resource", &["id"])?;
    let found = timed(
        &ctx,
        "search_resource",
        search::resources(&ctx, &subject, action, kind, &parts.given()?, &wanted.part),
        |_| Decided::Many,
    )
    .await?;
    let (page, found) = wanted.page(&ctx, found)?;
    Ok(Json(AuthzenEntities { page, results: entities(kind, found) }))
}

/// What may they do to it? (AuthZEN 1.0)
#[utoipa::path(post, path = "/access/v1/search/action", tag = "decisions", request_body = AuthzenActionSearch,
    responses((status = 200, description = "The names of the actions", body = AuthzenActions), (status = "default", description = "A problem", body = Problem)))]
async fn search_action(ctx: Ctx, Asked(body): Asked) -> Result<Json<AuthzenActions>> {
    let parts = Parts::of(&body);
    parts.object("context")?;
    let (subject, resource) = (parts.entity("subject")?, parts.entity("resource")?);
    let wanted = Wanted::read(&ctx, &body, "action", &["name", "properties"])?;
    let found =
        timed(&ctx, "search_action", search::actions(&ctx, &subject, &resource, &parts.given()?, &wanted.part), |_| {
            Decided::Many
        })
        .await?;
    let (page, found) = wanted.page(&ctx, found)?;
    Ok(Json(AuthzenActions { page, results: found.into_iter().map(|name| AuthzenName { name }).collect() }))
}

fn entities(kind: &str, ids: Vec<String>) -> Vec<AuthzenEntity> {
    ids.into_iter().map(|id| AuthzenEntity { r#type: kind.to_owned(), id }).collect()
}

/// Which page of which search is wanted.
struct Wanted {
    /// The search without its page, the same text for the same search.
    query: String,
    part: Part,
    /// The limit as it was asked for, or as it is when nothing is said.
    limit: usize,
    /// Did the request speak of pages?
    paged: bool,
}

impl Wanted {
    /// Reads the page of a search. What is searched for may be given without meaning anything: `ignored` of it is.
    ///
    /// # Errors
    /// 400 for a page that is not well-formed, and a token that is not one of this search and this caller.
    fn read(ctx: &Ctx, body: &Map<String, Value>, searched: &str, ignored: &[&str]) -> Result<Self> {
        let query = query(body, searched, ignored);
        let page = match body.get("page") {
            None => None,
            Some(page) => Some(page.as_object().ok_or_else(|| malformed("page must be an object"))?),
        };
        let get = |name: &str| page.and_then(|page| page.get(name));
        let given = match get("limit") {
            None => None,
            Some(limit) => Some(whole_number(limit).ok_or_else(|| malformed("page.limit must be a number from 0 on"))?),
        };
        if get("properties").is_some_and(|properties| !properties.is_object()) {
            return Err(malformed("page.properties must be an object"));
        }
        let token = match get("token") {
            None => None,
            Some(Value::String(token)) => Some(token),
            Some(_) => return Err(malformed("page.token must be a string")),
        };
        let (after, limit) = match token {
            None => (None, given.unwrap_or(PAGE_DEFAULT)),
            Some(token) => {
                let (after, limit) = read_token(ctx, &query, token)?;
                if given.is_some_and(|given| given != limit) {
                    return Err(malformed("page.limit is another than where the search began"));
                }
                (after, limit)
            }
        };
        // One more than nothing tells whether there is anything at all.
        let part = Part { after, limit: limit.clamp(1, PAGE_MAX) };
        Ok(Self { query, part, limit, paged: page.is_some() })
    }

    /// The page of the answer, where it has one, and its results.
    fn page(self, ctx: &Ctx, mut found: Found) -> Result<(Option<AuthzenPage>, Vec<String>)> {
        if self.limit == 0 && !found.items.is_empty() {
            found.items.clear();
            let next_token = token(ctx, &self.query, self.part.after.as_ref(), self.limit)?;
            return Ok((Some(AuthzenPage { next_token, count: 0 }), found.items));
        }
        let next_token = match &found.next {
            Some(next) => token(ctx, &self.query, Some(next), self.limit)?,
            None => String::new(),
        };
        let page = (self.paged || found.next.is_some()).then_some(AuthzenPage { next_token, count: found.items.len() });
        Ok((page, found.items))
    }
}

/// A number from 0 on; one that is larger than anything is as good as the largest.
fn whole_number(value: &Value) -> Option<usize> {
    match (value.as_u64(), value.as_f64()) {
        (Some(number), _) => Some(usize::try_from(number).unwrap_or(usize::MAX)),
        (None, Some(number)) if number >= 0.0 && number.fract() == 0.0 => Some(number as usize),
        _ => None,
    }
}

/// The search without its page. Only what could matter is in it: the same text means the same search.
fn query(body: &Map<String, Value>, searched: &str, ignored: &[&str]) -> String {
    let mut parts = vec![json!(searched)];
    for name in ["subject", "action", "resource"] {
        let mut fields = vec!["type", "id", "name", "properties"];
        fields.retain(|field| name != searched || !ignored.contains(field));
        parts.extend(fields.into_iter().map(|field| body.get(name).map_or(Value::Null, |part| part[field].clone())));
    }
    parts.push(body.get("context").cloned().unwrap_or_default());
    Value::Array(parts).to_string()
}

fn token(ctx: &Ctx, query: &str, after: Option<&(String, String)>, limit: usize) -> Result<String> {
    let dir = ctx.directory();
    access::cursor(&dir, &ctx.caller(&dir)?, query, &json!(after).to_string(), &limit.to_string())
}

type Place = (Option<(String, String)>, usize);

fn read_token(ctx: &Ctx, query: &str, token: &str) -> Result<Place> {
    let dir = ctx.directory();
    let wrong = || malformed("page.token is not a token of this search");
    let place = access::read_cursor(&dir, &ctx.caller(&dir)?, query, token);
    let (after, limit) = place.map_err(|e| if matches!(e, Error::Invalid(_)) { wrong() } else { e })?;
    Ok((serde_json::from_str(&after).map_err(|_| wrong())?, limit.parse().map_err(|_| wrong())?))
}
