//! Roles to choose from, each with a line of what it lets people do.

use crate::access::Ctx;
use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::base::text::PAGE_MAX;
use crate::roles;

/// Permissions that a line names.
const NAMED: usize = 4;

/// A role to choose.
pub struct RoleChoice {
    pub name: String,
    pub about: String,
}

impl RoleChoice {
    /// Is it that one?
    pub fn is_role(&self, other: impl AsRef<str>) -> bool {
        self.name == other.as_ref()
    }
}

/// The roles there are: first the built-in ones, the weakest first.
pub fn choices(ctx: &Ctx) -> Result<Vec<RoleChoice>> {
    let found = roles::list(ctx, &PageRequest::first(PAGE_MAX))?.items;
    let about = |role: &roles::Shown| match role.info.name.as_str() {
        "reader" if role.built_in => "sees what is here".to_owned(),
        "writer" if role.built_in => "sees it, makes and changes things".to_owned(),
        "admin" if role.built_in => "does everything here, and manages people and keys".to_owned(),
        _ => {
            let some: Vec<&str> = role.permissions.iter().take(NAMED).map(String::as_str).collect();
            let more = if role.permissions.len() > NAMED { " and more" } else { "" };
            format!("{}{more}", some.join(", "))
        }
    };
    let rank = |role: &RoleChoice| match role.name.as_str() {
        "reader" => 0,
        "writer" => 1,
        "admin" => 2,
        _ => 3,
    };
    let mut all: Vec<RoleChoice> =
        found.iter().map(|role| RoleChoice { name: role.info.name.clone(), about: about(role) }).collect();
    all.sort_by_key(rank);
    Ok(all)
}
