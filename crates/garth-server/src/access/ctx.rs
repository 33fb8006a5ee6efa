//! Who is asking: from a credential to the caller that decisions judge.

use crate::access::arrival::Arrival;
use crate::access::asks::Ask;
use crate::access::bounds;
use crate::access::cookie::{self, Cookie};
use crate::access::once::Once;
use crate::access::{App, Busy, Share, Tried, archived};
use crate::base::address::Origin;
use crate::base::attempts::Guess;
use crate::base::db::Db;
use crate::base::error::{Error, Result};
use crate::base::http::{Query, RequestId};
use crate::base::ids;
use crate::directory::{Directory, KeyInfo, Session};
use axum::extract::FromRequestParts;
use axum::http::request::Parts;
use axum::http::{HeaderMap, header};
use garth_core::{Caller, Micros, ResourceIx, UserIx};
use std::net::IpAddr;
use std::sync::Arc;
use uuid::Uuid;

/// Hashes that one address may have going on or waiting: half of what may wait in all.
pub const HASHING_EACH: usize = 64;

/// The credential a request came with.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Who {
    /// None.
    Anonymous,
    /// A session, by the hash of its token.
    Session(String),
    /// An API key, by the hash of its secret.
    Key(String),
    /// The command line on the server, which sees all.
    System,
    /// What runs on behalf of a resource: with the roles that are granted to it, and where it holds none with its owner's
    /// rights.
    Job {
        /// The resource.
        job: Uuid,
        /// Its owner, a user.
        owner: Option<Uuid>,
    },
    /// Whoever wrote a letter: a user, by id, as far as their account alone says.
    Sender(Uuid),
}

impl Who {
    /// Whoever holds that token: its prefix says what it is.
    fn of(token: &str) -> Self {
        let hash = ids::token_hash(token);
        if token.starts_with(KEY_PREFIX) { Self::Key(hash) } else { Self::Session(hash) }
    }
}

/// What the secrets of API keys begin with.
pub const KEY_PREFIX: &str = "gk_";
/// What the secrets of observer keys begin with.
pub const OBSERVER_PREFIX: &str = "garth_obs_";

/// Does that key open anything now? Not when it is expired or disabled, nor while its space is archived.
pub fn works(dir: &Directory, key: &KeyInfo, now: Micros) -> bool {
    key.good(now) && !archived(&dir.world, key.space)
}

/// Who acts for a resource: the resource itself while anything is granted to it, else its owner, while that is somebody who
/// could sign in. An attachment that has expired is one all the same: nobody else's rights take its place.
fn acting(dir: &Directory, job: &Uuid, owner: Option<&Uuid>) -> Option<Caller> {
    if let Some(actor) = dir.actors.by_id::<ResourceIx>(job) {
        return Some(Caller::resource(actor));
    }
    Caller::user(&dir.world, dir.users.by_id(owner?)?)
}

/// A key has no account, no sessions and no memberships of its own.
pub(super) fn no_person() -> Error {
    Error::Forbidden("an API key is not a person: this is for somebody who signs in".to_owned())
}

/// Everything an operation knows of the request it serves.
#[derive(Clone)]
pub struct Ctx {
    /// The server.
    pub app: Arc<App>,
    /// The credential.
    pub who: Who,
    /// The request's id.
    pub request_id: String,
    /// Only what would happen is asked for: every change is undone before it is answered.
    pub dry_run: bool,
    /// Where the pictures of a change go that is only tried.
    pub(super) tried: Option<Tried>,
    /// The request's `Idempotency-Key`, to be kept with what it changes.
    pub(super) once: Option<Arc<Once>>,
    /// The client's address; the command line has none.
    pub address: Option<IpAddr>,
    /// The caller's part of what this server takes on at a time, held until the request is done.
    busy: Option<Arc<Busy>>,
}

impl Ctx {
    /// The command line.
    pub fn system(app: Arc<App>) -> Self {
        Self::new(app, Who::System, ids::new_request_id())
    }

    /// What runs on behalf of a resource, which that user owns.
    pub fn for_resource(app: Arc<App>, job: Uuid, owner: Option<Uuid>) -> Self {
        Self::new(app, Who::Job { job, owner }, ids::new_request_id())
    }

    /// Whoever wrote a letter that came in. That they did is settled before.
    pub fn sender(app: Arc<App>, user: Uuid) -> Self {
        Self::new(app, Who::Sender(user), ids::new_request_id())
    }

    pub(super) fn new(app: Arc<App>, who: Who, request_id: String) -> Self {
        Self { app, who, request_id, address: None, dry_run: false, tried: None, once: None, busy: None }
    }

    /// Reads the credential of a request; one that is no good is refused, never taken for none.
    pub(super) fn of(parts: &Parts, app: &Arc<App>) -> Result<Self> {
        if !app.ready() {
            return Err(Error::Unavailable);
        }
        Self::with(credential(parts, app)?, parts, app)
    }

    /// The same for somebody who looks at a page: whose session has ended is nobody, and is shown how to sign in.
    fn visiting(parts: &Parts, app: &Arc<App>) -> Result<Self> {
        match Self::of(parts, app) {
            Err(Error::Unauthenticated) if !parts.headers.contains_key(header::AUTHORIZATION) => {
                Self::with(Who::Anonymous, parts, app)
            }
            other => other,
        }
    }

    /// A request of somebody with that credential.
    fn with(who: Who, parts: &Parts, app: &Arc<App>) -> Result<Self> {
        let request_id = parts.extensions.get::<RequestId>().map(|id| id.0.clone()).unwrap_or_default();
        let mut ctx = Self::new(Arc::clone(app), who, request_id);
        ctx.address = parts.extensions.get::<Arrival>().and_then(|arrival| arrival.address);
        ctx.busy = parts.extensions.get::<Arc<Busy>>().cloned();
        let dir = app.directory();
        ctx.good(&dir)?;
        if let Ok(key) = ctx.key(&dir) {
            app.note_use(key, ctx.now());
        }
        if let Ok(session) = ctx.session(&dir) {
            app.note_session(session, ctx.now());
        }
        ctx.once = parts.extensions.get::<Arc<Once>>().cloned();
        Ok(ctx)
    }

    /// Takes the caller's part of what this server takes on at a time.
    ///
    /// # Errors
    /// 429 when they have too much going on.
    pub(super) fn busy(mut self) -> Result<Self> {
        if self.busy.is_some() {
            // An address's, or taken already with the body of a request that is carried out once.
            return Ok(self);
        }
        let share = match &self.who {
            Who::Anonymous | Who::System | Who::Job { .. } | Who::Sender(_) => return Ok(self),
            Who::Session(_) => Share::User(self.session(&self.directory())?.user),
            Who::Key(_) => Share::Keys(self.key(&self.directory())?.space),
        };
        let busy = self.app.shares.take(share, self.app.limits.in_flight_each).ok_or(Error::RateLimited(1))?;
        self.busy = Some(Arc::new(busy));
        Ok(self)
    }

    /// Whose part it is.
    pub(super) fn share(&self) -> Option<Share> {
        self.busy.as_ref().map(|busy| busy.share())
    }

    /// The part that was taken.
    pub(super) fn part(&self) -> Option<Arc<Busy>> {
        self.busy.clone()
    }

    /// A turn at hashing: one address has at most half of what may wait for the hashing threads.
    ///
    /// # Errors
    /// 429 when it has them all.
    pub fn hashing(&self) -> Result<Option<Busy>> {
        let Some(address) = self.address else { return Ok(None) };
        let share = Share::Hashing(Origin::of(Some(address)));
        self.app.shares.take(share, HASHING_EACH).map(Some).ok_or(Error::RateLimited(1))
    }

    /// Reads what every change takes besides its body: its confirmation, and whether it is to be done in
    /// earnest. Another parameter, misspelt or of a later version, may ask for something else than what
    /// would be done.
    fn with_query(mut self, parts: &Parts) -> Result<Self> {
        if !parts.method.is_safe() {
            let mut query = Query::new(&parts.uri)?;
            query.one("confirm");
            if bounds::import(parts) {
                query.flag("settings");
            }
            self.dry_run = query.flag("dry_run");
            query.done()?;
        }
        Ok(self)
    }

    /// The same request, which only tries what it changes, and where the pictures of that will be.
    pub fn trying(&self) -> (Self, Tried) {
        let tried = Tried::default();
        (Self { dry_run: true, tried: Some(tried.clone()), ..self.clone() }, tried)
    }

    /// The same request with another credential.
    pub fn with_credential(&self, who: Who) -> Self {
        Self { who, ..self.clone() }
    }

    /// The time.
    pub fn now(&self) -> Micros {
        self.app.clock.now()
    }

    /// The picture as it is now.
    pub fn directory(&self) -> Arc<Directory> {
        self.app.directory()
    }

    /// Tells that the caller asked on behalf of a resource.
    pub fn note_ask(&self, ask: Ask) {
        self.app.note_ask(ask, &self.request_id, self.now());
    }

    /// The store, asked on the caller's behalf: long reads are shared out fairly among callers.
    pub fn db(&self) -> Db {
        self.app.db.on_behalf_of(self.busy.as_ref().map(|busy| busy.share()))
    }

    /// Counts a guess of an account's secret (or of a one-time token, which is nobody's yet) before it is verified.
    /// The account is a name as it is compared, whether there is one of that name or not.
    ///
    /// # Errors
    /// 429 `rate_limited` when too many were wrong lately.
    pub fn guess(&self, account: Option<&str>) -> Result<Guess<'_>> {
        self.app.guesses.begin(account, Origin::of(self.address), &self.app.clock)
    }

    /// The session the request came with, as that picture knows it.
    ///
    /// # Errors
    /// 401 without one, or when it is unknown, expired or revoked; 403 for an API key, which is not a person.
    pub fn session<'a>(&self, dir: &'a Directory) -> Result<&'a Arc<Session>> {
        match &self.who {
            Who::Session(hash) => dir.session(hash, self.now()).ok_or(Error::Unauthenticated),
            Who::Key(_) => self.key(dir).and(Err(no_person())),
            Who::Anonymous | Who::System | Who::Job { .. } | Who::Sender(_) => Err(Error::Unauthenticated),
        }
    }

    /// The API key the request came with, as that picture knows it.
    ///
    /// # Errors
    /// 401 without one, or when it is unknown, expired, rotated out, disabled, revoked, or when its space, or
    /// one above that, is archived (`MODEL.md`, "Spaces").
    pub fn key<'a>(&self, dir: &'a Directory) -> Result<&'a Arc<KeyInfo>> {
        let Who::Key(hash) = &self.who else { return Err(Error::Unauthenticated) };
        dir.key(hash, self.now()).filter(|key| works(dir, key, self.now())).ok_or(Error::Unauthenticated)
    }

    /// When the API key that asks ends, or the secret that it showed; people have no end.
    pub(super) fn ends_at(&self, dir: &Directory) -> Option<Micros> {
        let Who::Key(hash) = &self.who else { return None };
        self.key(dir).ok().and_then(|key| key.ends(hash))
    }

    /// Requires that the credential is still good there, without working out what follows from it.
    ///
    /// # Errors
    /// 401 when it is unknown, expired or revoked, its user is disabled, or a key's space is archived.
    fn good(&self, dir: &Directory) -> Result<()> {
        match &self.who {
            Who::Anonymous | Who::System => Ok(()),
            Who::Key(_) => self.key(dir).map(drop),
            Who::Job { .. } => self.caller(dir).map(drop),
            Who::Sender(user) => sender(dir, user).map(drop),
            Who::Session(_) => {
                let enabled = dir.world.user(self.session(dir)?.user).is_some_and(|u| u.enabled);
                if enabled { Ok(()) } else { Err(Error::Unauthenticated) }
            }
        }
    }

    /// The caller, in that picture.
    ///
    /// # Errors
    /// 401 when the credential is no longer good there, or its user is disabled.
    pub fn caller(&self, dir: &Directory) -> Result<Caller> {
        match &self.who {
            Who::Anonymous => Ok(Caller::anonymous()),
            Who::System => Ok(Caller::system()),
            Who::Job { job, owner } => acting(dir, job, owner.as_ref()).ok_or(Error::Unauthenticated),
            Who::Key(_) => Caller::key(&dir.world, self.key(dir)?.ix).ok_or(Error::Unauthenticated),
            Who::Sender(user) => Caller::user(&dir.world, sender(dir, user)?).ok_or(Error::Unauthenticated),
            Who::Session(_) => {
                let session = self.session(dir)?;
                let caller = Caller::user(&dir.world, session.user).ok_or(Error::Unauthenticated)?;
                Ok(caller.with(session.brought.as_ref()))
            }
        }
    }

    /// The caller, who must be signed in (or the system).
    ///
    /// # Errors
    /// 401 otherwise.
    pub fn somebody(&self, dir: &Directory) -> Result<Caller> {
        match self.who {
            Who::Anonymous => Err(Error::Unauthenticated),
            _ => self.caller(dir),
        }
    }

    /// The caller of a list: somebody signed in, or anybody where the installation has public access on.
    ///
    /// # Errors
    /// 401 otherwise.
    pub fn reader(&self, dir: &Directory) -> Result<Caller> {
        if dir.settings.public_access { self.caller(dir) } else { self.somebody(dir) }
    }

    /// The user who is signed in.
    ///
    /// # Errors
    /// 401 for anybody who is not a user, 403 for an API key.
    pub fn user(&self, dir: &Directory) -> Result<UserIx> {
        Ok(self.session(dir)?.user)
    }

    /// A system administrator, or the system.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn system_admin(&self, dir: &Directory) -> Result<Caller> {
        let caller = self.somebody(dir)?;
        if caller.system || caller.system_admin {
            return Ok(caller);
        }
        Err(Error::Forbidden("this needs a system administrator".to_owned()))
    }
}

/// A user who wrote, while their account is enabled.
fn sender(dir: &Directory, user: &Uuid) -> Result<UserIx> {
    let ix = dir.users.by_id::<UserIx>(user).ok_or(Error::Unauthenticated)?;
    if dir.world.user(ix).is_some_and(|user| user.enabled) { Ok(ix) } else { Err(Error::Unauthenticated) }
}

/// A request that must be signed in: what every handler takes unless it says [`Anyone`], so that
/// whoever is nobody is refused before anything of the request is looked at.
impl FromRequestParts<Arc<App>> for Ctx {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        let ctx = Ctx::of(parts, app)?;
        if ctx.who == Who::Anonymous {
            return Err(Error::Unauthenticated);
        }
        ctx.with_query(parts)?.busy()
    }
}

/// A request with or without a credential; one that is no good is refused, never taken for none.
pub struct Anyone(pub Ctx);

impl FromRequestParts<Arc<App>> for Anyone {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        Ctx::of(parts, app)?.with_query(parts)?.busy().map(Self)
    }
}

/// Whoever brings a secret in the address that they ask, and nothing else: no credential is looked at, and other sites and
/// programs may send what it changes, for the secret is the whole proof.
pub struct Bearer(pub Ctx);

impl FromRequestParts<Arc<App>> for Bearer {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        if !app.ready() {
            return Err(Error::Unavailable);
        }
        Ctx::with(Who::Anonymous, parts, app)?.with_query(parts)?.busy().map(Self)
    }
}

/// A request for a list: signed in, or by anybody where the installation has public access on.
pub struct Reader(pub Ctx);

impl FromRequestParts<Arc<App>> for Reader {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        let ctx = Ctx::of(parts, app)?;
        if ctx.who == Who::Anonymous {
            ctx.reader(&app.directory())?;
        }
        ctx.busy().map(Self)
    }
}

/// Somebody who looks at a page, or sends a form of one: with a session or without. What a form changes must come from a
/// page of this server even without one: nobody is signed in as somebody else by another site.
pub struct Visitor(pub Ctx);

impl FromRequestParts<Arc<App>> for Visitor {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        if !parts.headers.contains_key(header::AUTHORIZATION) {
            cookie::same_origin(app, parts)?;
        }
        Ctx::visiting(parts, app)?.with_query(parts)?.busy().map(Self)
    }
}

/// Somebody at a page for those who are signed in: whose session has ended is nobody, and is shown how to sign in. What
/// changes something by a cookie must come from a page of this server, as everywhere.
pub struct AtPage(pub Ctx);

impl FromRequestParts<Arc<App>> for AtPage {
    type Rejection = Error;

    async fn from_request_parts(parts: &mut Parts, app: &Arc<App>) -> Result<Self> {
        Ctx::visiting(parts, app)?.with_query(parts)?.busy().map(Self)
    }
}

/// The credential of a request: a bearer token, or else the cookie of a browser.
fn credential(parts: &Parts, app: &Arc<App>) -> Result<Who> {
    let mut given = parts.headers.get_all(header::AUTHORIZATION).iter();
    match (given.next(), given.next()) {
        // Two credentials are none: which of them counts would be anybody's guess.
        (Some(_), Some(_)) => Err(Error::Unauthenticated),
        (Some(header), None) => Ok(Who::of(bearer(header.to_str().ok())?)),
        (None, _) => match Cookie::Session.read(app, &parts.headers)? {
            None => Ok(Who::Anonymous),
            Some(token) => {
                cookie::same_origin(app, parts)?;
                // Only sessions live in cookies.
                Ok(Who::Session(ids::token_hash(token)))
            }
        },
    }
}

/// The secret of an observer key that a request came with, good or not.
pub fn observer_secret(headers: &HeaderMap) -> Option<&str> {
    let mut given = headers.get_all(header::AUTHORIZATION).iter();
    let (Some(one), None) = (given.next(), given.next()) else { return None };
    bearer(one.to_str().ok()).ok().filter(|secret| secret.starts_with(OBSERVER_PREFIX))
}

fn bearer(header: Option<&str>) -> Result<&str> {
    let (scheme, token) = header.and_then(|h| h.split_once(' ')).ok_or(Error::Unauthenticated)?;
    if scheme.eq_ignore_ascii_case("bearer") { Ok(token) } else { Err(Error::Unauthenticated) }
}
