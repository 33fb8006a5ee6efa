//! The words that a resource is found by: those of its name, its labels, and the fields of its body that its kind names.
//! Each write of a resource cuts them anew in its own transaction. After its kind names other fields, and for what was
//! there before there were words, [`keep_words`] does it, some resources at a time.

use super::store::words as store;
use crate::access::{App, Ctx, Write, write};
use crate::base::error::Result;
use crate::base::words::{Cutter, terms};
use crate::directory::{Change, KindInfo};
use garth_core::KindIx;
use serde_json::Value;
use std::sync::Arc;
use std::time::Duration;
use uuid::Uuid;

/// How often it is looked whether something waits.
const LOOK: Duration = Duration::from_secs(1);

/// The words of one resource.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Words {
    /// Those of name and labels, as [`Cutter::lines`] has them.
    pub head: String,
    /// Those of the body's fields, likewise.
    pub body: String,
    /// Which cut of its kind they are.
    pub cut: i64,
}

impl Words {
    /// Cuts the words of a resource of that kind; a kind that is gone names no fields. `body` is what is stored in the
    /// open: secrets are not in it.
    pub fn of(kind: Option<&KindInfo>, name: &str, labels: &[String], body: &str) -> Self {
        let mut cutter = Cutter::default();
        let head = cutter.lines(std::iter::once(name).chain(labels.iter().map(String::as_str)));
        let fields = kind.map_or(&[][..], |kind| &kind.definition.search_fields);
        let mut texts = Vec::new();
        if !fields.is_empty() {
            // A body that cannot be read has no words; whoever reads the resource is told.
            let body: Value = serde_json::from_str(body).unwrap_or_default();
            texts.extend(fields.iter().filter_map(|field| body.pointer(field)).flat_map(texts_of));
        }
        let body = cutter.lines(texts.iter().map(String::as_str));
        Self { head, body, cut: kind.map_or(0, |kind| kind.search_cut) }
    }

    /// Each of them once, in order.
    pub fn terms(&self) -> Vec<String> {
        terms(&[&self.head, &self.body])
    }
}

/// The texts of a field: itself, or the items of a list. Numbers are found as they are written.
fn texts_of(value: &Value) -> Vec<String> {
    match value {
        Value::String(text) => vec![text.clone()],
        Value::Number(number) => vec![number.to_string()],
        Value::Array(items) => items.iter().filter(|item| !item.is_array()).flat_map(texts_of).collect(),
        _ => Vec::new(),
    }
}

/// Cuts whatever waits for it, for as long as the server runs.
pub async fn keep_words(app: Arc<App>) {
    let mut every = tokio::time::interval(LOOK);
    every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
    loop {
        every.tick().await;
        if waiting(&app).is_empty() {
            continue;
        }
        tracing::info!(
            "resources are cut into words for searching; until that is done, some are not found by all of them"
        );
        match cut_waiting(&app).await {
            Ok(cut) => tracing::info!(cut, "all resources are cut into words"),
            Err(e) => tracing::warn!(error = %e, "resources could not be cut into words; it is tried again"),
        }
    }
}

/// Cuts whatever waits for it now, some at a time, so that other changes come between; answers how many it were.
///
/// # Errors
/// When the store fails; what is done is done.
pub async fn cut_waiting(app: &Arc<App>) -> Result<u64> {
    let ctx = Ctx::system(Arc::clone(app));
    let mut cut = 0;
    loop {
        let kinds = waiting(app);
        if kinds.is_empty() {
            return Ok(cut);
        }
        for kind in kinds {
            cut += cut_some(&ctx, kind).await?;
        }
    }
}

/// The kinds of which some resources wait.
fn waiting(app: &App) -> Vec<Uuid> {
    let dir = app.directory();
    dir.kinds.iter::<KindIx>().filter(|(_, info)| !info.search_ready).map(|(_, info)| info.id).collect()
}

/// Cuts the next resources of a kind.
async fn cut_some(ctx: &Ctx, kind: Uuid) -> Result<u64> {
    write(ctx, "kind.cut", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let Some(info) = w.dir().kinds.by_id::<KindIx>(&kind).and_then(|ix| w.dir().kinds.info(ix)).cloned() else {
            return Ok(0);
        };
        let Some(done) = store::done(w.tx(), kind).await? else { return Ok(0) };
        let some = store::next(w.tx(), kind, done).await?;
        for row in &some.rows {
            let words = Words::of(Some(&info), &row.name, &row.labels, &row.body);
            store::replace(w.tx(), &permit, row.number, row.class, &words).await?;
        }
        // Numbers are given by the writer alone, which is here.
        let more = some.up_to < w.dir().next_number;
        store::set_done(w.tx(), &permit, kind, Some(some.up_to).filter(|_| more)).await?;
        if !more {
            w.changed(Change::Kind(kind)).await?;
        }
        Ok(some.rows.len() as u64)
    })
    .await
}
