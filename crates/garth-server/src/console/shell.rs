//! The shell around every page: the sidebar with the ways to other spaces, who one is, and what there is outside of spaces.

use super::frame::Section;
use super::look::{Chip, Face, above, named};
use super::seat::{Notice, Seat};
use crate::base::error::{Error, Result};
use crate::base::fetch::encoded;
use crate::base::html::{CONSOLE_SCRIPT_NAME, STYLE_NAME};
use crate::spaces::{self, Beside};
use uuid::Uuid;

/// Spaces in the switcher itself; of more, a page of their own has all.
const SOME: usize = 8;

/// The pages outside of spaces: address, icon, name.
const OWN: [(&str, &str, &str); 3] =
    [("/account", "person", "My account"), ("/spaces", "spaces", "Spaces"), ("/tree", "tree", "Tree of spaces")];

/// Those of them that are for system administrators.
const SYSTEM: [(&str, &str, &str); 12] = [
    ("/system/users", "members", "Users"),
    ("/system/groups", "group", "Groups"),
    ("/system/roles", "shield", "Roles"),
    ("/system/kinds", "shapes", "Kinds"),
    ("/system/login-policies", "door", "Login policies"),
    ("/system/identity-providers", "key", "Identity providers"),
    ("/system/policies", "policy", "Named policies"),
    ("/system/registry", "registry", "Registry of spaces"),
    ("/system/settings", "settings", "Settings"),
    ("/system/audit", "audit", "Audit"),
    ("/system/backup", "backup", "Backup"),
    ("/system/health", "health", "Health"),
];

/// A space as it stands in the switcher.
pub struct Place {
    pub name: String,
    pub above: Option<String>,
    pub face: Face,
    pub chip: Option<Chip>,
    pub archived: bool,
    pub usual: bool,
    /// Is it the one that is looked at?
    pub here: bool,
    pub href: String,
}

impl Place {
    fn new(space: Beside, here: Option<Uuid>, section: &Section) -> Self {
        let name = named(&space.info.name);
        Self {
            above: above(&space.path, &space.info.name),
            face: Face::new(&name, &space.info.id),
            chip: space.role.as_deref().map(Chip::new),
            archived: space.archived,
            usual: space.usual,
            here: here == Some(space.info.id),
            href: section.of(&space.info.id, space.role.as_deref()),
            name,
        }
    }
}

/// The way to other spaces; for those who see two or more.
pub struct Switcher {
    pub places: Vec<Place>,
    pub seen: usize,
    /// Are there so many that they are searched?
    pub search: bool,
}

/// A page in the sidebar.
pub struct Link {
    pub href: String,
    pub icon: &'static str,
    pub label: String,
    pub count: Option<String>,
    pub here: bool,
    /// What the part of the sidebar is called that begins with it.
    pub part: Option<&'static str>,
}

impl Link {
    pub fn new(href: String, icon: &'static str, label: &str) -> Self {
        Self { href, icon, label: label.to_owned(), count: None, here: false, part: None }
    }
}

/// Who is signed in.
pub struct Me {
    pub name: String,
    pub username: String,
    pub face: Face,
    pub id: Uuid,
}

/// A way that pages can look.
pub struct Theme {
    pub name: &'static str,
    pub label: &'static str,
    pub icon: &'static str,
    pub picked: bool,
}

/// The shell around a page.
pub struct Shell {
    pub section: String,
    pub section_encoded: String,
    /// What follows the address of a space in this section, and whether it is for administrators only.
    pub tail: String,
    pub admins: bool,
    pub switcher: Option<Switcher>,
    pub links: Vec<Link>,
    pub me: Me,
    /// Does the caller administer the installation?
    pub system: bool,
    pub notice: Option<Notice>,
    pub theme: Option<&'static str>,
    /// Where one is, for forms that come back.
    pub address: String,
    pub style: &'static str,
    pub script: &'static str,
}

impl Shell {
    /// The shell of a page outside of spaces, at that address of the sidebar.
    ///
    /// # Errors
    /// 401 for whoever is nobody, 403 for an application.
    pub fn outside(seat: &Seat, here: &str) -> Result<Self> {
        let mut shell = Self::new(seat, None, &Section::Home)?;
        let link = |(href, icon, label): (&str, &'static str, &str)| Link {
            here: href == here,
            ..Link::new(href.to_owned(), icon, label)
        };
        shell.links = OWN.into_iter().map(link).collect();
        if shell.system {
            let first = shell.links.len();
            shell.links.extend(SYSTEM.into_iter().map(link));
            if let Some(link) = shell.links.get_mut(first) {
                link.part = Some("System");
            }
        }
        Ok(shell)
    }

    /// The shell of a page in that space, or in none; its links are for whoever asks to fill in.
    pub(super) fn new(seat: &Seat, space: Option<Uuid>, section: &Section) -> Result<Self> {
        let around = spaces::around(&seat.ctx, &seat.recent(), SOME)?;
        let dir = seat.ctx.directory();
        let user = dir.users.info(seat.ctx.user(&dir)?).ok_or(Error::Unauthenticated)?;
        let places = around.some.into_iter().map(|beside| Place::new(beside, space, section)).collect();
        // Who sees one space has nowhere else to go from it.
        let ways = around.seen > 1 || (space.is_none() && around.seen > 0);
        Ok(Self {
            section: section.word(),
            section_encoded: encoded(&section.word()),
            tail: section.tail(),
            admins: section.admins(),
            switcher: ways.then_some(Switcher { places, seen: around.seen, search: around.seen >= SOME }),
            links: Vec::new(),
            me: Me {
                name: user.called().to_owned(),
                username: user.username.clone(),
                face: Face::new(&user.name, &user.id),
                id: user.id,
            },
            system: seat.ctx.system_admin(&dir).is_ok(),
            notice: seat.notice(),
            theme: seat.theme(),
            address: seat.come_back(),
            style: &STYLE_NAME,
            script: &CONSOLE_SCRIPT_NAME,
        })
    }

    /// The ways that pages can look.
    pub fn themes(&self) -> [Theme; 3] {
        let theme = |name, label, icon| Theme { name, label, icon, picked: self.theme.unwrap_or("system") == name };
        [theme("light", "Light", "sun"), theme("dark", "Dark", "moon"), theme("system", "As the system is", "monitor")]
    }
}
