//! Putting a backup back: checked before anything is written, settled where nobody sees it, and then put in place in one
//! step.
//!
//! What was revoked after the backup was made is unknown to it. So a restore ends every session, disables every API key
//! (unless told otherwise), and makes every link worth nothing.

use super::{Header, Result, Stages, Trouble, expect_whole, mac_of, open, place, refused, store, sync_folder, trouble};
use crate::access::{App, Config, Ctx, Record, Write, write};
use crate::base::clock::{self, Clock};
use crate::base::db::{Db, Mode, Target, Tx, claim_folder, load, open_file};
use crate::base::secrets::Vault;
use crate::base::secrets::file::{find as find_key, keep as keep_key};
use serde_json::{Value, json};
use std::fs::{DirBuilder, File};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The folder in which a restore works, in the data folder.
const SCRATCH: &str = "restoring";

/// What is to be restored, and where.
pub struct Restore {
    /// The backup.
    pub file: PathBuf,
    /// The database to be.
    pub target: Target,
    /// The data folder to be, for the installation's key and on SQLite the database.
    pub data_dir: PathBuf,
    /// What opens the key that the backup carries.
    pub passphrase: Option<String>,
    /// The installation's key, as its file has it.
    pub master_key: Option<String>,
    /// Do API keys go on working?
    pub keep_keys: bool,
    /// Tells the time.
    pub clock: Clock,
}

/// What was restored.
#[derive(Debug)]
pub struct Restored {
    /// What the backup said of itself.
    pub header: Header,
    /// Sessions that were ended.
    pub sessions_ended: u64,
    /// API keys that were disabled.
    pub keys_disabled: i64,
}

/// Restores a backup into an empty place; audited in the restored system log.
///
/// # Errors
/// When the place is not empty or in use, the file is no backup, damaged or of a newer schema, or the key is missing or
/// wrong: all that is found out before anything is written. Whatever fails later leaves the place empty.
pub async fn restore(wanted: Restore, stages: Stages<'_>) -> Result<Restored> {
    let (mut tx, header, text) = open(&wanted.file).await?;
    if !wanted.target.vacant().await? {
        return Err(refused(match &wanted.target {
            Target::Sqlite(path) => format!(
                "{} holds data already: a backup is restored into an empty folder only.",
                path.parent().unwrap_or(path).display()
            ),
            Target::Postgres(_) => {
                "The database holds Garth's tables already: a backup is restored into an empty one only.".to_owned()
            }
        }));
    }
    let digest = expect_whole(&mut tx, &header, &text, &mut |done, all| stages("Checking", done, all)).await?;
    let vault = key(&wanted, &header)?;
    expect_maker(&mut tx, &vault, &digest).await?;
    drop(tx);

    let made_folder = !wanted.data_dir.exists();
    let claim = claim_folder(&wanted.data_dir)?;
    let restored = in_place(&wanted, &vault, header, stages).await;
    if restored.is_err() && made_folder {
        // What this restore made itself; a folder with anything else in it stays.
        let _ = std::fs::remove_file(wanted.data_dir.join("lock"));
        let _ = std::fs::remove_dir(&wanted.data_dir);
    }
    drop(claim);
    restored
}

/// The key that goes with the backup. One that is there already must be the same: two would be one too many.
fn key(wanted: &Restore, header: &Header) -> Result<Vault> {
    let there = find_key(&wanted.data_dir, None)?;
    if let Some(passphrase) = &wanted.passphrase {
        let kept = header.key.as_ref().ok_or_else(|| {
            refused("The backup does not carry the installation's key: give it with --master-key FILE.")
        })?;
        return Vault::from_passphrase(passphrase, &place(header.made_at), kept)?
            .ok_or_else(|| refused("The passphrase is wrong. Nothing was restored."));
    }
    if let Some(text) = &wanted.master_key {
        return Ok(Vault::read(text)?);
    }
    there.ok_or_else(|| {
        refused(match header.key {
            Some(_) => "The backup carries the installation's key: give its passphrase with --passphrase-file FILE.",
            None => "The backup does not carry the installation's key: give it with --master-key FILE, or set GARTH_MASTER_KEY.",
        })
    })
}

/// Requires that the installation of that key made the backup.
async fn expect_maker(tx: &mut Tx, vault: &Vault, digest: &str) -> Result<()> {
    let proof = store::key_proof(tx).await?.unwrap_or_default();
    if !vault.knows(&proof) {
        return Err(refused(
            "This is not the key of the installation that the backup was made from. Nothing was restored.",
        ));
    }
    if store::about(tx, "mac").await? != Some(mac_of(vault, digest)) {
        return Err(refused("Somebody without the installation's key has changed the backup. Nothing was restored."));
    }
    Ok(())
}

async fn in_place(wanted: &Restore, vault: &Vault, header: Header, stages: Stages<'_>) -> Result<Restored> {
    let key_file = wanted.data_dir.join("master-key");
    let key_there = find_key(&wanted.data_dir, None)?;
    let proof = vault.proof()?;
    if key_there.as_ref().is_some_and(|there| !there.knows(&proof)) {
        return Err(refused(format!(
            "There is another key already, in {} or in GARTH_MASTER_KEY; a server would start with that one.",
            key_file.display()
        )));
    }
    let scratch = Scratch::in_folder(&wanted.data_dir)?;
    let (settled, sessions_ended, keys_disabled) = settle(wanted, vault, &header, &scratch.0, stages).await?;
    if key_there.is_none() {
        keep_key(vault, &wanted.data_dir).map_err(|e| trouble(&key_file, &e))?;
    }
    let put = match &wanted.target {
        Target::Sqlite(path) => {
            std::fs::rename(&settled, path).and_then(|()| sync_folder(path)).map_err(|e| trouble(path, &e))
        }
        Target::Postgres(url) => {
            load(url, &settled, &mut |done, all| stages("Writing", done, all)).await.map_err(Trouble::from)
        }
    };
    if let Err(e) = put {
        if key_there.is_none() {
            let _ = std::fs::remove_file(&key_file);
        }
        return Err(e);
    }
    Ok(Restored { header, sessions_ended, keys_disabled })
}

/// Brings a copy of the backup up to date and takes away what must not come back to life, as any change is made: by the
/// writer of an opened installation, on record. Answers the file that is to be put in place.
async fn settle(
    wanted: &Restore,
    vault: &Vault,
    header: &Header,
    scratch: &Path,
    stages: Stages<'_>,
) -> Result<(PathBuf, u64, i64)> {
    let copy = scratch.join("garth.db");
    std::fs::copy(&wanted.file, &copy).map_err(|e| trouble(&copy, &e))?;
    let mut tx = open_file(&copy, true)?;
    store::drop_about(&mut tx).await?;
    drop(tx);
    keep_key(vault, scratch).map_err(|e| trouble(scratch, &e))?;
    let config = Config {
        target: Target::Sqlite(copy.clone()),
        data_dir: Some(scratch.to_owned()),
        public_url: String::new(),
        clock: wanted.clock.clone(),
        limits: crate::access::Limits::default(),
        capabilities: Vec::new(),
        mail: None,
        incoming: None,
        // No resource is saved here.
        body_check: |_, _, _| Ok(()),
    };
    let app = App::open(config).await?;
    let outcome = end_promises(&Ctx::system(app.clone()), header, wanted.keep_keys).await;
    app.shutdown().await;
    let (sessions, keys) = outcome?;
    // Copied once more, so that nothing is left in it of what was taken away.
    let settled = scratch.join("settled.db");
    let made =
        File::options().write(true).create_new(true).mode(0o600).open(&settled).map_err(|e| trouble(&settled, &e))?;
    let db = Db::open(&Target::Sqlite(copy), Mode::ReadOnly).await?;
    db.copy_into(&settled, &mut |done, all| stages("Settling", done, all)).await?;
    made.sync_all().map_err(|e| trouble(&settled, &e))?;
    Ok((settled, sessions, keys))
}

/// Ends sessions, disables keys, and makes links worth nothing; says how many sessions and keys.
async fn end_promises(ctx: &Ctx, header: &Header, keep_keys: bool) -> Result<(u64, i64)> {
    let backup = json!({
        "made_at": clock::to_text(header.made_at), "engine": header.engine, "program": header.program,
        "schema": header.schema,
    });
    let done = write(ctx, "installation.restore", async move |w: &mut Write<'_>| {
        let permit = w.system()?;
        let now = w.now;
        // The picture is not told: nobody is asked anything by this server, and the next one reads it afresh.
        let sessions = store::end_sessions(w.tx(), &permit, now).await?;
        store::forget_promises(w.tx(), &permit).await?;
        let keys = if keep_keys { Vec::new() } else { store::disable_keys(w.tx(), &permit).await? };
        for (space, disabled) in &keys {
            let ix = w.dir().space_ref(space);
            let after = json!({ "api_keys_disabled": disabled });
            let (target_id, before) = (space.clone(), Value::Null);
            w.record(Record { space: ix, target_type: "space", target_id, before, after }).await?;
        }
        let disabled = keys.iter().map(|(_, count)| count).sum::<i64>();
        let after = json!({
            "backup": backup, "sessions_ended": sessions, "api_keys_disabled": disabled, "api_keys_kept": keep_keys,
        });
        let (target_id, before) = (String::new(), Value::Null);
        w.record(Record { space: None, target_type: "installation", target_id, before, after }).await?;
        Ok((sessions, disabled))
    })
    .await?;
    Ok(done)
}

/// The folder in which a restore works; gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    /// The data folder is claimed: what is there is of a restore that was cut off.
    fn in_folder(data_dir: &Path) -> Result<Scratch> {
        let path = data_dir.join(SCRATCH);
        if path.exists() {
            std::fs::remove_dir_all(&path).map_err(|e| trouble(&path, &e))?;
        }
        DirBuilder::new().mode(0o700).create(&path).map_err(|e| trouble(&path, &e))?;
        Ok(Scratch(path))
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed now is removed by the next restore.
        let _ = std::fs::remove_dir_all(&self.0);
    }
}
