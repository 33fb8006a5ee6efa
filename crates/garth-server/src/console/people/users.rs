//! The accounts of an installation, for those who administer it; and making another one.

use super::super::look::{Choice, Face, Moment, address};
use super::super::seat::{Seat, Wrong};
use super::super::shell::Shell;
use super::routes::NewUserForm;
use super::typed;
use crate::base::error::{Error, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_DEFAULT;
use crate::sessions;
use crate::users::{self, Account, Filter, NewUser};
use askama::Template;
use axum::response::Response;

/// The fields of the form.
const FIELDS: [&str; 3] = ["/username", "/name", "/email"];
/// Which accounts can be asked for, and how that is called.
const STATES: [(&str, &str); 4] =
    [("", "All"), ("active", "Can sign in"), ("disabled", "Disabled"), ("admins", "Administrators")];

#[derive(Template)]
#[template(path = "users.html")]
struct Users {
    frame: Shell,
    q: String,
    states: Vec<Choice>,
    filtered: bool,
    rows: Vec<Row>,
    next: Option<String>,
    link: Option<Link>,
    form: NewUserForm,
    wrong: Wrong,
}

struct Row {
    id: String,
    name: String,
    username: String,
    email: Option<String>,
    face: Face,
    me: bool,
    admin: bool,
    disabled: bool,
    made: Moment,
}

/// A link that is shown this once.
struct Link {
    to: String,
    url: String,
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    shown(seat, NewUserForm::default(), Wrong::default(), None).await
}

async fn shown(seat: &Seat, form: NewUserForm, wrong: Wrong, link: Option<Link>) -> Result<Response> {
    let ctx = &seat.ctx;
    ctx.system_admin(&ctx.directory())?;
    let (mut q, mut state) = (String::new(), String::new());
    let mut page = PageRequest::first(PAGE_DEFAULT);
    if seat.looks() {
        let mut query = Query::new(&seat.uri)?;
        (q, state) = (query.one("q").unwrap_or_default(), query.one("state").unwrap_or_default());
        if !STATES.iter().any(|(word, _)| *word == state) {
            query.refuse("state", "must be active, disabled or admins");
        }
        page = query.page();
        query.done()?;
    }
    let filter = Filter {
        q: typed(&q),
        disabled: match state.as_str() {
            "active" => Some(false),
            "disabled" => Some(true),
            _ => None,
        },
        system_admin: (state == "admins").then_some(true),
    };
    let found = users::list(ctx, &page, &filter).await?;
    let frame = Shell::outside(seat, "/system/users")?;
    let next = found.next.map(|next| address("/system/users", &[("q", &q), ("state", &state), ("cursor", &next)]));
    let row = |account: Account| Row {
        id: account.info.id.to_string(),
        name: account.info.called().to_owned(),
        username: account.info.username.clone(),
        face: Face::new(account.info.called(), &account.info.id),
        me: account.info.id == frame.me.id,
        admin: account.system_admin,
        disabled: account.info.disabled,
        made: Moment::new(account.info.created_at, ctx.now()),
        email: account.email,
    };
    let rows = found.items.into_iter().map(row).collect();
    let states = STATES.iter().map(|(value, label)| Choice::new(value, label, &state)).collect();
    let filtered = !q.is_empty() || !state.is_empty();
    let page = Users { frame, q, states, filtered, rows, next, link, form, wrong };
    Ok(seat.page_as(page.wrong.status, &page))
}

/// Makes an account, and shows its link this once.
pub async fn create(seat: &Seat, form: NewUserForm) -> Result<Response> {
    let username = form.username.trim().to_owned();
    let new = NewUser { username, name: typed(&form.name), email: typed(&form.email) };
    match users::create(&seat.ctx, new).await {
        Ok((info, token)) => {
            sessions::in_earnest(&seat.ctx)?;
            let url = format!("{}/signup#{token}", seat.ctx.app.public_url);
            shown(seat, NewUserForm::default(), Wrong::default(), Some(Link { to: info.name.clone(), url })).await
        }
        Err(error @ Error::Conflict("conflict", _)) => {
            let wrong = seat.refused(Error::field("/username", error.to_string()), &FIELDS)?;
            shown(seat, form, wrong, None).await
        }
        Err(error) => {
            // Whoever may make none is not shown who is there.
            seat.ctx.system_admin(&seat.ctx.directory())?;
            let wrong = seat.refused(error, &FIELDS)?;
            shown(seat, form, wrong, None).await
        }
    }
}
