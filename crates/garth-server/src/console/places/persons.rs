//! People and groups to pick from: those that the reader may know of, and how a typed name is read.

use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::console::seat::Seat;
use crate::{groups, users};

/// So many of each are offered without asking; of more, the script asks for those that fit what is typed.
const OFFERED: usize = 50;

/// Somebody to pick.
pub struct Pick {
    /// What is sent.
    pub value: String,
    /// What is read beside it.
    pub label: String,
}

fn first() -> PageRequest {
    PageRequest::first(OFFERED)
}

/// People to pick from.
pub async fn people(seat: &Seat) -> Result<Vec<Pick>> {
    let found = users::list(&seat.ctx, &first(), &users::Filter::default()).await?.items;
    Ok(found.into_iter().map(|one| Pick { value: one.info.username.clone(), label: one.info.name.clone() }).collect())
}

/// People, groups and everyone.
pub async fn anybody(seat: &Seat) -> Result<Vec<Pick>> {
    let mut picks = vec![Pick { value: "everyone".to_owned(), label: "everybody who is signed in".to_owned() }];
    let groups = groups::list(&seat.ctx, &first())?.items;
    let group = |name: &str| Pick { value: format!("group:{name}"), label: format!("the group {name}") };
    picks.extend(groups.iter().map(|one| group(&one.name)));
    picks.extend(people(seat).await?);
    Ok(picks)
}

/// A typed name as operations take it: a person unless it says otherwise.
pub fn principal(typed: &str) -> String {
    let typed = typed.trim();
    if typed.eq_ignore_ascii_case("everyone") {
        return "group:everyone".to_owned();
    }
    match typed.split_once(':') {
        Some(("group", name)) if uuid::Uuid::try_parse(name).is_err() && name != "everyone" => {
            format!("group:@{}", name.trim_start_matches('@'))
        }
        Some(("user" | "group" | "key" | "resource", _)) => typed.to_owned(),
        _ => format!("user:{}", user(typed)),
    }
}

/// A typed person: by username, or by id.
pub fn user(typed: &str) -> String {
    let typed = typed.trim();
    let bare = typed.strip_prefix("user:").unwrap_or(typed);
    match uuid::Uuid::try_parse(bare) {
        Ok(_) => bare.to_owned(),
        Err(_) => format!("@{}", bare.trim_start_matches('@')),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_typed_name_is_a_person_unless_it_says_otherwise() {
        let id = "0197a0c0-0000-7000-8000-00000000abcd";
        for (typed, read) in [
            ("bo", "user:@bo"),
            (" @bo ", "user:@bo"),
            ("bo@example.org", "user:@bo@example.org"),
            ("Everyone", "group:everyone"),
            ("@everyone", "user:@everyone"),
            ("group:crew", "group:@crew"),
            ("group:@crew", "group:@crew"),
            ("", "user:@"),
        ] {
            assert_eq!(principal(typed), read, "{typed}");
        }
        for kind in ["user", "group", "key"] {
            assert_eq!(principal(&format!("{kind}:{id}")), format!("{kind}:{id}"));
        }
        assert_eq!((user(id), user("user:@bo")), (id.to_owned(), "@bo".to_owned()));
    }
}
