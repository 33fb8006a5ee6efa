//! Questions as people type them: may @maya read space:Atlas/Security, why, and who may?
//!
//! For the command line on the server, who sees all; over HTTP the same decisions are asked by id ([`decisions`]).

use crate::access::{self, ACTOR, About, Allowed, AllowedActor, Ctx, Explanation, Step};
use crate::base::error::{Error, Result};
use crate::base::http::PageRequest;
use crate::base::ids;
use crate::base::text::PAGE_MAX;
use crate::directory::Directory;
use crate::{decisions, resources, spaces};
use garth_core::{Action, Caller, Principal};
use uuid::Uuid;

/// A question as it is typed.
#[derive(Clone, Debug)]
pub struct Question {
    /// `@username`, `user:…`, `group:…`, `resource:…` or `anonymous`.
    pub subject: String,
    /// `read`, `write` or a permission.
    pub action: String,
    /// `space:<id or path>`, `<kind>:<code or id>` or a code.
    pub target: String,
}

/// What a question is about.
#[derive(Clone, Debug)]
pub struct Named {
    /// `space`, or the kind's name.
    pub kind: String,
    /// Its id.
    pub id: String,
    /// The code of a resource.
    pub code: Option<String>,
    /// A space's path, a resource's name.
    pub name: String,
    /// What decisions ask about it.
    pub about: About,
}

/// Who asks, as far as decisions care; a disabled user is nobody, and so is a resource that holds no role.
enum Subject {
    Caller(Box<Caller>),
    Disabled,
    Idle,
}

/// Who may do something.
pub struct Answer {
    /// What it is about.
    pub named: Named,
    /// The people who may.
    pub people: Vec<Allowed>,
    /// The resources on whose behalf somebody may.
    pub resources: Vec<(Named, AllowedActor)>,
}

/// May they?
///
/// # Errors
/// For all but the command line, and when nobody or nothing is called so.
pub async fn check(ctx: &Ctx, question: &Question) -> Result<bool> {
    let named = find(ctx, &question.target).await?;
    let subject = subject(ctx, &question.subject).await?;
    let dir = ctx.directory();
    let action = action(&dir, &named, &question.action)?;
    Ok(match subject {
        Subject::Disabled | Subject::Idle => false,
        Subject::Caller(caller) => {
            dir.world.decide(&caller, named.about.target(&dir, &caller, ctx.now()), action, ctx.now()).allowed()
        }
    })
}

/// Why may they, or not?
///
/// # Errors
/// As [`check`].
pub async fn why(ctx: &Ctx, question: &Question) -> Result<(Named, Explanation)> {
    let named = find(ctx, &question.target).await?;
    let subject = subject(ctx, &question.subject).await?;
    let dir = ctx.directory();
    let reader = ctx.caller(&dir)?;
    let action = action(&dir, &named, &question.action)?;
    let explanation = match subject {
        Subject::Disabled => not_asked("the account is disabled: it is refused before anything is asked"),
        Subject::Idle => not_asked("the resource holds no role anywhere: nothing can act on its behalf"),
        Subject::Caller(caller) => {
            let target = named.about.target(&dir, &caller, ctx.now());
            access::explain(&dir, (&reader, false), &caller, Some(target), action, ctx.now())
        }
    };
    Ok((named, explanation))
}

/// Who may?
///
/// # Errors
/// As [`check`].
pub async fn who(ctx: &Ctx, wanted: &str, target: &str) -> Result<Answer> {
    let named = find(ctx, target).await?;
    let action = action(&ctx.directory(), &named, wanted)?;
    let people = access::who(ctx, &named.about, action)?;
    let mut resources = Vec::new();
    for one in access::who_acts(ctx, &named.about, action)? {
        resources.push((find_resource(ctx, None, &one.id.to_string()).await?, one));
    }
    Ok(Answer { named, people, resources })
}

/// What a text names.
///
/// # Errors
/// For all but the command line; when nothing is called so, or several are.
pub async fn find(ctx: &Ctx, text: &str) -> Result<Named> {
    let dir = ctx.directory();
    if !ctx.somebody(&dir)?.system {
        return Err(Error::Forbidden("this is asked on the server".to_owned()));
    }
    match text.split_once(':') {
        Some(("space", place)) => find_space(ctx, &dir, place),
        Some((kind, name)) => {
            let known = dir.kind_ref(kind).and_then(|ix| dir.kinds.info(ix));
            let kind = known.ok_or_else(|| unknown(format!("there is no kind of resource called {kind}")))?;
            find_resource(ctx, Some(&kind.definition.name), name).await
        }
        None => find_resource(ctx, None, text).await,
    }
}

fn unknown(sentence: String) -> Error {
    Error::Malformed(sentence)
}

fn find_space(ctx: &Ctx, dir: &Directory, place: &str) -> Result<Named> {
    let id = match Uuid::try_parse(place) {
        Ok(id) => id,
        Err(_) => {
            let filter = spaces::Filter { path: Some(place.to_owned()), archived: true, ..spaces::Filter::default() };
            let page = spaces::list(ctx, &filter, &PageRequest::first(PAGE_MAX))?;
            let ids: Vec<Uuid> = page.items.iter().map(|space| space.info.id).collect();
            match ids[..] {
                [] => return Err(unknown(format!("there is no space at the path {place}"))),
                [id] => id,
                _ => {
                    let ids: Vec<String> = ids.iter().map(Uuid::to_string).collect();
                    let ids = ids.join(", ");
                    return Err(unknown(format!("several spaces lie at the path {place}; name one by its id: {ids}")));
                }
            }
        }
    };
    let missing = || unknown(format!("there is no space with the id {id}"));
    let space = dir.spaces.by_id(&id).ok_or_else(missing)?;
    let view = spaces::get(ctx, &id.to_string()).map_err(|e| if e.code() == "not_found" { missing() } else { e })?;
    let name = if view.path.is_empty() { "the default space".to_owned() } else { view.path };
    Ok(Named { kind: "space".to_owned(), id: id.to_string(), code: None, name, about: About::Space(space) })
}

async fn find_resource(ctx: &Ctx, kind: Option<&str>, name: &str) -> Result<Named> {
    if Uuid::try_parse(name).is_err() && ids::read_code(name).is_none() {
        return Err(unknown(format!(
            "{name} is no code and no id: write a code such as T-7KQ2-M9XD, task:<code or id>, or space:<path or id>"
        )));
    }
    let view = resources::get(ctx, name).await.map_err(|e| match e {
        Error::NotFound => unknown(format!("there is no resource {name}")),
        other => other,
    })?;
    if let Some(kind) = kind
        && view.kind != kind
    {
        return Err(unknown(format!("{name} is of the kind {}, not {kind}", view.kind)));
    }
    Ok(Named {
        kind: view.kind.clone(),
        id: view.row.id.clone(),
        code: Some(view.row.code.clone()),
        name: view.row.name.clone(),
        about: view.about(),
    })
}

async fn subject(ctx: &Ctx, text: &str) -> Result<Subject> {
    if let Some(name) = text.strip_prefix(ACTOR) {
        let id = find_resource(ctx, None, name).await?.id;
        let dir = ctx.directory();
        let caller = dir.principal(&format!("{ACTOR}{id}")).and_then(|p| access::caller_of(&dir, p, ctx.now()));
        return Ok(caller.map_or(Subject::Idle, |caller| Subject::Caller(Box::new(caller))));
    }
    let dir = ctx.directory();
    if text == "anonymous" {
        return Ok(Subject::Caller(Box::new(Caller::anonymous())));
    }
    let written = if text.starts_with('@') { format!("user:{text}") } else { text.to_owned() };
    let caller = match dir.principal(&written) {
        Some(Principal::User(user)) if dir.users.info(user).is_some_and(|u| !u.deleted) => {
            Caller::user(&dir.world, user)
        }
        Some(Principal::Group(group)) => Caller::group(&dir.world, group),
        Some(Principal::Everyone) => Some(Caller::everyone()),
        _ => {
            let how = "write @username, user:<id>, group:@name, group:everyone, resource:<code or id> or anonymous";
            return Err(unknown(format!("there is nobody called {text}: {how}")));
        }
    };
    Ok(caller.map_or(Subject::Disabled, |caller| Subject::Caller(Box::new(caller))))
}

fn action(dir: &Directory, about: &Named, text: &str) -> Result<Action> {
    decisions::action(dir, &about.kind, text).ok_or_else(|| {
        let known = match about.kind.as_str() {
            "space" => format!("read, write, {}", dir.permissions().join(", ")),
            kind => dir.verbs(kind).join(", "),
        };
        unknown(format!("{text} is nothing that can be done to a {}: there are {known}", about.kind))
    })
}

/// The explanation of who is nobody.
fn not_asked(why: &str) -> Explanation {
    let step = |step, outcome, because: &str| Step { step, outcome, because: because.to_owned() };
    Explanation {
        decision: false,
        steps: vec![
            step("gate", "not_asked", why),
            step("roles", "not_asked", ""),
            step("view", "not_asked", ""),
            step("action", "not_asked", ""),
        ],
    }
}
