//! The tree of spaces: a picture of what somebody sees of the forest, that is a nested list as well.

use crate::base::error::{Error, Result};
use crate::base::http::Query;
use crate::base::ids::read_id;
use crate::console::fields::begun;
use crate::console::look::{Chip, Face, address, named, number};
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::spaces::{self, Branch, Forest, Glade, NAMED};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::HashSet;
use uuid::Uuid;

/// Height of a card with the room around it, and the width between a card and those below it, in pixels; as the
/// stylesheet has them.
const ROW: usize = 72;
const GAP: usize = 40;

#[derive(Template)]
#[template(path = "tree.html")]
struct Page {
    frame: Shell,
    q: String,
    /// The root that is looked at, with what lies above it.
    root: Option<Crumb>,
    above: Vec<Crumb>,
    branches: Vec<Drawn>,
    /// The next ones beside these.
    more: Option<(String, String)>,
    first: Option<String>,
    told: String,
    new: Option<String>,
    wrong: Wrong,
}

/// A space on the way to the root that is looked at.
struct Crumb {
    name: String,
    href: String,
}

/// A space in the picture, with what is below it.
#[derive(Template)]
#[template(path = "branch.html")]
struct Drawn {
    id: Uuid,
    name: String,
    parent: Option<String>,
    face: Face,
    chip: Option<Chip>,
    administers: bool,
    inherits: bool,
    archived: bool,
    usual: bool,
    found: bool,
    /// The link to what is above it: how high it is, and its line.
    link: Option<(usize, String)>,
    /// What opens or shuts it, and how many are below.
    fold: Option<Fold>,
    branches: Vec<Drawn>,
    /// Of those below it, how many are not shown, and where they are.
    rest: Option<(usize, String)>,
    rest_line: Option<String>,
    height: usize,
}

/// What opens or shuts a branch.
struct Fold {
    href: String,
    open: bool,
    below: usize,
}

/// What the page was asked for.
struct Asked {
    glade: Glade,
}

impl Asked {
    /// The address of the same picture with a branch opened or shut.
    fn toggled(&self, id: &Uuid, open: bool) -> String {
        let id = id.to_string();
        let without = |list: &[String]| list.iter().filter(|one| **one != id).cloned().collect::<Vec<_>>();
        let (mut opened, mut shut) = (without(&self.glade.open), without(&self.glade.shut));
        if open {
            opened.push(id.clone())
        } else {
            shut.push(id.clone())
        };
        let mut pairs = vec![
            ("root", self.glade.root.as_deref().unwrap_or_default()),
            ("after", self.glade.after.as_deref().unwrap_or_default()),
        ];
        pairs.extend(opened.iter().map(|one| ("open", one.as_str())));
        pairs.extend(shut.iter().map(|one| ("shut", one.as_str())));
        format!("{}#space:{id}", address("/tree", &pairs))
    }
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let mut query = Query::new(&seat.uri)?;
    // What is no id opens nothing, and would stand in every link.
    let id = |id: &String| read_id(id).is_some();
    let few = |mut all: Vec<String>| {
        let mut met = HashSet::new();
        all.retain(|one| id(one) && met.insert(one.clone()));
        // Those that were opened last stay.
        all.split_off(all.len().saturating_sub(NAMED))
    };
    let glade = Glade {
        root: query.one("root").filter(|id| !id.is_empty()),
        after: query.one("after").filter(id),
        open: few(query.many("open")),
        shut: few(query.many("shut")),
        q: query.one("q").filter(|q| !q.trim().is_empty()),
    };
    query.done()?;
    let sought = Glade { q: glade.q.as_deref().map(begun), ..glade.clone() };
    let (forest, wrong) = match spaces::forest(&seat.ctx, &sought) {
        Ok(forest) => (Some(forest), Wrong::default()),
        Err(error @ Error::Invalid(_)) => (None, seat.refused(error, &["?q"])?),
        Err(error) => return Err(error),
    };
    let frame = Shell::outside(seat, "/tree")?;
    let makes = spaces::may_make(&seat.ctx)?;
    let root = glade.root.clone();
    let asked = Asked { glade };
    let status = if forest.is_some() { StatusCode::OK } else { wrong.status };
    let page = page(frame, asked, forest, wrong);
    // Below the root that is looked at, where that may be.
    let new = makes.then(|| address("/spaces/new", &[("parent", root.as_deref().unwrap_or_default())]));
    Ok(seat.page_as(status, &Page { new, ..page }))
}

fn page(frame: Shell, asked: Asked, forest: Option<Forest>, wrong: Wrong) -> Page {
    let q = asked.glade.q.clone().unwrap_or_default();
    let Some(forest) = forest else {
        let told = String::new();
        let (root, above, branches) = (None, Vec::new(), Vec::new());
        return Page { frame, q, root, above, branches, more: None, first: None, told, new: None, wrong };
    };
    let crumb =
        |id: &Uuid, name: &str| Crumb { name: named(name), href: address("/tree", &[("root", &id.to_string())]) };
    let root = forest.top.first().filter(|_| asked.glade.root.is_some() && q.is_empty());
    let root = root.map(|root| crumb(&root.info.id, &root.info.name));
    let above = forest.above.iter().map(|info| crumb(&info.id, &info.name)).collect();
    let told = match (q.is_empty(), forest.found) {
        (true, _) if forest.seen == 1 => "You see one space.".to_owned(),
        (true, _) => format!("You see {} spaces.", number(i64::try_from(forest.seen).unwrap_or(i64::MAX))),
        (false, 0) => String::new(),
        (false, 1) => "One space found.".to_owned(),
        (false, found) => format!("{} spaces found.", number(i64::try_from(found).unwrap_or(i64::MAX))),
    };
    let last = forest.last.map(|id| id.to_string()).unwrap_or_default();
    let named_root = asked.glade.root.clone().unwrap_or_default();
    let more = (forest.more > 0).then(|| match q.is_empty() {
        true => {
            let to = address("/tree", &[("root", &named_root), ("after", &last)]);
            (format!("{} more", number(i64::try_from(forest.more).unwrap_or(i64::MAX))), to)
        }
        false => ("All of them, as a list".to_owned(), address("/spaces", &[("q", &q)])),
    });
    let first = asked.glade.after.as_ref().map(|_| address("/tree", &[("root", &named_root)]));
    let searched = !q.is_empty();
    let top_is_root = root.is_some();
    let draw = |branch| drawn(&asked, branch, None, searched, top_is_root);
    let branches = forest.top.into_iter().map(draw).collect();
    Page { frame, q, root, above, branches, more, first, told, new: None, wrong }
}

/// A branch as it is drawn; the line to its parent, the parent knows.
fn drawn(asked: &Asked, branch: Branch, parent: Option<&str>, searched: bool, is_root: bool) -> Drawn {
    let Branch { info, below, branches, .. } = branch;
    let (id, name, shown) = (info.id, named(&info.name), branches.len());
    let mut branches: Vec<Drawn> =
        branches.into_iter().map(|one| drawn(asked, one, Some(&name), searched, false)).collect();
    let rest = below.saturating_sub(shown);
    // What is left out of a search is not told; of a root's, the way on stands below the picture.
    let rest = (rest > 0 && shown > 0 && !searched && !is_root).then(|| {
        let last = branches.last().map(|one| one.id.to_string()).unwrap_or_default();
        (rest, address("/tree", &[("root", &id.to_string()), ("after", &last)]))
    });
    let own: usize = branches.iter().map(|one| one.height).sum::<usize>() + if rest.is_some() { ROW } else { 0 };
    let height = own.max(ROW);
    let mut top = 0;
    for one in &mut branches {
        one.link = Some((one.height, line(own, top, one.height)));
        top += one.height;
    }
    let rest_line = rest.as_ref().map(|_| line(own, top, ROW));
    let fold = (below > 0 && !searched && !is_root).then(|| Fold {
        href: asked.toggled(&id, shown == 0),
        open: shown > 0,
        below,
    });
    Drawn {
        id,
        parent: parent.map(str::to_owned),
        face: Face::new(&name, &id),
        chip: branch.role.as_deref().map(Chip::new),
        administers: branch.administers,
        inherits: branch.inherits,
        archived: branch.archived,
        usual: branch.usual,
        found: branch.found && searched,
        link: None,
        fold,
        branches,
        rest,
        rest_line,
        height,
        name,
    }
}

/// The line from the middle of a parent to the middle of one below it, drawn beside that one: its top is at `top` of
/// the `whole` height of all below.
fn line(whole: usize, top: usize, height: usize) -> String {
    let from = i64::try_from(whole / 2).unwrap_or_default() - i64::try_from(top).unwrap_or_default();
    let (to, half) = (height / 2, GAP / 2);
    format!("M0 {from}C{half} {from} {half} {to} {GAP} {to}")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_line_leads_from_the_middle_to_the_middle() {
        // Alone: straight. The first of two: from the edge between them up; the second: down.
        assert_eq!(line(72, 0, 72), "M0 36C20 36 20 36 40 36");
        assert_eq!(line(144, 0, 72), "M0 72C20 72 20 36 40 36");
        assert_eq!(line(144, 72, 72), "M0 0C20 0 20 36 40 36");
    }
}
