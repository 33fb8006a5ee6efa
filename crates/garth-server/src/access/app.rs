//! The running server: the store, its writer, and the snapshot that everybody reads.

use crate::access::asks::{Ask, Asks};
use crate::access::bounds::{EXPORTS, IMPORTS};
use crate::access::built_in;
use crate::access::calls::Calls;
use crate::access::chain;
use crate::access::once::KEPT_SECONDS;
use crate::access::share::Shares;
use crate::access::store::{self, AuditEntry};
use crate::access::{InCharge, in_charge};
use crate::base::attempts::{Guesses, Pace};
use crate::base::clock::Clock;
use crate::base::db::{Db, DbError, Mode, Target, Tx, Writer};
use crate::base::error::{Error, FieldError, Result};
use crate::base::ids;
use crate::base::mail::{Incoming, Mailer, Smtp};
use crate::base::memory::Memory;
use crate::base::metrics::{Figures, Moment};
use crate::base::passwords::Passwords;
use crate::base::rego::Rego;
use crate::base::secrets::Vault;
use crate::base::secrets::file::{self, Source, write_private};
use crate::base::spans::Spans;
use crate::directory::known::{Changed, Known};
use crate::directory::{BuiltIn, Directory, KeyInfo, LastUse, Session, load};
use arc_swap::ArcSwap;
use garth_core::Micros;
use hashbrown::HashSet;
use ipnet::IpNet;
use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;
use tokio::sync::Semaphore;
use uuid::Uuid;

/// Refusals that wait to be written; beyond this the oldest are dropped.
const REFUSALS: usize = 10_000;

/// How often what waits is written.
const FLUSH: Duration = Duration::from_secs(1);
/// How often what is too old goes, in microseconds.
const FORGET: Micros = 60 * 60 * 1_000_000;

/// How a server is set up.
#[derive(Clone)]
pub struct Config {
    /// Where the data lives.
    pub target: Target,
    /// The folder for the installation's key and the setup token.
    pub data_dir: Option<PathBuf>,
    /// How clients reach this server, for discovery and links; never taken from a request.
    pub public_url: String,
    /// What discovery says it can do besides, as URNs.
    pub capabilities: Vec<String>,
    /// Tells the time; tests set it.
    pub clock: Clock,
    /// What one server takes on at a time.
    pub limits: Limits,
    /// The mail server; without one nothing is mailed.
    pub mail: Option<Smtp>,
    /// How letters come in; without it spaces have no addresses.
    pub incoming: Option<Incoming>,
    /// Looks at bodies of Garth's own kinds: [`crate::body_check`], which this room cannot name.
    pub body_check: BodyCheck,
}

/// What the nouns say of a body of one of Garth's own kinds, beyond its schema: what is wrong, each with its place. Secrets
/// stand in the body in the open, so nothing of them may be told.
pub type BodyCheck = fn(&App, BuiltIn, &serde_json::Value) -> std::result::Result<(), Vec<FieldError>>;

/// What one server takes on at a time, and whom it believes about addresses.
#[derive(Clone, Debug)]
pub struct Limits {
    /// The longest a request may take.
    pub request: Duration,
    /// Requests at a time; more are turned away with 503 `overloaded`.
    pub in_flight: usize,
    /// Requests at a time of one caller; more are turned away with 429 `rate_limited`.
    pub in_flight_each: usize,
    /// Requests a second of one address without a credential; more are turned away with 429 `rate_limited`.
    pub anonymous_per_second: u32,
    /// Addresses of proxies whose `Forwarded` and `X-Forwarded-For` headers are believed.
    pub trusted_proxies: Vec<IpNet>,
    /// May addresses be asked that are not of the public network, and plain HTTP be spoken: of identity providers where
    /// somebody who manages the installation says so, by deliveries and AI providers of every space?
    pub allow_private_targets: bool,
    /// Below these folders of this machine deliveries may write; nowhere without any.
    pub delivery_folders: Vec<PathBuf>,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            request: Duration::from_secs(30),
            in_flight: 1_024,
            in_flight_each: 256,
            anonymous_per_second: 100,
            trusted_proxies: Vec::new(),
            allow_private_targets: false,
            delivery_folders: Vec::new(),
        }
    }
}

/// The server's state, shared by every request.
pub struct App {
    /// For reading.
    pub db: Db,
    /// Tells the time.
    pub clock: Clock,
    /// Hashes passwords.
    pub passwords: Passwords,
    /// Where login policies are asked.
    pub rego: Rego,
    /// How clients reach this server.
    pub public_url: String,
    /// What discovery says it can do besides, as URNs.
    pub capabilities: Vec<String>,
    /// What this server takes on at a time.
    pub limits: Limits,
    /// Looks at bodies of Garth's own kinds.
    pub body_check: BodyCheck,
    /// What it does by itself, told to whoever traces it.
    pub spans: Spans,
    /// How it does, as `/metrics` shows it.
    pub figures: Arc<Figures>,
    /// A place for each request that is being answered.
    pub(super) places: Semaphore,
    /// What each caller has going on.
    pub(super) shares: Arc<Shares>,
    /// What each caller has going on of exports and imports.
    pub(super) transfers: Arc<Shares>,
    /// A place for each export.
    pub(super) exports: Arc<Semaphore>,
    /// A place for each import.
    pub(super) imports: Arc<Semaphore>,
    /// Requests with an `Idempotency-Key` that are being carried out.
    pub(super) running: Mutex<HashSet<String>>,
    /// Calls with the keys of spaces.
    pub(super) calls: Arc<Calls>,
    /// Counts wrong guesses of secrets.
    pub guesses: Guesses,
    /// What nouns keep in memory.
    pub memory: Memory,
    /// Sends letters, where a mail server is configured.
    pub mail: Option<Mailer>,
    /// How letters come in, where that is configured.
    pub incoming: Option<Incoming>,
    /// Holds addresses without a credential to their pace.
    pub(super) pace: Pace,
    pub(super) writer: Option<Writer<Directory>>,
    snapshot: Arc<ArcSwap<Directory>>,
    /// What is known of resources that were asked about lately.
    pub known: Arc<Known>,
    refusals: Mutex<Vec<AuditEntry>>,
    asks: Mutex<Asks>,
    uses: Mutex<Vec<(Used, Arc<LastUse>)>>,
    setup: Mutex<Option<String>>,
    setup_file: Option<PathBuf>,
    pub(super) keys: Keys,
    /// Something was taken away whose remains the database may still hold.
    remains: AtomicBool,
}

/// Something of which it is written down when it was used last.
#[derive(Clone, Copy)]
enum Used {
    Key(Uuid),
    Session(Uuid),
}

/// The keys that may be the installation's. The one in use is in the picture; while it is exchanged, both are here, so that
/// whichever the database turns out to hold is known.
pub(super) struct Keys {
    pub(super) known: Arc<Mutex<Vec<Vault>>>,
    /// Where it came from; nowhere for who only looks.
    pub(super) source: Option<Source>,
    /// One exchange at a time.
    pub(super) exchange: tokio::sync::Mutex<()>,
}

impl App {
    /// Opens the store as its one server.
    ///
    /// # Errors
    /// When the store cannot be opened, is newer than this program, or has a server already.
    pub async fn open(config: Config) -> Result<Arc<App>, DbError> {
        let db = Db::open(&config.target, Mode::Serve).await?;
        let clock = config.clock.clone();
        // Empty until the first picture is loaded; the writer publishes the later ones through it.
        let slot: Arc<OnceLock<Arc<ArcSwap<Directory>>>> = Arc::default();
        let publish_to = Arc::clone(&slot);
        let known: Arc<Known> = Arc::default();
        let forget = Arc::clone(&known);
        let publish = move |next: &mut Directory| {
            forget.forget(&std::mem::replace(&mut next.changed, Changed::These(Vec::new())));
            if let Some(snapshot) = publish_to.get() {
                snapshot.store(Arc::new(next.clone()));
            }
        };
        let load_clock = clock.clone();
        let proof = store::key_proof(&db).await?;
        // Another key is refused at once, because nothing that was sealed before would open under it.
        let (vault, source) = file::open(config.data_dir.as_deref(), proof.as_deref()).map_err(fault)?;
        let keys = Keys {
            known: Arc::new(Mutex::new(vec![vault.clone()])),
            source: Some(source),
            exchange: tokio::sync::Mutex::default(),
        };
        let candidates = Arc::clone(&keys.known);
        let load = async move |tx: &mut Tx| {
            let mut dir = load::all(tx, load_clock.now()).await?;
            dir.vault = vault_of(tx, &candidates).await?;
            Ok(dir)
        };
        let (writer, first) = Writer::start(db.clone(), load, publish).await?;
        let snapshot = Arc::clone(slot.get_or_init(|| Arc::new(ArcSwap::from_pointee(first))));
        if proof.is_none() {
            let proof = vault.proof().map_err(fault)?;
            let keep = async move |tx: &mut Tx, _: &mut Directory| store::keep_key_proof(tx, &proof).await;
            writer.run(keep).await?;
        }
        let app = Self::assemble(config, db, keys, Some(writer), snapshot, known)?;
        built_in::make(&app).await.map_err(fault)?;
        Ok(app)
    }

    /// Opens the store for looking only, beside a server that may be running.
    ///
    /// # Errors
    /// When the store cannot be opened or has another schema.
    pub async fn open_read_only(config: Config) -> Result<Arc<App>, DbError> {
        let db = Db::open(&config.target, Mode::ReadOnly).await?;
        let directory = load::read(&db, config.clock.now()).await?;
        let snapshot = Arc::new(ArcSwap::from_pointee(directory));
        let keys = Keys { known: Arc::default(), source: None, exchange: tokio::sync::Mutex::default() };
        Self::assemble(config, db, keys, None, snapshot, Arc::default())
    }

    fn assemble(
        config: Config,
        db: Db,
        keys: Keys,
        writer: Option<Writer<Directory>>,
        snapshot: Arc<ArcSwap<Directory>>,
        known: Arc<Known>,
    ) -> Result<Arc<App>, DbError> {
        let setup_file = config.data_dir.as_deref().map(|dir| dir.join("setup-token"));
        // Who only looks sends nothing.
        let smtp = config.mail.as_ref().filter(|_| writer.is_some());
        let mail = smtp.map(|smtp| Mailer::start(smtp, config.clock.clone())).transpose().map_err(DbError::Other)?;
        let app = App {
            db,
            guesses: Guesses::default(),
            memory: Memory::default(),
            mail,
            incoming: config.incoming,
            pace: Pace::new(config.limits.anonymous_per_second, config.clock.clone()),
            clock: config.clock,
            passwords: Passwords::new().map_err(fault)?,
            rego: Rego::default(),
            public_url: config.public_url.trim_end_matches('/').to_owned(),
            capabilities: config.capabilities,
            places: Semaphore::new(config.limits.in_flight),
            spans: Spans::default(),
            shares: Arc::default(),
            transfers: Arc::default(),
            exports: Arc::new(Semaphore::new(EXPORTS)),
            imports: Arc::new(Semaphore::new(IMPORTS)),
            running: Mutex::default(),
            calls: Arc::default(),
            limits: config.limits,
            body_check: config.body_check,
            figures: Arc::new(Figures::new(writer.as_ref().map(Writer::figures))),
            writer,
            snapshot,
            known,
            refusals: Mutex::default(),
            asks: Mutex::default(),
            uses: Mutex::default(),
            setup: Mutex::default(),
            setup_file,
            keys,
            // What a server that was killed left behind is settled as well.
            remains: AtomicBool::new(true),
        };
        if app.writer.is_some() && app.needs_setup() {
            app.offer_setup();
        }
        Ok(Arc::new(app))
    }

    /// The picture as it is now. Take it once per answer, after the row it judges.
    pub fn directory(&self) -> Arc<Directory> {
        self.snapshot.load_full()
    }

    /// Is there nobody yet who could sign in?
    pub fn needs_setup(&self) -> bool {
        self.directory().users.iter::<garth_core::UserIx>().next().is_none()
    }

    /// The token that makes the first system administrator, while there is none.
    pub fn setup_token(&self) -> Option<String> {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Takes the token over from an earlier start, or makes one.
    fn offer_setup(&self) {
        let kept = self.setup_file.as_deref().and_then(|file| std::fs::read_to_string(file).ok());
        let kept = kept.map(|text| text.trim().to_owned()).filter(|text| text.len() > 20);
        let token = kept.unwrap_or_else(|| ids::new_token("setup_"));
        if let Some(file) = &self.setup_file
            && let Err(e) = write_private(file, &token)
        {
            tracing::warn!(error = %e, "the setup token could not be written to a file");
        }
        *self.setup.lock().unwrap_or_else(PoisonError::into_inner) = Some(token);
    }

    /// The setup is done: the token is worth nothing from now on.
    pub fn end_setup(&self) {
        self.setup.lock().unwrap_or_else(PoisonError::into_inner).take();
        if let Some(file) = &self.setup_file {
            // It may never have been written.
            let _ = std::fs::remove_file(file);
        }
    }

    /// Keeps a refusal to be written with others: bookkeeping, never a disk sync each (`MODEL.md`, law 9).
    pub(super) fn note_refusal(&self, entry: AuditEntry) {
        let mut refusals = self.refusals.lock().unwrap_or_else(PoisonError::into_inner);
        if refusals.len() >= REFUSALS {
            refusals.remove(0);
        }
        refusals.push(entry);
    }

    /// Keeps a question of a resource to be written with others, or counts it: bookkeeping as well.
    pub(super) fn note_ask(&self, ask: Ask, request_id: &str, now: Micros) {
        if self.writer.is_some() {
            self.asks.lock().unwrap_or_else(PoisonError::into_inner).note(ask, request_id, now);
        }
    }

    /// Notes that a key was used, about once a minute, to be written with others: bookkeeping as well.
    pub(super) fn note_use(&self, key: &KeyInfo, now: Micros) {
        if key.used.note(now) {
            self.uses.lock().unwrap_or_else(PoisonError::into_inner).push((Used::Key(key.id), Arc::clone(&key.used)));
        }
    }

    /// The same of a session, which ends when nobody uses it.
    pub(super) fn note_session(&self, session: &Session, now: Micros) {
        if session.note(now) {
            let used = (Used::Session(session.id), Arc::clone(&session.used));
            self.uses.lock().unwrap_or_else(PoisonError::into_inner).push(used);
        }
    }

    /// Writes the refusals and the questions of resources that wait, together; called on a timer and before an audit
    /// list is read.
    ///
    /// # Errors
    /// When the store is not available; they are kept for the next time.
    pub async fn flush_refusals(self: &Arc<Self>) -> Result<()> {
        let app = Arc::clone(self);
        // A task of its own: who asked may go away, and must not take along what others wait to see written.
        tokio::spawn(async move { app.flush(false).await }).await.map_err(|_| Error::internal("a flush did not end"))?
    }

    /// `end` also tells what is still being counted.
    async fn flush(&self, end: bool) -> Result<()> {
        let waiting = std::mem::take(&mut *self.refusals.lock().unwrap_or_else(PoisonError::into_inner));
        let asked = self.asks.lock().unwrap_or_else(PoisonError::into_inner).take(self.clock.now(), end);
        let something = !(waiting.is_empty() && asked.is_empty());
        let Some(writer) = self.writer.as_ref().filter(|_| something) else { return Ok(()) };
        let entries = waiting.clone();
        let questions = by_space(&asked);
        let written: Result<()> = writer
            .run(async move |tx: &mut Tx, dir: &mut Directory| {
                for entry in &entries {
                    chain::append(tx, dir, entry).await?;
                }
                for (space, entries) in &questions {
                    chain::append_all(tx, dir, space, entries).await?;
                }
                Ok(())
            })
            .await;
        if written.is_err() {
            waiting.into_iter().for_each(|entry| self.note_refusal(entry));
            self.asks.lock().unwrap_or_else(PoisonError::into_inner).keep(asked);
        }
        written
    }

    /// Writes when keys and sessions were used last, of those that wait; called on a timer. It goes by itself: whatever is wrong
    /// with it keeps nothing from the record.
    ///
    /// # Errors
    /// When the store is not available; they are kept for the next time. Nobody need look at that.
    pub async fn flush_uses(&self) -> Result<()> {
        let Some(writer) = self.writer.as_ref() else { return Ok(()) };
        let used = std::mem::take(&mut *self.uses.lock().unwrap_or_else(PoisonError::into_inner));
        if used.is_empty() {
            return Ok(());
        }
        let uses: Vec<(Used, Micros)> = used.iter().map(|(of, used)| (*of, used.take())).collect();
        let written: Result<()> = writer
            .run(async move |tx: &mut Tx, _: &mut Directory| {
                for (of, at) in &uses {
                    match of {
                        Used::Key(key) => store::keep_use(tx, &key.to_string(), *at).await?,
                        Used::Session(session) => store::keep_session_use(tx, &session.to_string(), *at).await?,
                    }
                }
                Ok(())
            })
            .await;
        if written.is_err() {
            let again = used.into_iter().filter(|(_, used)| used.wait());
            self.uses.lock().unwrap_or_else(PoisonError::into_inner).extend(again);
        }
        written
    }

    /// The same where nobody minds: a last use that is not written is one that nobody is told of.
    async fn note_uses(&self) {
        if let Err(error) = self.flush_uses().await {
            tracing::debug!(%error, "when keys were used last could not be written; it is tried again");
        }
    }

    /// Does what is to be done from time to time, for as long as the server runs: what waits is written,
    /// what is too old goes.
    pub async fn keep_house(self: Arc<Self>) {
        let mut every = tokio::time::interval(FLUSH);
        every.set_missed_tick_behavior(tokio::time::MissedTickBehavior::Delay);
        let mut forgotten: Option<Micros> = None;
        loop {
            every.tick().await;
            if let Err(e) = self.flush_refusals().await {
                tracing::warn!(error = %e, "refusals could not be written; they are kept");
            }
            if let Err(e) = self.flush_calls(false).await {
                tracing::warn!(error = %e, "calls with keys could not be written; they are kept");
            }
            self.note_uses().await;
            self.settle().await;
            let now = self.clock.now();
            if forgotten.is_some_and(|last| now - last < FORGET) {
                continue;
            }
            forgotten = Some(now);
            match self.forget_old_entries().await {
                Ok(0) => {}
                Ok(gone) => {
                    tracing::info!(gone, "audit entries were taken away, being older than the settings keep them")
                }
                Err(e) => tracing::warn!(error = %e, "old audit entries could not be taken away"),
            }
        }
    }

    /// Something secret was taken away: what the database still holds of it is to go soon.
    pub fn leaves_remains(&self) {
        self.remains.store(true, Ordering::Release);
    }

    /// Lets go of what the database still holds of things that were taken away, as far as it can: on SQLite the log beside
    /// the file is emptied. While somebody reads an older state, that waits for the next time.
    pub async fn settle(&self) {
        let Some(writer) = self.writer.as_ref().filter(|_| self.remains.swap(false, Ordering::AcqRel)) else { return };
        if !matches!(writer.settle().await, Ok(true)) {
            self.leaves_remains();
        }
    }

    /// Takes audit entries away that are older than the settings keep them, and kept answers that are over.
    ///
    /// # Errors
    /// When the store fails; what is not done yet is done the next time.
    pub async fn forget_old_entries(&self) -> Result<u64> {
        let Some(writer) = self.writer.as_ref() else { return Ok(0) };
        let since = self.clock.now() - KEPT_SECONDS * 1_000_000;
        let forget = async move |tx: &mut Tx, _: &mut Directory| store::forget_kept(tx, since).await;
        writer.run::<(), DbError, _>(forget).await?;
        let Some(days) = self.directory().settings.audit_days else { return Ok(0) };
        let before = self.clock.now() - i64::from(days) * 24 * 60 * 60 * 1_000_000;
        let mut gone = 0;
        for space in chain::chains(&self.db).await? {
            loop {
                let space = space.clone();
                let prune = async move |tx: &mut Tx, dir: &mut Directory| chain::prune(tx, dir, &space, before).await;
                match writer.run::<u64, DbError, _>(prune).await? {
                    0 => break,
                    some => gone += some,
                }
            }
        }
        Ok(gone)
    }

    /// Can this server answer? False while it has lost its store.
    pub fn ready(&self) -> bool {
        self.db.ready()
    }

    /// How long ago the last change was applied, where there is a writer; at first, how long it runs.
    pub fn since_change(&self) -> Option<Duration> {
        self.writer.as_ref().map(|writer| writer.figures().since_applied())
    }

    /// Changes that wait for the writer.
    pub fn waiting(&self) -> usize {
        self.writer.as_ref().map_or(0, Writer::waiting)
    }

    /// Spaces that nobody is in charge of. Every space is looked at for it.
    pub fn adrift(&self) -> usize {
        let dir = self.directory();
        let nobody = |ix| in_charge(&dir.world, ix) == InCharge::Nobody;
        // The default space is everybody's until somebody names it.
        let spaces = dir.world.spaces().filter(|(ix, space)| {
            let named = *ix != dir.default_space || !dir.implicit();
            named && !space.sealed && nobody(*ix)
        });
        spaces.count()
    }

    /// Its figures at this moment, in the format of [`crate::base::metrics::MEDIA_TYPE`]. Every space is looked at for it.
    pub fn metrics(&self) -> String {
        let (waiting, adrift, writer) = (self.waiting(), self.adrift(), self.writer.as_ref().map(Writer::figures));
        self.figures.text(&Moment { ready: self.ready(), waiting, adrift, writer })
    }

    /// Writes what waits, finishes the queue and lets the store go.
    pub async fn shutdown(&self) {
        if let Some(mail) = &self.mail {
            mail.shutdown().await;
        }
        if let Err(e) = self.flush(true).await {
            tracing::warn!(error = %e, "refusals could not be written at the end");
        }
        if let Err(e) = self.flush_calls(true).await {
            tracing::warn!(error = %e, "calls with keys could not be written at the end");
        }
        self.note_uses().await;
        if let Some(writer) = &self.writer {
            writer.shutdown().await;
        }
    }
}

/// Entries with those of the same space, in their order.
fn by_space(entries: &[AuditEntry]) -> Vec<(String, Vec<AuditEntry>)> {
    let mut found: BTreeMap<&str, Vec<AuditEntry>> = BTreeMap::new();
    for entry in entries {
        found.entry(&entry.space).or_default().push(entry.clone());
    }
    found.into_iter().map(|(space, entries)| (space.to_owned(), entries)).collect()
}

/// The key that this state of the database was written under, of those that may be it.
async fn vault_of(tx: &mut Tx, known: &Mutex<Vec<Vault>>) -> Result<Vault, DbError> {
    let (proof, ring) = store::key_in(tx).await?;
    let known = known.lock().unwrap_or_else(PoisonError::into_inner).clone();
    let fits = |vault: &&Vault| proof.as_ref().is_none_or(|proof| vault.knows(proof));
    let vault =
        known.iter().find(fits).ok_or_else(|| DbError::Other("this is not the installation's key".to_owned()))?;
    vault.clone().with_ring(ring.as_deref()).map_err(fault)
}

fn fault(error: Error) -> DbError {
    DbError::Other(error.to_string())
}
