//! Reports into a folder of this machine, below those that its configuration allows.
//!
//! Names cannot lead out: the path is plain steps, what is there of it is followed to where it really is, and that must lie
//! below an allowed folder. A file is written under another name, synced and then renamed, so that nobody reads half of
//! one. Who can change folders on this machine while this goes on is trusted with them.

use super::{Outcome, Parcel, text, wrong};
use crate::access::App;
use crate::base::error::FieldError;
use crate::base::ids;
use serde_json::Value;
use std::fs::{self, File, OpenOptions};
use std::io::{self, Write as _};
use std::path::{Component, Path, PathBuf};
use std::sync::Arc;

/// Longest path, in bytes.
pub const PATH_BYTES: usize = 1_024;

pub(super) fn check(app: &App, body: &Value) -> Vec<FieldError> {
    let allowed = &app.limits.delivery_folders;
    if allowed.is_empty() {
        let why = "this server's configuration allows no folder: see delivery_folders in the manual";
        return vec![wrong("/body/type", why)];
    }
    // Which folders are allowed is not told: that is the machine's matter.
    let fits = plain(text(body, "path")).is_some_and(|path| allowed.iter().any(|folder| path.starts_with(folder)));
    if fits {
        Vec::new()
    } else {
        vec![wrong("/body/path", "must lie below a folder that this server's configuration allows")]
    }
}

/// A path from the root, of plain steps only.
fn plain(path: &str) -> Option<PathBuf> {
    let read = Path::new(path);
    let fits = path.len() <= PATH_BYTES && !path.chars().any(char::is_control) && read.is_absolute();
    let steps = read.components().all(|step| matches!(step, Component::RootDir | Component::Normal(_)));
    // `components` drops single dots, so that they are looked for in the text.
    (fits && steps && !path.split('/').any(|step| step == ".")).then(|| read.to_owned())
}

pub(super) async fn deliver(app: &Arc<App>, body: &Value, parcel: &Parcel) -> Outcome {
    let Some(path) = plain(text(body, "path")) else {
        return Outcome::failed("Its path is none that is written to.", false);
    };
    let (allowed, parcel) = (app.limits.delivery_folders.clone(), parcel.clone());
    match tokio::task::spawn_blocking(move || put(&allowed, &path, &parcel)).await {
        Ok(Ok(1)) => Outcome::delivered("1 file was written."),
        Ok(Ok(count)) => Outcome::delivered(format!("{count} files were written.")),
        Ok(Err(Trouble::Outside)) => {
            Outcome::failed("The folder does not lie below one that this server's configuration allows.", false)
        }
        Ok(Err(Trouble::Failed(error))) => {
            tracing::info!(%error, "a delivery could not be written into its folder");
            Outcome::failed("The folder could not be written to.", true)
        }
        Err(_) => Outcome::failed("The folder could not be written to.", true),
    }
}

enum Trouble {
    Outside,
    Failed(io::Error),
}

impl From<io::Error> for Trouble {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

fn put(allowed: &[PathBuf], path: &Path, parcel: &Parcel) -> Result<usize, Trouble> {
    let folder = inside(allowed, path)?;
    if parcel.files.is_empty() {
        place(&folder, &file_name(parcel, "report.txt"), parcel.text.as_bytes())?;
        return Ok(1);
    }
    for file in &parcel.files {
        place(&folder, &file_name(parcel, &file.name), &file.bytes)?;
    }
    Ok(parcel.files.len())
}

/// The folder where it really is, made where it is missing.
fn inside(allowed: &[PathBuf], path: &Path) -> Result<PathBuf, Trouble> {
    let real: Vec<PathBuf> = allowed.iter().filter_map(|folder| folder.canonicalize().ok()).collect();
    let within = |at: &Path| real.iter().any(|folder| at.starts_with(folder));
    // What is there decides before anything is made.
    let there = path.ancestors().find(|at| at.symlink_metadata().is_ok()).ok_or(Trouble::Outside)?;
    let there = there.canonicalize()?;
    if !within(&there) {
        return Err(Trouble::Outside);
    }
    fs::create_dir_all(path)?;
    let made = path.canonicalize()?;
    if within(&made) { Ok(made) } else { Err(Trouble::Outside) }
}

/// The same at every attempt, and one step only.
fn file_name(parcel: &Parcel, name: &str) -> String {
    let plain = |c: char| if c.is_alphanumeric() || "._-".contains(c) { c } else { '-' };
    let name: String = name.chars().map(plain).collect();
    let id: String = parcel.id.chars().filter(|c| c.is_ascii_alphanumeric() || *c == '-' || *c == '_').collect();
    // The longest name that file systems take is 255 bytes.
    let start = name.ceil_char_boundary(name.len().saturating_sub(160));
    format!("{id}-{}", name[start..].trim_start_matches('.'))
}

fn place(folder: &Path, name: &str, bytes: &[u8]) -> io::Result<()> {
    let hidden = folder.join(format!(".{name}.{}", ids::hex(&ids::random::<6>())));
    let written = write_new(&hidden, bytes).and_then(|()| fs::rename(&hidden, folder.join(name)));
    if written.is_err() {
        // It may never have been made.
        let _ = fs::remove_file(&hidden);
    }
    written?;
    File::open(folder)?.sync_all()
}

fn write_new(path: &Path, bytes: &[u8]) -> io::Result<()> {
    // What is there already, be it a link, is not written to.
    let mut file = OpenOptions::new().write(true).create_new(true).open(path)?;
    file.write_all(bytes)?;
    file.sync_all()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parcel(id: &str) -> Parcel {
        Parcel {
            id: id.to_owned(),
            job: String::new(),
            entry: String::new(),
            title: String::new(),
            text: "words".to_owned(),
            html: None,
            files: Vec::new(),
            recipients: Value::Null,
            reached: Vec::new(),
        }
    }

    #[test]
    fn a_path_is_plain_steps() {
        for wrong in ["", "reports", "../reports", "/srv/../etc", "/srv/./a", "/srv/reports/..", "/srv/a\n", "~/a"] {
            assert!(plain(wrong).is_none(), "{wrong}");
        }
        for good in ["/srv/reports", "/srv/reports/", "/srv/rep..orts/a"] {
            assert!(plain(good).is_some(), "{good}");
        }
    }

    #[test]
    fn a_name_is_one_step() {
        for (given, name) in [
            ("review.pdf", "p1-review.pdf"),
            ("../../etc/passwd", "p1--..-etc-passwd"),
            ("a/b", "p1-a-b"),
            (".hidden", "p1-hidden"),
            ("a\0b", "p1-a-b"),
        ] {
            assert_eq!(file_name(&parcel("p1"), given), name);
        }
        assert!(file_name(&parcel("p1"), &"é".repeat(500)).len() < 255);
        assert_eq!(file_name(&parcel("../p/1"), "x"), "p1-x");
    }

    #[test]
    fn nothing_leads_out_of_the_allowed_folder() {
        let place = std::env::temp_dir().join(format!("garth-folder-{}", ids::hex(&ids::random::<8>())));
        let (allowed, outside) = (place.join("allowed"), place.join("outside"));
        fs::create_dir_all(&allowed).expect("a folder");
        fs::create_dir_all(&outside).expect("a folder");
        let all = [allowed.clone()];
        assert!(matches!(put(&all, &allowed.join("a/b"), &parcel("p")), Ok(1)));
        assert_eq!(fs::read_to_string(allowed.join("a/b/p-report.txt")).expect("a file"), "words");
        // Again is the same, and nothing else lies there.
        assert!(matches!(put(&all, &allowed.join("a/b"), &parcel("p")), Ok(1)));
        assert_eq!(fs::read_dir(allowed.join("a/b")).expect("a folder").count(), 1);
        #[cfg(unix)]
        {
            std::os::unix::fs::symlink(&outside, allowed.join("link")).expect("a link");
            for out in ["link", "link/deeper"] {
                assert!(matches!(put(&all, &allowed.join(out), &parcel("p")), Err(Trouble::Outside)), "{out}");
            }
            // A link in the place of the file is replaced, and not followed.
            let target = outside.join("target");
            fs::write(&target, "kept").expect("a file");
            std::os::unix::fs::symlink(&target, allowed.join("q-report.txt")).expect("a link");
            assert!(matches!(put(&all, &allowed, &parcel("q")), Ok(1)));
            assert_eq!(fs::read_to_string(&target).expect("a file"), "kept");
        }
        assert!(matches!(put(&all, &outside, &parcel("p")), Err(Trouble::Outside)));
        assert_eq!(fs::read_dir(&outside).expect("a folder").count(), usize::from(cfg!(unix)));
        fs::remove_dir_all(&place).expect("gone");
    }
}
