//! `garth who`: the people who may, and where each of them has it from.

use crate::options::WhoQuestion;
use crate::output::{self, Failure};
use crate::store;
use garth_server::access::{Allowed, Ctx, RoleSource};
use garth_server::questions::{self, Named};
use serde_json::{Value, json};
use std::process::ExitCode;

/// Lists them.
pub async fn run(typed: WhoQuestion) -> Result<ExitCode, Failure> {
    let ctx = Ctx::system(store::look(&typed.place).await?);
    let (named, people) = questions::who(&ctx, &typed.action, &typed.target).await?;
    if typed.json {
        output::print_json(&as_json(&typed.action, &named, &people));
    } else {
        output::print(&as_text(&typed.action, &named, &people));
    }
    Ok(ExitCode::SUCCESS)
}

fn as_json(action: &str, named: &Named, people: &[Allowed]) -> Value {
    let source = |s: &RoleSource| json!({ "role": s.role, "from": s.from, "space": s.space.to_string(), "path": s.path, "group": s.group });
    let person = |p: &Allowed| {
        let sources: Vec<Value> = p.sources.iter().map(source).collect();
        json!({
            "id": p.user.id.to_string(), "username": p.user.username, "name": p.user.name,
            "because": p.because, "sources": sources,
        })
    };
    json!({
        "action": action,
        "target": { "type": named.kind, "id": named.id, "code": named.code, "name": named.name },
        "people": people.iter().map(person).collect::<Vec<_>>(),
    })
}

fn as_text(action: &str, named: &Named, people: &[Allowed]) -> String {
    let about = output::about(named);
    if people.is_empty() {
        return format!("Nobody may {action} {about}.\n");
    }
    let mut rows = Vec::new();
    for person in people {
        let mut sources = person.sources.iter().map(words);
        let first = sources.next().unwrap_or_default();
        rows.push(vec![
            format!("  @{}", person.user.username),
            person.user.name.clone(),
            person.because.clone(),
            first,
        ]);
        // A second reason stands below the first.
        rows.extend(sources.map(|more| vec![String::new(), String::new(), String::new(), more]));
    }
    format!("Who may {action} {about}:\n\n{}", output::table(&rows))
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
