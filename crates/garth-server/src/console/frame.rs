//! The frame around the pages of a space: where one is, and what else is there.

use super::look::{Chip, Face, address, capital, kind_icon, named, noun};
use super::seat::{Seat, Wrong};
use super::shell::{Link, Shell};
use crate::base::error::{Error, Result};
use crate::directory::BuiltIn;
use crate::resources;
use crate::spaces::{self, SpaceView};
use askama::Template;
use axum::response::Response;
use garth_core::KindIx;
use std::collections::BTreeMap;
use std::ops::Deref;
use uuid::Uuid;

/// So many resources of a kind are counted for a page; whoever sees more is told so. All are told alike, so that no number and no
/// delay tells that something is hidden.
const COUNTED: i64 = 1_000;
/// Kinds without anything here up to which the sidebar has all.
const EMPTY: usize = 9;

/// A part of a space that has a page of its own.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Section {
    Home,
    /// Its resources: of that kind, or all.
    Resources(String),
    Members,
    /// Who sees what here, and why.
    Access,
    Keys,
    Quotas,
    Audit,
    Settings,
}

impl Section {
    /// What follows the space's address.
    pub(super) fn tail(&self) -> String {
        match self {
            Self::Home => String::new(),
            Self::Resources(kind) => address("/resources", &[("kind", kind)]),
            Self::Members => "/members".to_owned(),
            Self::Access => "/access".to_owned(),
            Self::Keys => "/keys".to_owned(),
            Self::Quotas => "/quotas".to_owned(),
            Self::Audit => "/audit".to_owned(),
            Self::Settings => "/settings".to_owned(),
        }
    }

    /// As it is written in the address of the switcher.
    pub(super) fn word(&self) -> String {
        match self {
            Self::Home => String::new(),
            Self::Resources(kind) if kind.is_empty() => "resources".to_owned(),
            Self::Resources(kind) => format!("resources.{kind}"),
            other => other.tail().trim_start_matches('/').to_owned(),
        }
    }

    /// Is it for administrators only?
    pub(super) fn admins(&self) -> bool {
        matches!(self, Self::Keys | Self::Audit)
    }

    /// The section of such a word; home for any other.
    pub fn read(word: &str) -> Self {
        match word {
            "resources" => Self::Resources(String::new()),
            "members" => Self::Members,
            "access" => Self::Access,
            "keys" => Self::Keys,
            "quotas" => Self::Quotas,
            "audit" => Self::Audit,
            "settings" => Self::Settings,
            other => other.strip_prefix("resources.").map_or(Self::Home, |kind| Self::Resources(kind.to_owned())),
        }
    }

    /// The same section of another space; where it is for administrators only, they get there and others get home.
    pub fn of(&self, space: &Uuid, role: Option<&str>) -> String {
        let open = match self {
            _ if self.admins() => role == Some("admin"),
            Self::Members | Self::Access | Self::Quotas | Self::Settings => role.is_some(),
            _ => true,
        };
        let tail = if open { self.tail() } else { String::new() };
        format!("/s/{space}{tail}")
    }
}

/// A way to make something.
pub struct Make {
    pub href: String,
    pub label: String,
}

/// The space that is looked at.
pub struct Here {
    pub id: Uuid,
    pub name: String,
    pub description: String,
    pub face: Face,
    pub chip: Option<Chip>,
    pub archived: bool,
    permissions: Vec<String>,
}

/// The frame around a page.
pub struct Frame {
    pub space: Here,
    /// How many resources of each kind the caller sees here; at most [`COUNTED`].
    pub numbers: BTreeMap<KindIx, i64>,
    /// What they may make here, a kind each.
    pub makes: Vec<Make>,
    /// The kinds that administrators alone make.
    kept: Vec<String>,
    shell: Shell,
}

impl Deref for Frame {
    type Target = Shell;

    fn deref(&self) -> &Shell {
        &self.shell
    }
}

impl Frame {
    /// The frame of a space's section.
    ///
    /// # Errors
    /// 404 when the space is hidden or missing.
    pub async fn new(seat: &Seat, space: &str, section: Section) -> Result<Self> {
        let here = here(spaces::get(&seat.ctx, space)?);
        let dir = seat.ctx.directory();
        let ix = dir.space_ref(space).ok_or(Error::NotFound)?;
        let numbers = resources::numbers(&seat.ctx, ix, COUNTED).await?;
        let shell = Shell::new(seat, Some(here.id), &section)?;
        let kinds = dir.kinds.iter::<KindIx>();
        let kept = kinds.filter(|(_, kind)| kind.built_in().is_some_and(BuiltIn::is_kept_by_admins));
        let kept = kept.map(|(_, kind)| kind.definition.name.clone()).collect();
        let mut frame = Self { space: here, numbers, makes: Vec::new(), kept, shell };
        let mut kinds: Vec<(KindIx, String, String)> = dir
            .kinds
            .iter::<KindIx>()
            .map(|(ix, kind)| (ix, kind.definition.name.clone(), plural(&kind.definition)))
            .collect();
        kinds.sort_by(|one, other| one.2.cmp(&other.2));
        if !frame.space.archived {
            let may = kinds.iter().filter(|(_, name, _)| frame.may_make(name));
            frame.makes = may.map(|(_, name, _)| frame.make(name)).collect();
        }
        frame.shell.links = frame.all_links(&section, kinds);
        Ok(frame)
    }

    fn all_links(&self, section: &Section, mut kinds: Vec<(KindIx, String, String)>) -> Vec<Link> {
        let link = |to: Section, icon, label: &str| Link {
            here: to == *section,
            ..Link::new(self.at(&to.tail()), icon, label)
        };
        let mut links = vec![link(Section::Home, "home", "Home")];
        kinds.retain(|(ix, name, _)| self.numbers.contains_key(ix) || self.may_make(name));
        // Kinds of which nothing is here are shown while they are few.
        let looked = |name: &String| matches!(section, Section::Resources(kind) if kind == name);
        let crowd = kinds.iter().filter(|(ix, ..)| !self.numbers.contains_key(ix)).count() > EMPTY;
        kinds.retain(|(ix, name, _)| !crowd || self.numbers.contains_key(ix) || looked(name));
        for (ix, name, label) in kinds {
            let count = Some(told(self.numbers.get(&ix).copied().unwrap_or_default()));
            let icon = kind_icon(&name);
            links.push(Link { count, ..link(Section::Resources(name), icon, &label) });
        }
        if crowd {
            links.push(link(Section::Resources(String::new()), "layers", "Everything here"));
        }
        let mut part = Some("Space");
        let mut more = |to, icon, label| links.push(Link { part: part.take(), ..link(to, icon, label) });
        if self.space.chip.is_some() {
            more(Section::Members, "members", "Members");
            more(Section::Access, "eye", "Who sees what");
        }
        if self.may("space:admin") {
            more(Section::Keys, "key", "API keys");
        }
        if self.space.chip.is_some() {
            more(Section::Quotas, "gauge", "Quotas");
        }
        if self.may("space:admin") {
            more(Section::Audit, "audit", "Audit");
        }
        if self.space.chip.is_some() || self.may("space:admin") {
            more(Section::Settings, "settings", "Settings");
        }
        if self.system {
            let system = Link::new("/system/users".to_owned(), "layers", "System");
            links.push(Link { part: Some("Installation"), ..system });
        }
        links
    }

    /// The way to make one of that kind.
    fn make(&self, kind: &str) -> Make {
        let label = format!("New {}", noun(kind));
        Make { href: address(&self.at("/new"), &[("kind", kind)]), label }
    }

    /// Where the space begins.
    pub fn home(&self) -> String {
        format!("/s/{}", self.space.id)
    }

    /// The same with what follows.
    pub fn at(&self, tail: &str) -> String {
        format!("{}{tail}", self.home())
    }

    /// Does the caller hold that permission here? Pages offer what it allows; whether it may be done is asked when it is.
    pub fn may(&self, permission: &str) -> bool {
        self.space.permissions.iter().any(|held| held == permission)
    }

    /// Is the caller offered to make one of that kind? What carries credentials is for administrators.
    pub fn may_make(&self, kind: &str) -> bool {
        let kept = self.kept.iter().any(|own| own == kind);
        self.may(&format!("{kind}:write")) && (!kept || self.system || self.may("space:admin"))
    }

    /// The answer for whoever sees the space and may not see this of it; programs are told as everywhere.
    pub fn closed(self, seat: &Seat, error: Error) -> Result<Response> {
        let Wrong { status, page, .. } = seat.refused(error, &[])?;
        let why = page.unwrap_or_default();
        Ok(seat.page_as(status, &NoAccess { frame: self, why }))
    }

    /// A page of the space, which was looked at last from now on.
    pub fn shown(seat: &Seat, space: Uuid, wrong: &Wrong, template: &impl Template) -> Response {
        seat.visited(seat.page_as(wrong.status, template), space)
    }
}

/// This is not for whoever asks.
#[derive(Template)]
#[template(path = "no_access.html")]
struct NoAccess {
    frame: Frame,
    why: String,
}

fn here(space: SpaceView) -> Here {
    let name = named(&space.info.name);
    Here {
        id: space.info.id,
        description: space.info.description.clone(),
        face: Face::new(&name, &space.info.id),
        chip: space.role.as_deref().map(Chip::new),
        archived: space.archived,
        permissions: space.permissions,
        name,
    }
}

/// How many of a kind there are, as far as it is counted.
pub fn told(count: i64) -> String {
    if count < COUNTED { count.to_string() } else { format!("{}+", COUNTED - 1) }
}

/// What several of a kind are called.
pub fn plural(kind: &crate::directory::Definition) -> String {
    capital(kind.plural.as_deref().unwrap_or(&kind.name))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_section_is_kept_from_space_to_space() {
        for section in [
            Section::Home,
            Section::Resources(String::new()),
            Section::Resources("job".to_owned()),
            Section::Members,
            Section::Access,
            Section::Keys,
            Section::Quotas,
            Section::Audit,
            Section::Settings,
        ] {
            assert_eq!(Section::read(&section.word()), section);
        }
        assert_eq!(Section::read("//evil.example"), Section::Home);
        let space = Uuid::nil();
        assert_eq!(Section::Keys.of(&space, Some("admin")), format!("/s/{space}/keys"));
        assert_eq!(Section::Keys.of(&space, Some("writer")), format!("/s/{space}"));
        assert_eq!(Section::read("resources.a&b").of(&space, None), format!("/s/{space}/resources?kind=a%26b"));
    }
}
