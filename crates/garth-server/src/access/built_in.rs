//! The kinds that are there from the start, put where they belong: once, and again when this program defines them anew.

use super::{App, Ctx, Record, Write, store, write};
use crate::base::error::{Error, Result};
use crate::directory::{BuiltIn, Change, Definition, Directory};
use garth_core::KindIx;
use serde_json::Value;
use std::sync::Arc;

/// Makes what is missing of them, in one change. Where somebody had made a kind of that name before there were these, it
/// stays theirs.
///
/// # Errors
/// When the store fails.
pub(super) async fn make(app: &Arc<App>) -> Result<()> {
    let dir = app.directory();
    for kind in BuiltIn::ALL.into_iter().filter(|kind| taken(&dir, *kind)) {
        tracing::warn!(
            kind = kind.name(),
            "a kind of that name was made before Garth had one: it stays as it is, and what Garth's own does is off"
        );
    }
    if BuiltIn::ALL.into_iter().all(|kind| wanted(&dir, kind).is_none()) {
        return Ok(());
    }
    write(&Ctx::system(Arc::clone(app)), "kind.create", async |w: &mut Write<'_>| {
        let permit = w.system()?;
        for kind in BuiltIn::ALL {
            let Some(definition) = wanted(w.dir(), kind) else { continue };
            let before = w.dir().kinds.by_id::<KindIx>(&kind.id()).and_then(|ix| w.dir().kinds.info(ix).cloned());
            let (now, cut, text) = (w.now, w.dir().last_change + 1, written(&definition)?);
            let stored = text.to_string();
            match &before {
                Some(_) => store::redefine_kind(w.tx(), &permit, kind.id(), &stored).await?,
                None => {
                    let names = (definition.name.as_str(), definition.prefix.as_str());
                    store::insert_kind(w.tx(), &permit, kind.id(), names, &stored, cut, now).await?;
                }
            }
            w.changed(Change::Kind(kind.id())).await?;
            let was = before.map(|info| written(&info.definition)).transpose()?.unwrap_or(Value::Null);
            let action = if was.is_null() { "kind.create" } else { "kind.update" };
            let target_id = kind.id().to_string();
            let record = Record { space: None, target_type: "kind", target_id, before: was, after: text };
            w.record_as(action, record).await?;
        }
        Ok(())
    })
    .await
}

/// Has somebody else's kind its name?
fn taken(dir: &Directory, kind: BuiltIn) -> bool {
    dir.kinds.by_name::<KindIx>(kind.name()).is_some_and(|ix| kind.kind(dir) != Some(ix))
}

/// How it is to be defined, unless it is so already or somebody else's stands in its place.
fn wanted(dir: &Directory, kind: BuiltIn) -> Option<Definition> {
    if taken(dir, kind) {
        return None;
    }
    let own = kind.kind(dir).and_then(|ix| dir.kinds.info(ix));
    let used = |prefix: &&str| dir.kinds.iter::<KindIx>().any(|(_, other)| other.definition.prefix == **prefix);
    let prefix = match own {
        // Codes are made of it: it stays.
        Some(info) => info.definition.prefix.clone(),
        None => kind.prefixes().into_iter().find(|prefix| !used(prefix))?.to_owned(),
    };
    // A job refers to the others: with a stranger in the place of one of them, there is nothing to refer to.
    let mut definition = kind.definition(&prefix);
    definition
        .references
        .retain(|reference| BuiltIn::ALL.into_iter().any(|other| other.name() == reference.kind && !taken(dir, other)));
    (own.is_none_or(|info| info.definition != definition)).then_some(definition)
}

fn written(definition: &Definition) -> Result<Value> {
    serde_json::to_value(definition).map_err(|e| Error::internal(format!("a kind cannot be written: {e}")))
}
