//! Putting a backup back: checked before anything is written, settled where nobody sees it, and then put in place in one
//! step.
//!
//! What was revoked after the backup was made is unknown to it. So a restore ends every session, disables every API key and
//! takes away those of observers (unless told otherwise), and makes every link worth nothing. What was under way is
//! cancelled: nothing is sent anew that may have been sent long ago.

use super::{
    Header, Result, Stages, Trouble, expect_whole, mac_of, open, place, refused, store, sync_folder, trouble, unsealed,
};
use crate::access::{App, Config, Ctx, Record, Write, write};
use crate::base::clock::{self, Clock};
use crate::base::db::{Db, Mode, Target, Tx, claim_folder, load, open_file};
use crate::base::ids;
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
    /// Is everything done but the last step, so that nothing is written where the data is to be?
    pub dry_run: bool,
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
    /// Keys of observers that were taken away.
    pub observers_removed: u64,
    /// Runs of jobs that were under way, and are cancelled.
    pub runs_cancelled: u64,
}

/// A backup that is looked at.
pub struct Look {
    /// The backup.
    pub file: PathBuf,
    /// What opens it.
    pub passphrase: Option<String>,
    /// The installation's key, as its file has it.
    pub master_key: Option<String>,
    /// The data folder, where the key may lie.
    pub data_dir: PathBuf,
}

/// What a look at a backup showed: it is whole.
#[derive(Debug)]
pub struct Checked {
    /// What it says of itself.
    pub header: Header,
    /// Is all of it sealed under a passphrase?
    pub sealed: bool,
    /// Was it made with the key that is at hand? Without any that is not known.
    pub made_here: bool,
}

/// Looks whether a backup is whole, and, where the installation's key is at hand, whether that installation made it.
///
/// # Errors
/// When the file is no backup, is damaged or of a newer schema, the passphrase is wrong, or another installation made it.
pub async fn look(wanted: Look, stages: Stages<'_>) -> Result<Checked> {
    looked(wanted, stages).await.map_err(|trouble| match trouble {
        // Nobody expected that.
        Trouble::Refused(sentence) => refused(sentence.replace(" Nothing was restored.", "")),
        other => other,
    })
}

async fn looked(wanted: Look, stages: Stages<'_>) -> Result<Checked> {
    let found = unsealed(&wanted.file, wanted.passphrase.as_deref(), &std::env::temp_dir(), stages)?;
    let (mut tx, header, text) = open(&found.file).await?;
    let digest = expect_whole(&mut tx, &header, &text, &mut |done, all| stages("Checking", done, all)).await?;
    let given = wanted.passphrase.is_some() || wanted.master_key.is_some();
    let vault = match given {
        true => Some(key_of(wanted.passphrase.as_deref(), wanted.master_key.as_deref(), None, &header)?),
        false => find_key(&wanted.data_dir, None)?,
    };
    if let Some(vault) = &vault {
        expect_maker(&mut tx, vault, &digest).await?;
    }
    Ok(Checked { header, sealed: found.folder.is_some(), made_here: vault.is_some() })
}

/// Restores a backup into an empty place; audited in the restored system log.
///
/// # Errors
/// When the place is not empty or in use, the file is no backup, damaged or of a newer schema, or the key is missing or
/// wrong: all that is found out before anything is written. Whatever fails later leaves the place empty.
pub async fn restore(wanted: Restore, stages: Stages<'_>) -> Result<Restored> {
    let found = unsealed(&wanted.file, wanted.passphrase.as_deref(), &beside(&wanted), stages)?;
    let (mut tx, header, text) = open(&found.file).await?;
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
    if wanted.dry_run {
        let scratch = Scratch::in_folder(&std::env::temp_dir(), &format!("garth-{}", ids::new_token("")))?;
        let (_, ended) = settle(&wanted, &found.file, &vault, &header, &scratch.0, stages).await?;
        return Ok(ended.of(header));
    }

    let made_folder = !wanted.data_dir.exists();
    let claim = claim_folder(&wanted.data_dir)?;
    let restored = in_place(&wanted, &found.file, &vault, header, stages).await;
    if restored.is_err() && made_folder {
        // What this restore made itself; a folder with anything else in it stays.
        let _ = std::fs::remove_file(wanted.data_dir.join("lock"));
        let _ = std::fs::remove_dir(&wanted.data_dir);
    }
    drop(claim);
    restored
}

/// Where the content of a sealed backup lies meanwhile: on the disk that it is restored to, and for a dry run where other
/// passing things lie.
fn beside(wanted: &Restore) -> PathBuf {
    let there = wanted.data_dir.ancestors().find(|folder| folder.is_dir());
    match there {
        Some(folder) if !wanted.dry_run => folder.to_owned(),
        _ if wanted.dry_run || wanted.data_dir.is_absolute() => std::env::temp_dir(),
        _ => PathBuf::from("."),
    }
}

/// The key that goes with the backup. One that is there already must be the same: two would be one too many.
fn key(wanted: &Restore, header: &Header) -> Result<Vault> {
    let there = find_key(&wanted.data_dir, None)?;
    key_of(wanted.passphrase.as_deref(), wanted.master_key.as_deref(), there, header)
}

fn key_of(passphrase: Option<&str>, key: Option<&str>, there: Option<Vault>, header: &Header) -> Result<Vault> {
    if let Some(passphrase) = passphrase {
        let kept = header.key.as_ref().ok_or_else(|| {
            refused("The backup does not carry the installation's key: give it with --master-key FILE.")
        })?;
        return Vault::from_passphrase(passphrase, &place(header.made_at), kept)?
            .ok_or_else(|| refused("The passphrase is wrong. Nothing was restored."));
    }
    if let Some(text) = key {
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

async fn in_place(
    wanted: &Restore,
    plain: &Path,
    vault: &Vault,
    header: Header,
    stages: Stages<'_>,
) -> Result<Restored> {
    let key_file = wanted.data_dir.join("master-key");
    let key_there = find_key(&wanted.data_dir, None)?;
    let proof = vault.proof()?;
    if key_there.as_ref().is_some_and(|there| !there.knows(&proof)) {
        return Err(refused(format!(
            "There is another key already, in {} or in GARTH_MASTER_KEY; a server would start with that one.",
            key_file.display()
        )));
    }
    let scratch = Scratch::in_folder(&wanted.data_dir, SCRATCH)?;
    let (settled, ended) = settle(wanted, plain, vault, &header, &scratch.0, stages).await?;
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
    Ok(ended.of(header))
}

/// Brings a copy of the backup up to date and takes away what must not come back to life, as any change is made: by the
/// writer of an opened installation, on record. Answers the file that is to be put in place.
async fn settle(
    wanted: &Restore,
    plain: &Path,
    vault: &Vault,
    header: &Header,
    scratch: &Path,
    stages: Stages<'_>,
) -> Result<(PathBuf, Ended)> {
    let copy = scratch.join("garth.db");
    std::fs::copy(plain, &copy).map_err(|e| trouble(&copy, &e))?;
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
    let ended = outcome?;
    // Copied once more, so that nothing is left in it of what was taken away.
    let settled = scratch.join("settled.db");
    let made =
        File::options().write(true).create_new(true).mode(0o600).open(&settled).map_err(|e| trouble(&settled, &e))?;
    let db = Db::open(&Target::Sqlite(copy), Mode::ReadOnly).await?;
    db.copy_into(&settled, &mut |done, all| stages("Settling", done, all)).await?;
    made.sync_all().map_err(|e| trouble(&settled, &e))?;
    Ok((settled, ended))
}

/// How much was ended.
struct Ended {
    sessions: u64,
    keys: i64,
    observers: u64,
    runs: u64,
}

impl Ended {
    fn of(self, header: Header) -> Restored {
        Restored {
            header,
            sessions_ended: self.sessions,
            keys_disabled: self.keys,
            observers_removed: self.observers,
            runs_cancelled: self.runs,
        }
    }
}

/// Ends sessions, disables keys, makes links worth nothing, and cancels what was under way; says how much.
async fn end_promises(ctx: &Ctx, header: &Header, keep_keys: bool) -> Result<Ended> {
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
        let runs = store::cancel_runs(w.tx(), &permit, now).await?;
        let keys = if keep_keys { Vec::new() } else { store::disable_keys(w.tx(), &permit).await? };
        let observers = if keep_keys { 0 } else { store::forget_observers(w.tx(), &permit).await? };
        for (space, disabled) in &keys {
            let ix = w.dir().space_ref(space);
            let after = json!({ "api_keys_disabled": disabled });
            let (target_id, before) = (space.clone(), Value::Null);
            w.record(Record { space: ix, target_type: "space", target_id, before, after }).await?;
        }
        let disabled = keys.iter().map(|(_, count)| count).sum::<i64>();
        let after = json!({
            "backup": backup, "sessions_ended": sessions, "api_keys_disabled": disabled, "api_keys_kept": keep_keys,
            "observer_keys_removed": observers, "runs_cancelled": runs,
        });
        let (target_id, before) = (String::new(), Value::Null);
        w.record(Record { space: None, target_type: "installation", target_id, before, after }).await?;
        Ok(Ended { sessions, keys: disabled, observers, runs })
    })
    .await?;
    Ok(done)
}

/// The folder in which a restore works; gone when it ends.
struct Scratch(PathBuf);

impl Scratch {
    /// The data folder is claimed: what is there is of a restore that was cut off.
    fn in_folder(folder: &Path, name: &str) -> Result<Scratch> {
        let path = folder.join(name);
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
