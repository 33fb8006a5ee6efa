//! Who gets into a space, and who may change it: tried before it is done.

use super::create::GATES;
use super::preview::{self, Moves};
use super::routes::GateForm;
use super::settings;
use crate::base::error::Result;
use crate::console::look::Choice;
use crate::console::seat::{Seat, Wrong};
use crate::spaces::{self, SpacePatch, SpaceView};
use axum::response::Response;
use serde_json::{Map, Value, json};

/// The fields of the form.
const FIELDS: [&str; 3] = ["/view", "/edit", "/sealed"];
/// Who may change a space, in words.
const EDITS: [(&str, &str); 2] =
    [("administrators", "those of the space"), ("members", "everybody who holds a role in it")];

/// The form, as far as it is filled in.
pub struct Gate {
    pub views: Vec<Choice>,
    pub view_other: String,
    pub edits: Vec<Choice>,
    pub edit_other: String,
    pub sealed: bool,
    /// What it would move, once that was asked for.
    pub moves: Option<Moves>,
}

fn filled(view: &Value, edit: &Value, tried: Option<&GateForm>, sealed: bool) -> Gate {
    let administrators = json!({ "permission": "space:admin" });
    let edit_word = if *edit == administrators { json!("administrators") } else { edit.clone() };
    let pretty = |policy: &Value| match policy {
        Value::String(_) => String::new(),
        policy => serde_json::to_string_pretty(policy).unwrap_or_default(),
    };
    let picked = |own: fn(&GateForm) -> &String| tried.map(|tried| own(tried).as_str()).unwrap_or_default();
    let mut gates = GATES.to_vec();
    gates.push(("nobody", "nobody, not even its administrators"));
    Gate {
        views: settings::words(view, &gates, picked(|tried| &tried.view)),
        view_other: tried.map_or_else(|| pretty(view), |tried| tried.view_other.clone()),
        edits: settings::words(&edit_word, &EDITS, picked(|tried| &tried.edit)),
        edit_other: tried.map_or_else(|| pretty(&edit_word), |tried| tried.edit_other.clone()),
        sealed,
        moves: None,
    }
}

/// What the form begins with.
pub fn begun(view: &SpaceView) -> Gate {
    filled(&view.view, &view.edit, None, view.sealed)
}

/// Tries what was asked for, and does it if that was asked for.
pub async fn update(seat: &Seat, space: &str, tried: GateForm) -> Result<Response> {
    let current = spaces::get(&seat.ctx, space)?;
    let sealed = tried.sealed == "true";
    let mut gate = filled(&current.view, &current.edit, Some(&tried), sealed);
    let read = async {
        let view = settings::policy("/view", &tried.view, &tried.view_other)?;
        let edit = settings::policy("/edit", &tried.edit, &tried.edit_other)?;
        // What stays as it is is not written anew: it may name people that the caller cannot see.
        let (view, edit) = (Some(view).filter(|v| *v != current.view), Some(edit).filter(|e| *e != current.edit));
        let sealed = Some(sealed).filter(|sealed| *sealed != current.sealed);
        if tried.then == "look" {
            let mut change = Map::from_iter([("type".to_owned(), json!("space")), ("space".to_owned(), json!(space))]);
            change.extend(view.map(|view| ("view".to_owned(), view)));
            change.extend(edit.map(|edit| ("edit".to_owned(), edit)));
            change.extend(sealed.map(|sealed| ("sealed".to_owned(), json!(sealed))));
            return preview::moves(seat, change).await.map(Some);
        }
        let patch = SpacePatch { view, edit, sealed, ..SpacePatch::default() };
        spaces::update(&seat.ctx, space.to_owned(), patch, None).await?;
        Ok(None)
    };
    let wrong = match read.await {
        Ok(None) => {
            let said = "Who gets in is changed.";
            return Ok(seat.done(&format!("/s/{space}/settings"), said));
        }
        Ok(moves) => {
            gate.moves = moves;
            Wrong::default()
        }
        Err(error) => seat.refused(error, &FIELDS)?,
    };
    settings::again(seat, space, settings::begun(&current), gate, wrong).await
}
