//! Reading a space's file into a space: all of it or nothing.

use crate::access::{Ctx, IMPORT_BYTES, Write, archived, visible_space, write};
use crate::base::clock;
use crate::base::error::{Error, FieldError, Result};
use crate::base::told::Told;
use crate::grants::{self, Door, NewGrant};
use crate::resources::{self, Made};
use crate::spaces::{self, SpacePatch};
use crate::transfers::wire::{File, Header};
use std::io::{self, Read};
use std::path::{Path, PathBuf};

/// What an import made.
#[derive(Debug)]
pub struct Imported {
    /// The resources, and what was left out of them.
    pub made: Made,
    /// Grants that are new; none unless the settings of the space were asked for.
    pub grants: usize,
}

/// Makes everything in the file anew in a space; ids that the file's lines name each other by follow. With `settings` the
/// space takes over description, labels, policies and grants of the first line; its name and place stay its own. `told`
/// hears how far it is.
///
/// # Errors
/// 404 when the space is hidden or missing; 403 without `<kind>:write` there, and for settings without what changing them by
/// hand takes; 409 `archived` or `lockout`; 422 with everything that is wrong.
pub async fn import<B>(ctx: &Ctx, space: String, file: File<B>, settings: bool, told: Told) -> Result<Imported>
where
    B: AsRef<[u8]> + Send + Sync + 'static,
{
    write(ctx, "space.import", async move |w: &mut Write<'_>| {
        let ix = visible_space(w.dir(), &w.caller, &space, w.now)?;
        if archived(&w.dir().world, ix) {
            return Err(Error::conflict("archived", "the space is archived: nothing can be put there"));
        }
        let made = resources::put_all(w, ix, &file, &told).await?;
        let grants = if settings { apply(w, &space, file.header).await? } else { 0 };
        Ok(Imported { made, grants })
    })
    .await
}

/// The same of a file on this machine, for the command line.
///
/// # Errors
/// As [`import`]; 400 when the file cannot be read, 413 when it is too large.
pub async fn import_file(ctx: &Ctx, space: String, path: PathBuf, settings: bool, told: Told) -> Result<Imported> {
    told("Reading", 0, 1);
    let file = tokio::task::spawn_blocking(move || {
        let unreadable = |e: io::Error| Error::Malformed(format!("{} cannot be read: {e}", path.display()));
        let bytes = read(&path).map_err(unreadable)?;
        if bytes.len() > IMPORT_BYTES { Err(Error::TooLarge(IMPORT_BYTES)) } else { File::read(bytes) }
    });
    let file = file.await.map_err(|_| Error::internal("an import was not read to its end"))??;
    import(ctx, space, file, settings, told).await
}

/// What is in a file, a byte more than an import takes at the most.
fn read(path: &Path) -> io::Result<Vec<u8>> {
    let mut bytes = Vec::new();
    std::fs::File::open(path)?.take(IMPORT_BYTES as u64 + 1).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Grants first: a gate may let in only whom they name.
async fn apply(w: &mut Write<'_>, space: &str, header: Header) -> Result<usize> {
    let mut new = 0;
    for (at, grant) in header.grants.into_iter().flatten().enumerate() {
        let place = format!("/grants/{at}");
        let end = grant.expires_at.as_deref().map(|text| {
            clock::from_text(text)
                .ok_or_else(|| Error::field("/expires_at", "must be a time such as 2031-05-04T08:00:00Z"))
        });
        let expires_at = below(&place, end.transpose())?;
        // What is over is nothing to take over.
        if expires_at.is_some_and(|end| end <= w.now) {
            continue;
        }
        let grant = NewGrant { principal: grant.principal, role: grant.role, expires_at };
        let (_, made) = below(&place, grants::grant_in(w, Door::Space, space, &grant).await)?;
        new += usize::from(made);
    }
    let line = header.space;
    let patch = SpacePatch {
        description: Some(line.description),
        labels: Some(line.labels),
        view: line.view,
        edit: line.edit,
        ..SpacePatch::default()
    };
    below("/space", spaces::update_in(w, space.to_owned(), patch, None).await)?;
    Ok(new)
}

/// The same result, with the pointers of an error into the first line.
fn below<T>(place: &str, result: Result<T>) -> Result<T> {
    result.map_err(|error| match error {
        Error::Invalid(fields) => {
            let at = |f: FieldError| FieldError { pointer: format!("/lines/1{place}{}", f.pointer), ..f };
            Error::Invalid(fields.into_iter().map(at).collect())
        }
        other => other,
    })
}
