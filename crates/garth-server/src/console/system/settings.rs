//! The installation's settings, each with what it means.

use super::refused;
use super::texts::plain;
use crate::base::error::{Error, FieldError, Result};
use crate::console::fields::{Fields, has, one};
use crate::console::look::Choice;
use crate::console::seat::{Seat, Wrong};
use crate::console::shell::Shell;
use crate::directory::{CreateSpaces, DefaultQuota, Window};
use crate::settings::{self, AUDIT_DAYS, Changes};
use askama::Template;
use axum::response::Response;

const HERE: &str = "/system/settings";
const FIELDS: [&str; 3] = ["/create_spaces", "/audit_days", "/default_quotas"];
/// Rows of quotas that the form has beyond those that are there.
const ROWS: usize = 2;
/// Over what a meter counts, and what that is called.
pub const WINDOWS: [(&str, &str); 3] =
    [("stored", "what is there"), ("daily", "a day (UTC)"), ("rolling", "the last … seconds")];
/// Who may create spaces.
const CREATORS: [(&str, &str); 3] = [
    ("system_admins", "system administrators"),
    ("space_admins", "they, and administrators of a space below it"),
    ("users", "everybody who is signed in"),
];

#[derive(Template)]
#[template(path = "system/settings.html")]
struct Page {
    frame: Shell,
    public: bool,
    creators: Vec<Choice>,
    days: String,
    least: u32,
    most: u32,
    omit: bool,
    ends: bool,
    quotas: Vec<Row>,
    wrong: Wrong,
}

/// A quota that new spaces begin with, as a form has it.
struct Row {
    meter: String,
    limit: String,
    windows: Vec<Choice>,
    seconds: String,
}

/// What was typed.
struct Typed {
    public: bool,
    creators: String,
    days: String,
    omit: bool,
    ends: bool,
    quotas: Vec<[String; 4]>,
}

/// A window as a form has it: its word, and its seconds.
fn words(window: Window) -> (&'static str, String) {
    match window {
        Window::Stored => ("stored", String::new()),
        Window::Daily => ("daily", String::new()),
        Window::RollingSeconds(seconds) => ("rolling", seconds.to_string()),
    }
}

/// The same for people.
pub fn window_text(window: Window) -> String {
    match window {
        Window::Stored => "of what is there".to_owned(),
        Window::Daily => "a day".to_owned(),
        Window::RollingSeconds(seconds) => format!("in {seconds} s"),
    }
}

/// The window that a form says.
///
/// # Errors
/// 422.
pub fn window(pointer: &str, word: &str, seconds: &str) -> Result<Window> {
    match word {
        "stored" => Ok(Window::Stored),
        "daily" => Ok(Window::Daily),
        "rolling" => {
            let seconds = seconds.trim().parse();
            Ok(Window::RollingSeconds(seconds.map_err(|_| Error::field(pointer, "needs a number of seconds"))?))
        }
        _ => Err(Error::field(pointer, "must be stored, daily or rolling")),
    }
}

/// The limit that a form says; nothing is unlimited.
///
/// # Errors
/// 422.
pub fn limit(pointer: &str, text: &str) -> Result<Option<i64>> {
    match text.trim().replace([',', ' '], "").as_str() {
        "" => Ok(None),
        digits => digits.parse().map(Some).map_err(|_| Error::field(pointer, "must be a number, or empty")),
    }
}

/// The page.
pub fn show(seat: &Seat) -> Result<Response> {
    let settings = settings::get(&seat.ctx)?;
    let row = |quota: &DefaultQuota| {
        let (word, seconds) = words(quota.window);
        let limit = quota.limit.map(|limit| limit.to_string()).unwrap_or_default();
        [quota.meter.clone(), limit, word.to_owned(), seconds]
    };
    let creators = match settings.create_spaces {
        CreateSpaces::SystemAdmins => "system_admins",
        CreateSpaces::SpaceAdmins => "space_admins",
        CreateSpaces::Users => "users",
    };
    let typed = Typed {
        public: settings.public_access,
        creators: creators.to_owned(),
        days: settings.audit_days.map(|days| days.to_string()).unwrap_or_default(),
        omit: settings.omit_rate_limits,
        ends: settings.delete_with_last_membership,
        quotas: settings.default_quotas.iter().map(row).collect(),
    };
    shown(seat, typed, Wrong::default())
}

fn shown(seat: &Seat, typed: Typed, wrong: Wrong) -> Result<Response> {
    let blank = std::iter::repeat_with(|| [String::new(), String::new(), "stored".to_owned(), String::new()]);
    let row = |[meter, limit, window, seconds]: [String; 4]| Row {
        windows: WINDOWS.map(|(value, label)| Choice::new(value, label, &window)).into_iter().collect(),
        meter,
        limit,
        seconds,
    };
    let page = Page {
        frame: Shell::outside(seat, HERE)?,
        public: typed.public,
        creators: CREATORS.map(|(value, label)| Choice::new(value, label, &typed.creators)).into_iter().collect(),
        days: typed.days,
        least: *AUDIT_DAYS.start(),
        most: *AUDIT_DAYS.end(),
        omit: typed.omit,
        ends: typed.ends,
        quotas: typed.quotas.into_iter().chain(blank.take(ROWS)).map(row).collect(),
        wrong,
    };
    Ok(seat.page_as(page.wrong.status, &page))
}

impl Typed {
    fn sent(sent: &Fields) -> Self {
        let rows = sent.iter().filter_map(|(name, _)| name.strip_prefix("quota.")?.strip_suffix(".meter"));
        let row = |number: &str| {
            ["meter", "limit", "window", "seconds"]
                .map(|field| one(sent, &format!("quota.{number}.{field}")).trim().to_owned())
        };
        Self {
            public: has(sent, "public_access"),
            creators: one(sent, "create_spaces").to_owned(),
            days: plain(one(sent, "audit_days")).trim().to_owned(),
            omit: has(sent, "omit_rate_limits"),
            ends: has(sent, "delete_with_last_membership"),
            quotas: rows.map(row).filter(|[meter, ..]| !meter.is_empty()).collect(),
        }
    }

    fn changes(&self) -> Result<Changes> {
        let mut wrong = Vec::new();
        let mut refuse = |pointer: &str, message: &str| {
            wrong.push(FieldError { pointer: pointer.to_owned(), message: message.to_owned() });
        };
        let creators = match self.creators.as_str() {
            "system_admins" => Some(CreateSpaces::SystemAdmins),
            "space_admins" => Some(CreateSpaces::SpaceAdmins),
            "users" => Some(CreateSpaces::Users),
            _ => {
                refuse("/create_spaces", "must be one of these");
                None
            }
        };
        let days = match self.days.as_str() {
            "" => None,
            days => days.parse().map_err(|_| refuse("/audit_days", "must be a number of days, or empty")).ok(),
        };
        if !wrong.is_empty() {
            return Err(Error::Invalid(wrong));
        }
        let quota = |[meter, given, chosen, seconds]: &[String; 4]| {
            let told = |_| Error::field("/default_quotas", format!("{meter} needs a number as limit, or none"));
            let limit = limit("/default_quotas", given).map_err(told)?;
            let window = window("/default_quotas", chosen, seconds)?;
            Ok(DefaultQuota { meter: meter.clone(), limit, window })
        };
        Ok(Changes {
            public_access: Some(self.public),
            create_spaces: creators,
            audit_days: Some(days),
            omit_rate_limits: Some(self.omit),
            delete_with_last_membership: Some(self.ends),
            default_quotas: Some(self.quotas.iter().map(quota).collect::<Result<_>>()?),
            public_health: None,
            alerts: None,
        })
    }
}

/// Changes them.
pub async fn update(seat: &Seat, sent: Fields) -> Result<Response> {
    seat.ctx.system_admin(&seat.ctx.directory())?;
    let typed = Typed::sent(&sent);
    let saved = match typed.changes() {
        Ok(changes) => settings::update(&seat.ctx, changes).await.map(drop),
        Err(error) => Err(error),
    };
    match saved {
        Ok(()) => Ok(seat.done(HERE, "The settings are saved, and count from now on.")),
        Err(error) => {
            let meters: Vec<String> = typed.quotas.iter().map(|[meter, ..]| meter.clone()).collect();
            let wrong = refused(seat, super::by_line(error, "/default_quotas", &meters), &FIELDS)?;
            shown(seat, typed, wrong)
        }
    }
}
