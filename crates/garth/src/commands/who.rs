//! `garth who`: the people who may, the resources on whose behalf somebody may, and where each of them has it from.

use crate::options::WhoQuestion;
use crate::output::{self, Failure};
use crate::store;
use garth_server::access::{Allowed, AllowedActor, Ctx, RoleSource};
use garth_server::questions::{self, Answer, Named};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Lists them.
pub async fn run(typed: WhoQuestion) -> Result<ExitCode, Failure> {
    let ctx = Ctx::system(store::look(&typed.place).await?);
    let answer = questions::who(&ctx, &typed.action, &typed.target).await?;
    if typed.json {
        output::print_json(&as_json(&typed.action, &answer));
    } else {
        output::print(&as_text(&typed.action, &answer));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(action: &str, Answer { named, people, resources }: &Answer) -> Value {
    let source = |s: &RoleSource| json!({ "role": s.role, "from": s.from, "space": s.space.to_string(), "path": s.path, "group": s.group });
    let person = |p: &Allowed| {
        let sources: Vec<Value> = p.sources.iter().map(source).collect();
        json!({
            "id": p.user.id.to_string(), "username": p.user.username, "name": p.user.name,
            "because": p.because, "sources": sources,
        })
    };
    let resource = |(named, one): &(Named, AllowedActor)| {
        let sources: Vec<Value> = one.sources.iter().map(source).collect();
        json!({
            "id": named.id, "type": named.kind, "code": named.code, "name": named.name,
            "because": one.because, "sources": sources,
        })
    };
    json!({
        "action": action,
        "target": { "type": named.kind, "id": named.id, "code": named.code, "name": named.name },
        "people": people.iter().map(person).collect::<Vec<_>>(),
        "resources": resources.iter().map(resource).collect::<Vec<_>>(),
    })
}

fn as_text(action: &str, Answer { named, people, resources }: &Answer) -> String {
    let about = output::about(named);
    if people.is_empty() && resources.is_empty() {
        return format!("Nobody may {action} {about}.\n");
    }
    let mut rows = Vec::new();
    for Allowed { user, because, sources } in people {
        lines(&mut rows, &format!("@{}", user.username), &user.name, because, sources);
    }
    for (named, AllowedActor { because, sources, .. }) in resources {
        lines(&mut rows, named.code.as_deref().unwrap_or(&named.id), &named.name, because, sources);
    }
    format!("Who may {action} {about}:\n\n{}", output::table(&rows))
}

fn lines(rows: &mut Vec<Vec<String>>, who: &str, name: &str, because: &str, sources: &[RoleSource]) {
    let mut sources = sources.iter().map(words);
    let first = sources.next().unwrap_or_default();
    rows.push(vec![format!("  {who}"), name.to_owned(), because.to_owned(), first]);
    // A second reason stands below the first.
    rows.extend(sources.map(|more| vec![String::new(), String::new(), String::new(), more]));
}

/// Where a role comes from.
fn words(source: &RoleSource) -> String {
    let via = source.group.as_ref().map(|group| format!(" through {group}")).unwrap_or_default();
    let RoleSource { role, path, .. } = source;
    match source.from {
        "here" => format!("{role} here{via}"),
        "above" => format!("{role} from {path}{via}"),
        _ => format!("{role} by way of {path}, which inherits"),
    }
}
