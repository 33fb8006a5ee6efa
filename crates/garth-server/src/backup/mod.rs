//! Backups: everything of an installation in one file, made beside a running server, and put back into an empty place.
//!
//! The file is a SQLite database with our own schema, from whichever engine it was made, and a table `backup` that says
//! what it is. A digest of everything in it shows damage; an HMAC under the installation's key shows that the
//! installation made it. Of the key itself it holds a proof only, unless a passphrase was given: then the key goes along,
//! and the whole file is sealed under the passphrase ([`stream`]).

mod restore;
mod scheduled;
mod store;

pub use restore::{Checked, Look, Restore, Restored, look, restore};
pub use scheduled::{KEEP_MAX, Made, Plan, Scheduled, begin, lately, work, work_once};

use crate::access::Config;
use crate::base::db::{Db, DbError, Mode, Progress, Tx, expect_schema, open_file};
use crate::base::error::Error;
use crate::base::ids;
use crate::base::secrets::file::find as find_key;
use crate::base::secrets::stream::{self, Sealed};
use crate::base::secrets::{UnderPassphrase, Vault, mac};
use garth_core::Micros;
use serde::{Deserialize, Serialize};
use std::collections::BTreeMap;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{BufReader, BufWriter, ErrorKind, Read, Write};
use std::os::unix::fs::{DirBuilderExt, OpenOptionsExt};
use std::path::{Path, PathBuf};

/// The form of the file; another number is another form.
const FORMAT: u32 = 1;
/// Shortest passphrase, in characters: whoever has the file can try as many as they like.
pub const PASSPHRASE_MIN: usize = 12;

/// What the name of a file begins with that is not sealed yet, in the data folder.
const WORKING: &str = "backing-up.";

/// Why a backup or a restore was not done, in one sentence.
#[derive(Debug, thiserror::Error)]
pub enum Trouble {
    /// It cannot be done as asked.
    #[error("{0}")]
    Refused(String),
    /// The database failed.
    #[error(transparent)]
    Db(#[from] DbError),
}

impl From<Error> for Trouble {
    fn from(error: Error) -> Self {
        let text = error.to_string();
        Self::Refused(format!("{}.", text.trim_end_matches('.')))
    }
}

fn refused(sentence: impl Into<String>) -> Trouble {
    Trouble::Refused(sentence.into())
}

type Result<T> = std::result::Result<T, Trouble>;

/// What a backup says of itself.
#[derive(Clone, Debug, Serialize, Deserialize)]
pub struct Header {
    /// The form of the file.
    pub format: u32,
    /// The schema of what is in it.
    pub schema: i64,
    /// The engine it was made from.
    pub engine: String,
    /// The version of the program that made it.
    pub program: String,
    /// When it was made.
    pub made_at: Micros,
    /// Rows in each table.
    pub rows: BTreeMap<String, u64>,
    /// The installation's key, if it goes along.
    pub key: Option<UnderPassphrase>,
}

impl Header {
    /// Rows in all tables.
    pub fn all_rows(&self) -> u64 {
        self.rows.values().sum()
    }
}

/// What is being done, for a progress bar: the stage, how much is done, and of how much.
pub type Stages<'a> = &'a mut dyn FnMut(&'static str, u64, u64);

/// Makes a backup of the installation of that configuration, beside a server that may be running.
///
/// # Errors
/// When the file is there already, the installation's key is not at hand, or anything cannot be read or written. No
/// file is left then.
pub async fn make(config: &Config, file: &Path, passphrase: Option<&str>, stages: Stages<'_>) -> Result<Header> {
    if file.symlink_metadata().is_ok() {
        return Err(exists(file));
    }
    if passphrase.is_some_and(|p| p.chars().count() < PASSPHRASE_MIN) {
        return Err(refused(format!("The passphrase must be at least {PASSPHRASE_MIN} characters long.")));
    }
    let db = Db::open(&config.target, Mode::ReadOnly).await?;
    let find = |proof: Option<&str>| -> Result<Vault> {
        let found = config.data_dir.as_deref().map(|dir| find_key(dir, proof)).transpose()?.flatten();
        found.ok_or_else(|| {
            refused(
                "The installation's key is not at hand, without which nobody could use the backup: say with --data \
                 where it lies, or set GARTH_MASTER_KEY.",
            )
        })
    };
    find(None)?;
    // What is not sealed yet lies where everything lies unsealed anyway, and not beside the backup.
    let partial = match (passphrase, &config.data_dir) {
        (Some(_), Some(folder)) if folder.is_dir() => Partial::working(file, folder)?,
        _ => Partial::beside(file)?,
    };
    db.copy_into(&partial.0, &mut |done, all| stages("Copying", done, all)).await?;
    let mut tx = open_file(&partial.0, true)?;
    let proof = store::key_proof(&mut tx).await?;
    let proof = proof.ok_or_else(|| refused("This installation was never served; there is nothing to back up."))?;
    // Looked for once more: it may have been exchanged since.
    let vault = find(Some(&proof))?;
    expect_key(&vault, &proof)?;
    let made_at = config.clock.now();
    let header = Header {
        format: FORMAT,
        schema: store::schema(&mut tx).await?,
        engine: db.engine().to_owned(),
        program: env!("CARGO_PKG_VERSION").to_owned(),
        made_at,
        rows: store::counts(&mut tx).await?,
        key: passphrase.map(|p| vault.under_passphrase(p, &place(made_at))).transpose()?,
    };
    let text = serde_json::to_string(&header).map_err(|e| refused(format!("The backup cannot be described: {e}.")))?;
    let all = header.all_rows();
    let digest = store::digest(&mut tx, &text, all, &mut |done, all| stages("Checking", done, all)).await?;
    let mac = mac_of(&vault, &digest);
    store::write_about(&mut tx, &[("header", &text), ("digest", &digest), ("mac", &mac)]).await?;
    drop(tx);
    match passphrase {
        None => partial.finish(file)?,
        Some(passphrase) => sealed(&partial, file, passphrase, stages)?.finish(file)?,
    }
    Ok(header)
}

/// The same file, sealed under a passphrase, beside its later place.
fn sealed(plain: &Partial, file: &Path, passphrase: &str, stages: Stages<'_>) -> Result<Partial> {
    let partial = Partial::beside(file)?;
    let mut seal = || -> std::result::Result<(), Sealed> {
        let from = File::open(&plain.0)?;
        let all = from.metadata()?.len();
        let mut to = BufWriter::new(OpenOptions::new().write(true).open(&partial.0)?);
        stream::seal_stream(passphrase, &mut BufReader::new(from), &mut to, &mut |done| stages("Sealing", done, all))?;
        to.flush()?;
        Ok(())
    };
    seal().map_err(|e| match e {
        Sealed::Io(e) => trouble(file, &e),
        other => refused(format!("The backup cannot be sealed: {other}.")),
    })?;
    Ok(partial)
}

/// Where the unsealed content of a sealed file lies while it is looked at; gone when that ends.
struct Unsealed {
    file: PathBuf,
    folder: Option<PathBuf>,
}

impl Drop for Unsealed {
    fn drop(&mut self) {
        if let Some(folder) = &self.folder {
            // Whoever looks for it finds a folder that only its owner can look into.
            let _ = std::fs::remove_dir_all(folder);
        }
    }
}

/// The file itself, or what is in it unsealed in a folder of its own, in that folder.
fn unsealed(file: &Path, passphrase: Option<&str>, within: &Path, stages: Stages<'_>) -> Result<Unsealed> {
    if !file.is_file() {
        return Err(refused(format!("There is no file {}.", file.display())));
    }
    let unread = |e: &std::io::Error| {
        let text = e.to_string();
        let reason = text.split(" (os error").next().unwrap_or_default().to_lowercase();
        refused(format!("{} cannot be read: {reason}.", file.display()))
    };
    let mut first = Vec::new();
    let mut from = File::open(file).map_err(|e| unread(&e))?;
    (&mut from).take(stream::MAGIC.len() as u64).read_to_end(&mut first).map_err(|e| unread(&e))?;
    if !stream::is_sealed(&first) {
        return Ok(Unsealed { file: file.to_owned(), folder: None });
    }
    let passphrase =
        passphrase.ok_or_else(|| refused("The backup is sealed: give its passphrase with --passphrase-file FILE."))?;
    let folder = within.join(format!(".garth-{}", ids::new_token("").chars().take(12).collect::<String>()));
    DirBuilder::new().mode(0o700).create(&folder).map_err(|e| trouble(&folder, &e))?;
    let unsealed = Unsealed { file: folder.join("backup"), folder: Some(folder) };
    let mut write = || -> std::result::Result<(), Sealed> {
        let from = File::open(file)?;
        let all = from.metadata()?.len();
        let to = OpenOptions::new().write(true).create_new(true).mode(0o600).open(&unsealed.file)?;
        let (mut from, mut to) = (BufReader::new(from), BufWriter::new(to));
        stream::open_stream(passphrase, &mut from, &mut to, &mut |done| stages("Opening", done, all))?;
        to.flush()?;
        Ok(())
    };
    write().map_err(|e| match e {
        Sealed::Passphrase => refused("The passphrase is wrong. Nothing was restored."),
        Sealed::Damaged => refused("The backup is damaged or cut off: its content is not what was written."),
        Sealed::Work => refused("The passphrase cannot be tried on this machine: it takes 64 MiB of memory."),
        Sealed::Io(e) => trouble(&unsealed.file, &e),
    })?;
    Ok(unsealed)
}

/// The place that the key is sealed for under a passphrase.
fn place(made_at: Micros) -> String {
    format!("backup/{made_at}/key")
}

/// What only the installation's key makes of that digest.
fn mac_of(vault: &Vault, digest: &str) -> String {
    ids::hex(&mac(&vault.key_for("backup"), &[digest.as_bytes()]))
}

fn expect_key(vault: &Vault, proof: &str) -> Result<()> {
    if vault.knows(proof) {
        return Ok(());
    }
    Err(refused("This is not the installation's key: what was sealed before would not open."))
}

fn exists(file: &Path) -> Trouble {
    refused(format!("{} exists already; nothing is overwritten.", file.display()))
}

fn trouble(file: &Path, error: &std::io::Error) -> Trouble {
    let text = error.to_string();
    let reason = text.split(" (os error").next().unwrap_or_default().to_lowercase();
    refused(format!("{} cannot be written: {reason}.", file.display()))
}

/// Opens a backup and reads what it says of itself.
///
/// # Errors
/// When it is no backup, or one of a later version.
async fn open(file: &Path) -> Result<(Tx, Header, String)> {
    if !file.is_file() {
        return Err(refused(format!("There is no file {}.", file.display())));
    }
    let no_backup = || refused(format!("{} is not a backup of Garth, or it is damaged.", file.display()));
    let mut tx = open_file(file, false).map_err(|_| no_backup())?;
    let text = store::about(&mut tx, "header").await.ok().flatten().ok_or_else(no_backup)?;
    // The form first: of a later one nothing else is known.
    let format = serde_json::from_str::<serde_json::Value>(&text).ok().and_then(|header| header["format"].as_u64());
    match format {
        Some(format) if format == u64::from(FORMAT) => {}
        Some(_) => return Err(refused(format!("{} was made by a newer Garth; restore it with that.", file.display()))),
        None => return Err(no_backup()),
    }
    let header: Header = serde_json::from_str(&text).map_err(|_| no_backup())?;
    expect_schema(header.schema)?;
    Ok((tx, header, text))
}

/// Requires that the file is whole: sound as a database, with the digest that it was given; answers that digest.
async fn expect_whole(tx: &mut Tx, header: &Header, text: &str, progress: Progress<'_>) -> Result<String> {
    let damaged =
        || refused("The backup is damaged or cut off: its content is not what was written. Nothing was restored.");
    let complaints = tx.complaints().await.map_err(|_| damaged())?;
    let digest = store::digest(tx, text, header.all_rows(), progress).await.map_err(|_| damaged())?;
    let kept = store::about(tx, "digest").await.map_err(|_| damaged())?;
    if complaints.is_empty() && kept.as_deref() == Some(&digest) { Ok(digest) } else { Err(damaged()) }
}

/// A file that is being made beside its later place, for its owner only; gone unless it is finished.
struct Partial(PathBuf);

impl Partial {
    fn beside(file: &Path) -> Result<Partial> {
        Self::of(file, |name| file.with_file_name(name))
    }

    /// In another folder, under a name that says what it is.
    fn working(file: &Path, folder: &Path) -> Result<Partial> {
        Self::of(file, |name| {
            let mut working = std::ffi::OsString::from(WORKING);
            working.push(name);
            folder.join(working)
        })
    }

    fn of(file: &Path, place: impl FnOnce(std::ffi::OsString) -> PathBuf) -> Result<Partial> {
        let mut name = file.file_name().ok_or_else(|| refused("Name a file to write the backup to."))?.to_owned();
        let suffix: String = ids::new_token("").chars().take(8).collect();
        name.push(format!(".{suffix}.partial"));
        let partial = place(name);
        OpenOptions::new().write(true).create_new(true).mode(0o600).open(&partial).map_err(|e| trouble(file, &e))?;
        Ok(Partial(partial))
    }

    /// Gives the file its name, unless somebody has taken that meanwhile, and waits until the disk has it.
    fn finish(self, file: &Path) -> Result<()> {
        let named = || {
            File::open(&self.0)?.sync_all()?;
            match std::fs::hard_link(&self.0, file) {
                // A file system without links: what is left is to look and to rename.
                Err(e) if e.kind() != ErrorKind::AlreadyExists && !file.exists() => std::fs::rename(&self.0, file)?,
                linked => linked?,
            }
            sync_folder(file)
        };
        named().map_err(|e: std::io::Error| match e.kind() {
            ErrorKind::AlreadyExists => exists(file),
            _ => trouble(file, &e),
        })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        // It may never have been made.
        let _ = std::fs::remove_file(&self.0);
    }
}

/// Waits until the disk knows which files are in the folder of that one.
fn sync_folder(file: &Path) -> std::io::Result<()> {
    let folder = file.parent().filter(|folder| !folder.as_os_str().is_empty()).unwrap_or(Path::new("."));
    File::open(folder)?.sync_all()
}
