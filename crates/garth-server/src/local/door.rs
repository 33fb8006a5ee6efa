//! Both sides of the socket.

use super::{Request, carry_out};
use crate::access::{App, Ctx};
use crate::base::db::Target;
use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::base::told::Told;
use serde::{Deserialize, Serialize};
use serde_json::Value;
use std::fs::Permissions;
use std::io::{self, ErrorKind};
use std::os::unix::fs::{MetadataExt, PermissionsExt};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;
use tokio::io::{AsyncBufReadExt, AsyncReadExt, AsyncWriteExt, BufReader};
use tokio::net::unix::OwnedWriteHalf;
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

/// The socket's name in the data folder.
const NAME: &str = "garth.sock";
/// Longest request or answer.
const LINE_BYTES: u64 = 64 * 1024;
/// How long one side waits for the other.
const PATIENCE: Duration = Duration::from_secs(30);
/// How often the server says that it is still at it.
const BEAT: Duration = Duration::from_secs(5);
/// Reports that wait to be told; more are dropped, because a later one says more.
const REPORTS: usize = 8;

/// A request, and the database that it is meant for.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Asked {
    /// A hash of the database's name; two servers can share a data folder, on different databases.
    database: String,
    request: Request,
}

/// What the server answers.
#[derive(Clone, Debug, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Answer {
    /// It is done.
    Done(Value),
    /// It was refused or failed; nothing has changed.
    Refused(String),
}

/// What the server says before it answers: how far it is.
#[derive(Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Progress {
    stage: String,
    done: u64,
    all: u64,
}

/// An open door; it is shut when this is dropped.
pub struct Door {
    path: PathBuf,
    task: JoinHandle<()>,
}

impl Door {
    /// Opens the door of a running server in its data folder. What an earlier server left there is replaced.
    ///
    /// # Errors
    /// When the socket cannot be made, or another server has its door there.
    pub async fn open(app: Arc<App>, data_dir: &Path, target: &Target) -> io::Result<Door> {
        let path = data_dir.join(NAME);
        if path.symlink_metadata().is_ok() {
            if UnixStream::connect(&path).await.is_ok() {
                return Err(io::Error::new(ErrorKind::AddrInUse, "another server has its door there"));
            }
            std::fs::remove_file(&path)?;
        }
        let listener = UnixListener::bind(&path)?;
        std::fs::set_permissions(&path, Permissions::from_mode(0o600))?;
        let owner = std::fs::metadata(&path)?.uid();
        let database = name_of(target);
        let task = tokio::spawn(async move {
            loop {
                match listener.accept().await {
                    Ok((stream, _)) => {
                        // Between bind and the change of its mode, somebody else could have come in.
                        let welcome = stream.peer_cred().is_ok_and(|peer| [0, owner].contains(&peer.uid()));
                        if welcome {
                            tokio::spawn(serve(Arc::clone(&app), stream, database.clone()));
                        }
                    }
                    Err(error) => {
                        tracing::warn!(%error, "the local door does not open");
                        tokio::time::sleep(Duration::from_secs(1)).await;
                    }
                }
            }
        });
        Ok(Door { path, task })
    }
}

impl Drop for Door {
    fn drop(&mut self) {
        self.task.abort();
        // Who removed it before us has done the same.
        let _ = std::fs::remove_file(&self.path);
    }
}

/// Reads one request, carries it out and answers.
async fn serve(app: Arc<App>, stream: UnixStream, database: String) {
    let (read, mut write) = stream.into_split();
    let mut line = String::new();
    let mut lines = BufReader::new(read.take(LINE_BYTES));
    let answer = match tokio::time::timeout(PATIENCE, lines.read_line(&mut line)).await {
        Ok(Ok(1..)) => {
            let (sender, receiver) = mpsc::channel(REPORTS);
            let told: Told = Arc::new(move |stage, done, all| {
                // One that finds no place is followed by another.
                let _ = sender.try_send(Progress { stage: stage.to_owned(), done, all });
            });
            meanwhile(&mut write, receiver, answer(app, &line, &database, told)).await
        }
        // Somebody who only looked whether the door is there, or who went away.
        _ => return,
    };
    let text = serde_json::to_string(&answer).unwrap_or_default();
    // Whoever does not wait for the answer finds what was done in the audit.
    let _ = write.write_all(format!("{text}\n").as_bytes()).await;
}

/// Tells how far it is until the answer is there.
async fn meanwhile(
    write: &mut OwnedWriteHalf,
    mut reports: mpsc::Receiver<Progress>,
    answer: impl Future<Output = Answer>,
) -> Answer {
    let mut beat = tokio::time::interval(BEAT);
    // Its first beat would be at once.
    beat.reset();
    let mut last = Progress { stage: "Waiting".to_owned(), done: 0, all: 1 };
    tokio::pin!(answer);
    loop {
        tokio::select! {
            biased;
            answer = &mut answer => return answer,
            Some(report) = reports.recv() => last = report,
            _ = beat.tick() => {}
        }
        let text = serde_json::to_string(&last).unwrap_or_default();
        // Whoever went away does not end what was begun.
        let _ = write.write_all(format!("{text}\n").as_bytes()).await;
    }
}

async fn answer(app: Arc<App>, line: &str, database: &str, told: Told) -> Answer {
    let Ok(asked) = serde_json::from_str::<Asked>(line) else {
        return Answer::Refused("the server does not know this command; is it another version of Garth?".to_owned());
    };
    if asked.database != database {
        return Answer::Refused(
            "the server of this data folder runs on another database; name that one as the server does".to_owned(),
        );
    }
    match carry_out(&Ctx::system(app), asked.request, told).await {
        Ok(done) => Answer::Done(done),
        Err(error) => Answer::Refused(sentence(&error)),
    }
}

/// What is told of an error: its fields, if it is about fields.
fn sentence(error: &Error) -> String {
    match error {
        Error::Invalid(fields) => {
            let named: Vec<String> = fields.iter().map(|f| format!("{} {}", f.pointer, f.message)).collect();
            named.join("; ")
        }
        other => other.to_string(),
    }
}

/// Asks the server of a data folder; `None` when there is none. `told` hears how far it is.
///
/// # Errors
/// When the server was there and its answer did not come.
pub async fn ask(data_dir: &Path, target: &Target, request: &Request, told: &Told) -> Result<Option<Answer>> {
    let Ok(mut stream) = UnixStream::connect(data_dir.join(NAME)).await else { return Ok(None) };
    let lost = |e: io::Error| {
        Error::Malformed(format!("the server did not answer ({e}); look first whether a change was made"))
    };
    let asked = Asked { database: name_of(target), request: request.clone() };
    let mut text = serde_json::to_string(&asked).map_err(|e| Error::internal(e.to_string()))?;
    text.push('\n');
    stream.write_all(text.as_bytes()).await.map_err(lost)?;
    let mut lines = BufReader::new(stream.take(LINE_BYTES));
    loop {
        let mut line = String::new();
        lines.get_mut().set_limit(LINE_BYTES);
        let read = tokio::time::timeout(PATIENCE, lines.read_line(&mut line)).await;
        read.map_err(|_| lost(ErrorKind::TimedOut.into()))?.map_err(lost)?;
        match serde_json::from_str::<Progress>(&line) {
            Ok(Progress { stage, done, all }) => told(&stage, done, all),
            Err(_) => {
                let answer = serde_json::from_str(&line).map_err(|_| lost(ErrorKind::UnexpectedEof.into()))?;
                return Ok(Some(answer));
            }
        }
    }
}

/// A database by a hash, so that no password of a URL goes anywhere; the file of a folder is always the same one.
fn name_of(target: &Target) -> String {
    match target {
        Target::Sqlite(_) => String::new(),
        Target::Postgres(url) => ids::token_hash(url),
    }
}
