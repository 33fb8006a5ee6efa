//! Where the installation's key lies: in `GARTH_MASTER_KEY`, or in a file of the data folder.
//!
//! While the key is exchanged a second file lies beside the first. Which of the two counts is said by the database, in
//! whose one transaction everything changed over: the one that knows its proof. So whenever the machine stops, one of
//! the two fits, and the next start puts it in its place.

use super::Vault;
use crate::base::error::{Error, Result};
use std::fs::{File, OpenOptions, Permissions};
use std::io::{ErrorKind, Write};
use std::os::unix::fs::{OpenOptionsExt, PermissionsExt};
use std::path::{Path, PathBuf};

/// The environment variable that holds the installation's key, instead of a file.
pub const VARIABLE: &str = "GARTH_MASTER_KEY";
/// The file of the installation's key, in the data folder.
pub const FILE: &str = "master-key";
/// The file of the key that is to take its place.
const NEXT: &str = "master-key.next";

/// Where the key of a running server came from.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Source {
    /// The environment: only whoever starts the server can exchange it there.
    Variable,
    /// The data folder.
    Folder(PathBuf),
}

/// The key that fits, from `GARTH_MASTER_KEY`, else from `DIR/master-key`, which is made (0600) for an installation that
/// never had one. `proof` is what an earlier start kept of the key. An exchange that was cut off is brought to its end,
/// or taken back. The caller has the installation to itself.
///
/// # Errors
/// When the key cannot be read or written, is not 32 bytes in base64, or is not the one the installation was sealed
/// with.
pub fn open(data_dir: Option<&Path>, proof: Option<&str>) -> Result<(Vault, Source)> {
    let knows = |vault: &Vault| proof.is_none_or(|proof| vault.knows(proof));
    let other = || {
        Error::internal(format!(
            "This is not the installation's key: what was sealed before would not open. Put the right one into \
             the data folder's master-key, or into {VARIABLE}."
        ))
    };
    if let Some(vault) = of_variable()? {
        return if knows(&vault) { Ok((vault, Source::Variable)) } else { Err(other()) };
    }
    let folder = data_dir.ok_or_else(|| Error::internal(format!("give a data folder or set {VARIABLE}")))?;
    let source = Source::Folder(folder.to_owned());
    let (here, next) = (read(&folder.join(FILE)), read(&folder.join(NEXT)));
    if let (Some(proof), Ok(Some(next))) = (proof, &next)
        && next.knows(proof)
    {
        put_in_place(folder).map_err(|e| unwritten(&folder.join(FILE), &e))?;
        tracing::info!("an exchange of the installation's key was brought to its end");
        return Ok((next.clone(), source));
    }
    match here? {
        Some(vault) if knows(&vault) => {
            take_back(folder);
            Ok((vault, source))
        }
        Some(_) => Err(other()),
        None if proof.is_some() => Err(Error::internal(format!(
            "The installation's key is missing: put {} back, or set {VARIABLE}. Without it no secret opens.",
            folder.join(FILE).display()
        ))),
        None => {
            let vault = Vault::fresh();
            keep(&vault, folder).map_err(|e| unwritten(&folder.join(FILE), &e))?;
            Ok((vault, source))
        }
    }
}

/// The key that is in use there, as far as it is at hand: the one that knows the proof, or without one that of
/// `GARTH_MASTER_KEY`, else of `DIR/master-key`. Nothing is made, and nothing is put in place.
///
/// # Errors
/// When a file cannot be read, or what is found is no key.
pub fn find(data_dir: &Path, proof: Option<&str>) -> Result<Option<Vault>> {
    if let Some(vault) = of_variable()? {
        return Ok(Some(vault));
    }
    let next = read(&data_dir.join(NEXT)).ok().flatten();
    if let Some(next) = next.filter(|next| proof.is_some_and(|proof| next.knows(proof))) {
        return Ok(Some(next));
    }
    read(&data_dir.join(FILE))
}

/// The key of `GARTH_MASTER_KEY`, if it is set.
fn of_variable() -> Result<Option<Vault>> {
    std::env::var(VARIABLE).ok().map(|text| Vault::read(&text)).transpose()
}

fn read(file: &Path) -> Result<Option<Vault>> {
    match std::fs::read_to_string(file) {
        Ok(text) => Vault::read(&text).map(Some),
        Err(e) if e.kind() == ErrorKind::NotFound => Ok(None),
        Err(e) => Err(Error::internal(format!("{} cannot be read: {e}", file.display()))),
    }
}

fn unwritten(file: &Path, error: &std::io::Error) -> Error {
    Error::internal(format!("{} cannot be written: {error}", file.display()))
}

/// Writes the key into a data folder, for its owner only.
///
/// # Errors
/// When the file cannot be written.
pub fn keep(vault: &Vault, data_dir: &Path) -> std::io::Result<()> {
    write_private(&data_dir.join(FILE), &vault.written())?;
    sync_folder(data_dir)
}

/// Writes the key that is to take the other's place beside it, and waits until the disk has it.
///
/// # Errors
/// When the file cannot be written.
pub fn keep_next(vault: &Vault, data_dir: &Path) -> std::io::Result<()> {
    write_private(&data_dir.join(NEXT), &vault.written())?;
    sync_folder(data_dir)
}

/// Puts the next key in the place of the one before, whose bytes are overwritten as far as the file system does so.
///
/// # Errors
/// When the folder cannot be written.
pub fn put_in_place(data_dir: &Path) -> std::io::Result<()> {
    let file = data_dir.join(FILE);
    let before = OpenOptions::new().write(true).open(&file).ok();
    std::fs::rename(data_dir.join(NEXT), &file)?;
    sync_folder(data_dir)?;
    if let Some(mut before) = before {
        let length = usize::try_from(before.metadata()?.len()).unwrap_or(0);
        before.write_all(&vec![0; length])?;
        before.sync_all()?;
    }
    Ok(())
}

/// Before another exchange: brings one to its end whose file was not renamed, or takes it back.
///
/// # Errors
/// When the folder cannot be written.
pub fn settle(data_dir: &Path, now: &Vault) -> std::io::Result<()> {
    match read(&data_dir.join(NEXT)) {
        Ok(Some(next)) if next.same(now) => put_in_place(data_dir),
        _ => {
            take_back(data_dir);
            Ok(())
        }
    }
}

/// Takes a next key away that nothing was sealed with.
pub fn take_back(data_dir: &Path) {
    // Mostly there is none; one that stays is looked at by the next start.
    let _ = std::fs::remove_file(data_dir.join(NEXT));
}

/// Waits until the disk knows which files are in the folder.
fn sync_folder(folder: &Path) -> std::io::Result<()> {
    File::open(folder)?.sync_all()
}

/// Writes a file that only its owner reads.
pub(crate) fn write_private(path: &Path, text: &str) -> std::io::Result<()> {
    if let Some(folder) = path.parent() {
        std::fs::create_dir_all(folder)?;
    }
    let mut file = OpenOptions::new().write(true).create(true).truncate(true).mode(0o600).open(path)?;
    // One that was there keeps the mode it had.
    file.set_permissions(Permissions::from_mode(0o600))?;
    file.write_all(text.as_bytes())?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::base::ids;

    /// A folder of its own, gone at the end.
    struct Folder(PathBuf);

    impl Folder {
        fn new() -> Self {
            let folder = std::env::temp_dir().join(ids::new_token("garth_keys_"));
            std::fs::create_dir(&folder).expect("a folder");
            Self(folder)
        }
    }

    impl Drop for Folder {
        fn drop(&mut self) {
            let _ = std::fs::remove_dir_all(&self.0);
        }
    }

    #[test]
    fn whenever_an_exchange_is_cut_off_one_of_the_two_files_fits() {
        let folder = Folder::new();
        let dir = Some(folder.0.as_path());
        let (first, source) = open(dir, None).expect("made");
        assert_eq!(source, Source::Folder(folder.0.clone()));
        let (old, next) = (first.proof().expect("proof"), Vault::fresh());
        let new = next.proof().expect("proof");
        let mode =
            |name: &str| std::fs::metadata(folder.0.join(name)).map(|found| found.permissions().mode() & 0o777).ok();
        assert_eq!(mode(FILE), Some(0o600));

        // Before the database changed over: the old key counts, and the next one goes.
        keep_next(&next, &folder.0).expect("kept");
        assert_eq!(mode(NEXT), Some(0o600));
        assert!(find(&folder.0, Some(&old)).expect("found").expect("there").same(&first));
        assert!(open(dir, Some(&old)).expect("opens").0.same(&first));
        assert_eq!(mode(NEXT), None);

        // After it, before the file was renamed: the next key counts, and takes its place.
        keep_next(&next, &folder.0).expect("kept");
        assert!(find(&folder.0, Some(&new)).expect("found").expect("there").same(&next));
        assert!(open(dir, Some(&new)).expect("opens").0.same(&next));
        assert_eq!((mode(FILE), mode(NEXT)), (Some(0o600), None));
        assert!(open(dir, Some(&new)).expect("opens").0.same(&next));
        assert!(open(dir, Some(&old)).is_err(), "the old one is nowhere any more");

        // A next key that was cut off while it was written is none.
        std::fs::write(folder.0.join(NEXT), "AAAA").expect("written");
        assert!(open(dir, Some(&new)).expect("opens").0.same(&next));
    }
}
