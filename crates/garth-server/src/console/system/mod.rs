//! The pages of the installation: what it is made of, who comes in, and what is on record. They call what the API calls,
//! so they are for whom that lets: system administrators, and for some of them whoever is signed in.

mod audit;
mod backup;
mod health;
mod kinds;
mod login_policies;
mod login_samples;
mod policies;
mod providers;
mod registry;
mod roles;
pub mod routes;
mod settings;
mod texts;

use super::seat::{Seat, Wrong};
use crate::base::error::{Error, FieldError, Result};
use crate::base::http::{PageRequest, Query};
use crate::base::text::PAGE_MAX;
use axum::response::Response;

/// The first page of a list, as long as it may be.
fn first() -> PageRequest {
    PageRequest::first(PAGE_MAX)
}

/// The page of a list that an address names, and nothing else.
fn wanted(seat: &Seat) -> Result<PageRequest> {
    let mut query = Query::new(&seat.uri)?;
    let page = query.page();
    query.done()?;
    Ok(page)
}

/// What a form was refused for. Whoever may not send it at all is told so on a page of its own.
fn refused(seat: &Seat, error: Error, fields: &[&str]) -> Result<Wrong> {
    match error {
        Error::Forbidden(_) => Err(error),
        error => seat.refused(error, fields),
    }
}

/// Why something would not be done, if it would not; it is tried, and nothing is changed.
fn stuck<T>(tried: Result<T>) -> Option<String> {
    match tried {
        Err(Error::Conflict(_, why)) => Some(super::look::sentence(&why)),
        _ => None,
    }
}

/// It is done, or the page at that address says why not.
fn ended(seat: &Seat, done: Result<()>, there: &str, said: &str, back: &str) -> Result<Response> {
    match done {
        Ok(()) => Ok(seat.done(there, said)),
        Err(Error::Conflict(_, why)) => Ok(seat.done(back, &format!("Not done: {why}."))),
        Err(error) => Err(error),
    }
}

/// The lines that say something.
fn lines(text: &str) -> Vec<String> {
    text.lines().map(str::trim).filter(|line| !line.is_empty()).map(str::to_owned).collect()
}

/// Takes a field that was sent out of an error's pointers: what is told of a line of it names that line.
fn by_line(error: Error, pointer: &str, lines: &[String]) -> Error {
    let Error::Invalid(fields) = error else { return error };
    let told = |field: FieldError| {
        let at = field.pointer.strip_prefix(pointer).and_then(|rest| rest.strip_prefix('/'));
        let at = at.and_then(|rest| rest.split('/').next()?.parse::<usize>().ok());
        match at.and_then(|at| lines.get(at)) {
            Some(line) => FieldError { message: format!("{line} {}", field.message), ..field },
            None => field,
        }
    };
    Error::Invalid(fields.into_iter().map(told).collect())
}
