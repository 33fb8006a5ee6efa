//! The one way to change anything.
//!
//! [`write()`] runs an operation on the writer: decisions are made on the pending picture,
//! which already holds what the operations before it in the same commit did; the change,
//! its audit entry and its change-log row go into one transaction; afterwards nobody may
//! have lost their last administrator. An error anywhere undoes all of it.

use crate::access::store::{self, AuditEntry};
use crate::access::{
    self, ACTOR, ChangedRow, Ctx, Pictures, Who, app::App, chain, ctx::no_person, identity, in_charge, once,
};
use crate::base::db::{DbError, Tx};
use crate::base::error::{Error, Result};
use crate::base::ids;
use crate::base::secrets::Vault;
use crate::directory::known::Changed;
use crate::directory::{Change, ClassKey, Directory, load};
use garth_core::{Action, Caller, ClassIx, GroupIx, KindIx, Micros, Principal, RoleIx, SpaceIx, Target, UserIx};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use std::sync::Arc;
use uuid::Uuid;

/// Proof that a change was decided on. Every store write takes one; only this module makes them.
#[derive(Clone, Copy, Debug)]
pub struct Permit(());

/// What an audit entry tells of a change.
pub struct Record<'a> {
    /// The space whose administrators see it; `None` for the system's log.
    pub space: Option<SpaceIx>,
    /// The type of what was changed.
    pub target_type: &'a str,
    /// Its id.
    pub target_id: String,
    /// How it was.
    pub before: Value,
    /// How it is.
    pub after: Value,
}

/// An operation's hold on the store and on the pending picture.
pub struct Write<'a> {
    /// The time of the change.
    pub now: Micros,
    /// The session that the request came with.
    pub session: Option<Uuid>,
    /// When the API key that the request came with ends, or the secret that it showed; people have no end.
    pub ends_at: Option<Micros>,
    /// Who changes.
    pub caller: Caller,
    /// The server.
    pub app: Arc<App>,
    dir: &'a mut Directory,
    before: Directory,
    tx: &'a mut Tx,
    changes: Vec<Change>,
    stamp: Stamp,
    /// The spaces that something was recorded in.
    touched: Vec<SpaceIx>,
    refused_at: Option<(SpaceIx, String, String)>,
    /// By how much the numbers of resources in each space changed, by kind.
    pub(super) counts: BTreeMap<(SpaceIx, KindIx), i64>,
    /// The rows that were changed, where somebody asks what that would move.
    rows: Option<Vec<ChangedRow>>,
    /// Everything is undone in the end: only what would happen was asked for.
    dry_run: bool,
    /// An identity provider says so: it is obeyed, whoever a space loses.
    dictated: bool,
}

/// What every audit entry of one request has in common.
#[derive(Clone)]
struct Stamp {
    action: &'static str,
    actor: String,
    credential: String,
    request_id: String,
}

/// Runs an operation that changes something; `action` is what the audit calls it.
///
/// # Errors
/// Whatever the operation answers, 409 `last_admin` when it would leave a space or the
/// installation without an administrator, and 503 when the store cannot answer. Nothing has
/// changed then.
pub async fn write<T, F>(ctx: &Ctx, action: &'static str, operation: F) -> Result<T>
where
    T: Send + 'static,
    F: for<'w, 'a> AsyncFnOnce(&'w mut Write<'a>) -> Result<T> + Send + 'static,
{
    let writer = ctx.app.writer.as_ref().ok_or_else(|| Error::internal("the store is open for reading only"))?;
    let (ctx, dry_run) = (ctx.clone(), ctx.dry_run);
    let ended = writer
        .run(async move |tx: &mut Tx, dir: &mut Directory| {
            let done = run(ctx, action, tx, dir, operation).await.map_err(Undone::Failed)?;
            // What ends with an error is undone, in the store and in the picture.
            if dry_run { Err(Undone::Dry(done)) } else { Ok(done) }
        })
        .await;
    match ended {
        Ok(done) | Err(Undone::Dry(done)) => Ok(done),
        Err(Undone::Failed(error)) => Err(error),
    }
}

/// Why an operation is rolled back.
enum Undone<T> {
    /// It was refused, or failed.
    Failed(Error),
    /// Only what would happen was asked for.
    Dry(T),
}

impl<T> From<DbError> for Undone<T> {
    fn from(error: DbError) -> Self {
        Self::Failed(error.into())
    }
}

async fn run<T, F>(ctx: Ctx, action: &'static str, tx: &mut Tx, dir: &mut Directory, operation: F) -> Result<T>
where
    F: for<'w, 'a> AsyncFnOnce(&'w mut Write<'a>) -> Result<T>,
{
    let caller = ctx.caller(dir)?;
    let credential = match &ctx.who {
        Who::Anonymous => "none".to_owned(),
        Who::System => "command line".to_owned(),
        Who::Sender(_) => "mail".to_owned(),
        Who::Session(_) => format!("session:{}", ctx.session(dir)?.id),
        Who::Key(_) => format!("key:{}", ctx.key(dir)?.id),
        Who::Job { .. } => "job".to_owned(),
    };
    let actor = match &ctx.who {
        Who::Job { job, .. } => Some(format!("{ACTOR}{job}")),
        _ => identity(dir, &caller),
    };
    let actor = actor.unwrap_or_else(|| if caller.system { "system".to_owned() } else { "anonymous".to_owned() });
    let stamp = Stamp { action, actor, credential, request_id: ctx.request_id.clone() };
    let before = dir.clone();
    let app = Arc::clone(&ctx.app);
    let mut write = Write {
        now: ctx.now(),
        session: ctx.session(dir).ok().map(|session| session.id),
        ends_at: ctx.ends_at(dir),
        caller,
        app,
        dir,
        before,
        tx,
        changes: Vec::new(),
        stamp,
        touched: Vec::new(),
        refused_at: None,
        counts: BTreeMap::new(),
        rows: ctx.tried.as_ref().map(|_| Vec::new()),
        dry_run: ctx.dry_run,
        dictated: false,
    };
    let outcome = match operation(&mut write).await {
        Ok(done) => write.finish(&ctx).await.map(|()| done),
        Err(error) => Err(error),
    };
    // What was only tried is on record as little as it is done.
    if let (Err(Error::Forbidden(_) | Error::QuotaExceeded(_)), false) = (&outcome, write.dry_run) {
        let entry = write.refusal();
        ctx.app.note_refusal(entry);
    }
    outcome
}

impl Write<'_> {
    /// The pending picture.
    pub fn dir(&self) -> &Directory {
        self.dir
    }

    /// Is the change only looked at, to tell whom it would give or take what?
    pub fn is_preview(&self) -> bool {
        self.rows.is_some()
    }

    /// The picture before this change.
    pub fn before(&self) -> &Directory {
        &self.before
    }

    /// Both of them at once.
    pub(super) fn parts(&mut self) -> (&mut Tx, &mut Directory) {
        (&mut *self.tx, &mut *self.dir)
    }

    /// Tells that the change was about that space, though nothing of it is on record: whoever sends the same request
    /// again must still see it.
    pub fn touched(&mut self, space: SpaceIx) {
        if !self.touched.contains(&space) {
            self.touched.push(space);
        }
    }

    /// The open transaction, for a store's statements.
    pub fn tx(&mut self) -> &mut Tx {
        self.tx
    }

    /// Requires that the caller may do that.
    ///
    /// # Errors
    /// 404 when it is hidden, 403 when it is visible and not allowed, 401 for anonymous callers.
    pub fn may(&mut self, target: Target, action: Action) -> Result<Permit> {
        let decision = self.dir.world.decide(&self.caller, target, action, self.now);
        let answer = access::require(self.dir, &self.caller, &decision);
        if let (Err(Error::Forbidden(_)), Target::Space(space)) = (&answer, target) {
            self.refused_in(space, "space", self.dir.space_id(space).map(|id| id.to_string()).unwrap_or_default());
        }
        answer.map(|()| Permit(()))
    }

    /// Notes where a refusal belongs, for its audit entry.
    pub fn refused_in(&mut self, space: SpaceIx, target_type: &str, target_id: String) {
        self.refused_at = Some((space, target_type.to_owned(), target_id));
    }

    /// A resource that is to hold a role, as a principal.
    pub(super) fn place_actor(&mut self, id: Uuid) -> Principal {
        Principal::Resource(self.dir.actor(id))
    }

    /// Requires a system administrator, or the command line.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn system_admin(&self) -> Result<Permit> {
        match &self.caller {
            caller if caller.system || caller.system_admin => Ok(Permit(())),
            caller if caller.who.is_none() => Err(Error::Unauthenticated),
            _ => Err(Error::Forbidden("this needs a system administrator".to_owned())),
        }
    }

    /// Requires a system administrator whom the account says so of, not a session's login policy: what dies with a session
    /// makes nothing that stays.
    ///
    /// # Errors
    /// 401 or 403.
    pub fn stored_system_admin(&self) -> Result<Permit> {
        let permit = self.system_admin()?;
        let stored = |ix| self.dir.world.user(ix).is_some_and(|user| user.system_admin);
        match self.caller.who {
            Some(Principal::User(ix)) if !stored(ix) => {
                Err(Error::Forbidden("this needs a system administrator of this installation's own".to_owned()))
            }
            _ => Ok(permit),
        }
    }

    /// Requires the command line on the server.
    ///
    /// # Errors
    /// 403 for everybody else.
    pub fn system(&self) -> Result<Permit> {
        if self.caller.system { Ok(Permit(())) } else { Err(Error::Forbidden("this is done on the server".to_owned())) }
    }

    /// What is done from here on is on record as done by that resource, which the server acts for.
    pub fn acts_for(&mut self, _: &Permit, resource: &str) {
        self.stamp.actor = format!("{ACTOR}{resource}");
        self.stamp.credential = "job".to_owned();
    }

    /// For what is the caller's own: their name, their sessions.
    ///
    /// # Errors
    /// 401 for anybody who is not a user, 403 for an API key.
    pub fn own(&self) -> Result<(Permit, UserIx)> {
        match self.caller.who {
            Some(Principal::User(user)) => Ok((Permit(()), user)),
            Some(Principal::Key(_)) => Err(no_person()),
            _ => Err(Error::Unauthenticated),
        }
    }

    /// What is changed is what an identity provider says of its people: it is obeyed, even where a space is left without an
    /// administrator by it (`MODEL.md`, law 6).
    pub fn dictated(&mut self, _: &Permit) {
        self.dictated = true;
    }

    /// What is done from here on is another action, as the audit calls it: one change may hold two things that people
    /// look for by name.
    pub fn goes_on_as(&mut self, action: &'static str) {
        self.stamp.action = action;
    }

    /// For what a secret entitles to, whoever brings it: the setup token, a sign-up token, a password.
    /// The operation has verified it.
    pub fn by_secret(&self) -> Permit {
        Permit(())
    }

    /// Tells the picture and the change log that something changed in the store.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn changed(&mut self, change: Change) -> Result<()> {
        self.dir.last_change += 1;
        store::insert_change(self.tx, self.dir.last_change, &change, self.now).await?;
        load::apply(self.tx, self.dir, &change).await?;
        self.changes.push(change);
        Ok(())
    }

    /// Writes the audit entry of a change.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record(&mut self, record: Record<'_>) -> Result<()> {
        let space = record.space.and_then(|s| self.dir.space_id(s).or_else(|| self.before.space_id(s)));
        let touched = record.space;
        let entry = self.entry(space.map(|id| id.to_string()).unwrap_or_default(), record);
        self.touched.extend(touched.filter(|space| !self.touched.contains(space)));
        Ok(chain::append(self.tx, self.dir, &entry).await?)
    }

    /// The same for what this change brought about besides what it was asked for, under its own name.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_as(&mut self, action: &'static str, record: Record<'_>) -> Result<()> {
        let asked = std::mem::replace(&mut self.stamp.action, action);
        let recorded = self.record(record).await;
        self.stamp.action = asked;
        recorded
    }

    /// The audit entry of a change in that space, its id as text; empty for the system.
    pub(super) fn entry(&self, space: String, record: Record<'_>) -> AuditEntry {
        AuditEntry {
            id: ids::new_id(self.now).to_string(),
            at: self.now,
            space,
            actor: self.stamp.actor.clone(),
            credential: self.stamp.credential.clone(),
            action: self.stamp.action.to_owned(),
            target_type: record.target_type.to_owned(),
            target_id: record.target_id,
            outcome: "done".to_owned(),
            before: text(&record.before),
            after: text(&record.after),
            request_id: self.stamp.request_id.clone(),
        }
    }

    /// Writes the audit entries of many changes in one space, with far fewer statements than one by one.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_all(&mut self, space: SpaceIx, records: Vec<Record<'_>>) -> Result<()> {
        let id = self.dir.space_id(space).map(|id| id.to_string()).unwrap_or_default();
        let entries: Vec<AuditEntry> = records.into_iter().map(|record| self.entry(id.clone(), record)).collect();
        if !self.touched.contains(&space) {
            self.touched.push(space);
        }
        Ok(chain::append_all(self.tx, self.dir, &id, &entries).await?)
    }

    /// Another key of the installation takes the place of the one in use, in the store and in the picture: the ends of the
    /// audit's chains are sealed anew, and `ring` is what [`Vault::followed_by`] gave. The keys of the spaces are wrapped
    /// by whoever calls this.
    ///
    /// # Errors
    /// When the store fails.
    pub(super) async fn put_vault(&mut self, _: &Permit, next: Vault, ring: &str) -> Result<()> {
        chain::reseal(self.tx, &self.dir.vault, &next).await?;
        store::exchange_key(self.tx, &next.proof()?, ring).await?;
        self.dir.vault = next;
        Ok(())
    }

    /// Tells the picture other wrapped keys of a space, which are stored already.
    pub fn rekeyed(&mut self, _: &Permit, space: SpaceIx, secret_key: String) {
        self.dir.rekeyed(space, secret_key);
    }

    /// Tells that a resource's row was changed, for who asks what that would move.
    pub fn row_changed(&mut self, row: impl FnOnce() -> ChangedRow) {
        if let Some(rows) = &mut self.rows {
            rows.push(row());
        }
    }

    /// What comes after every change that was not refused.
    async fn finish(&mut self, ctx: &Ctx) -> Result<()> {
        for space in self.keep_administrators()? {
            self.tell_loss(space).await?;
        }
        self.keep_counts().await?;
        self.hand_over(ctx);
        self.keep_once(ctx).await
    }

    /// An identity provider took the last administrator of a space away: that is on record there and in the system's log.
    async fn tell_loss(&mut self, space: SpaceIx) -> Result<()> {
        let Some(id) = self.dir.space_id(space) else { return Ok(()) };
        let left = in_charge(&self.dir.world, space).text();
        let sealed = self.dir.world.space(space).is_some_and(|s| s.sealed);
        for space in std::iter::once(Some(space)).chain((!sealed).then_some(None)) {
            let (before, after) = (json!({ "in_charge": "own" }), json!({ "in_charge": left }));
            let record = Record { space, target_type: "space", target_id: id.to_string(), before, after };
            self.record_as("space.last_admin_lost", record).await?;
        }
        Ok(())
    }

    /// Hands both pictures of a change to whoever only tries it.
    fn hand_over(&mut self, ctx: &Ctx) {
        if let (Some(tried), Some(rows)) = (&ctx.tried, self.rows.take()) {
            tried.keep(Pictures { before: self.before.clone(), after: self.dir.clone(), rows });
        }
    }

    /// Keeps the request's `Idempotency-Key` with the change.
    async fn keep_once(&mut self, ctx: &Ctx) -> Result<()> {
        let Some(once) = ctx.once.as_ref().filter(|_| !ctx.dry_run) else { return Ok(()) };
        // Whose account ended by it asks nothing again.
        let Ok(caller) = ctx.caller(self.dir) else { return Ok(()) };
        let passed =
            |space: &SpaceIx| self.dir.world.decide(&caller, Target::Space(*space), Action::Read, self.now).allowed();
        let ids = self.touched.iter().filter(|space| passed(space)).filter_map(|space| self.dir.space_id(*space));
        let spaces: Vec<String> = ids.map(|id| id.to_string()).collect();
        let space = spaces.join(" ");
        once::keep(self.tx, once, &space, self.caller.system_admin, self.now).await
    }

    /// The same entry in the system's log and in every space it touches: for what widens access
    /// indirectly (`MODEL.md`, "Who can do what").
    ///
    /// # Errors
    /// When the store fails.
    pub async fn record_widely(
        &mut self,
        spaces: &[SpaceIx],
        target_type: &str,
        target_id: String,
        before: Value,
        after: Value,
    ) -> Result<()> {
        for space in std::iter::once(None).chain(spaces.iter().copied().map(Some)) {
            let (target_id, before, after) = (target_id.clone(), before.clone(), after.clone());
            self.record(Record { space, target_type, target_id, before, after }).await?;
        }
        Ok(())
    }

    /// Tells that a resource's row is changed or goes: what is known of it is forgotten with the commit.
    pub fn resource_changed(&mut self, id: &str) {
        match (&mut self.dir.changed, Uuid::try_parse(id)) {
            (Changed::These(ids), Ok(id)) => ids.push(id),
            (changed, _) => *changed = Changed::Any,
        }
    }

    /// Tells that the rows of many resources go.
    pub fn resources_gone(&mut self) {
        self.dir.changed = Changed::Any;
    }

    /// The access class of that key, made new when no resource ever had it.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn class(&mut self, key: ClassKey) -> Result<ClassIx> {
        if let Some(class) = self.dir.class(&key) {
            return Ok(class);
        }
        let id = self.dir.next_class();
        let missing = || Error::internal("a class of a space or kind that is gone");
        let space = self.dir.space_id(key.0).ok_or_else(missing)?.to_string();
        let kind = self.dir.kinds.info(key.1).ok_or_else(missing)?.id.to_string();
        store::insert_class(self.tx, id, &space, &kind, &key).await?;
        self.changed(Change::Class(id)).await?;
        Ok(ClassIx(id))
    }

    /// A number for a new resource. What is only tried gets one that nothing ever has: the next in the row would tell,
    /// by the code made of it, whether anything was made anywhere since somebody tried last.
    pub fn next_number(&mut self) -> i64 {
        if self.dry_run {
            return ids::number_of_no_resource();
        }
        let number = self.dir.next_number;
        self.dir.next_number += 1;
        number
    }

    /// Keeps the count of resources, because the last of them may be gone: no number, and so no
    /// code, is ever used again.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn keep_count(&mut self) -> Result<()> {
        Ok(store::keep_count(self.tx, self.dir.next_number).await?)
    }

    fn refusal(&mut self) -> AuditEntry {
        let (space, target_type, target_id) = match self.refused_at.take() {
            Some((space, kind, id)) => (self.dir.space_id(space).or_else(|| self.before.space_id(space)), kind, id),
            None => (None, String::new(), String::new()),
        };
        AuditEntry {
            id: ids::new_id(self.now).to_string(),
            at: self.now,
            space: space.map(|id| id.to_string()).unwrap_or_default(),
            actor: self.stamp.actor.clone(),
            credential: self.stamp.credential.clone(),
            action: self.stamp.action.to_owned(),
            target_type,
            target_id,
            outcome: "refused".to_owned(),
            before: String::new(),
            after: String::new(),
            request_id: self.stamp.request_id.clone(),
        }
    }

    /// Law 6: whatever was changed, no space and not the installation lost its last administrator by it. Answers the
    /// spaces that did all the same, because an identity provider dictates it.
    fn keep_administrators(&self) -> Result<Vec<SpaceIx>> {
        if !self.before.world.system_admins().is_empty() && self.dir.world.system_admins().is_empty() {
            return Err(Error::conflict("last_admin", "the installation would lose its last system administrator"));
        }
        let lost = |space: &SpaceIx| {
            self.before.world.has_admin(*space)
                && self.dir.world.space(*space).is_some()
                && !self.dir.world.has_admin(*space)
        };
        let touched = self.changes.iter().flat_map(|change| self.spaces_of(change));
        let mut lost: Vec<SpaceIx> = touched.filter(lost).collect();
        if !self.dictated && !lost.is_empty() {
            return Err(Error::conflict("last_admin", "a space would lose its last administrator"));
        }
        lost.sort_unstable();
        lost.dedup();
        Ok(lost)
    }

    /// The spaces whose administrators a change may have touched.
    fn spaces_of(&self, change: &Change) -> Vec<SpaceIx> {
        let of_groups = |groups: &[GroupIx]| {
            let mut spaces = Vec::new();
            for group in groups {
                if let Some(caller) = Caller::group(&self.before.world, *group) {
                    spaces.extend(caller.principals().flat_map(|p| self.before.world.granted(p).to_vec()));
                }
            }
            spaces
        };
        match change {
            Change::Space(id) | Change::Grants(id) => self.before.spaces.by_id(id).into_iter().collect(),
            Change::User(id) => {
                let Some(user) = self.before.users.by_id::<UserIx>(id) else { return Vec::new() };
                let mut spaces = self.before.world.granted(Principal::User(user)).to_vec();
                spaces.extend(self.before.world.user(user).map(|u| of_groups(&u.groups)).unwrap_or_default());
                spaces
            }
            Change::Group(id) => self.before.groups.by_id::<GroupIx>(id).map(|g| of_groups(&[g])).unwrap_or_default(),
            Change::Role(id) => {
                let Some(role) = self.before.roles.by_id::<RoleIx>(id) else { return Vec::new() };
                spaces_with_role(&self.before, role)
            }
            // No key counts as an administrator, and a named policy makes none.
            Change::Kind(_)
            | Change::Policy(_)
            | Change::Class(_)
            | Change::Session(_)
            | Change::Sessions
            | Change::LoginPolicies
            | Change::Key(_)
            | Change::Quotas(_)
            | Change::Settings => Vec::new(),
        }
    }
}

/// Puts a refusal on record that was decided before any change was begun; it is written with others.
pub fn note_refusal(ctx: &Ctx, action: &str, target_type: &str, target_id: String, why: &Value) {
    let now = ctx.now();
    ctx.app.note_refusal(AuditEntry {
        id: ids::new_id(now).to_string(),
        at: now,
        space: String::new(),
        actor: "anonymous".to_owned(),
        credential: "none".to_owned(),
        action: action.to_owned(),
        target_type: target_type.to_owned(),
        target_id,
        outcome: "refused".to_owned(),
        before: String::new(),
        after: text(why),
        request_id: ctx.request_id.clone(),
    });
}

/// The spaces in which somebody holds that role by a grant.
pub fn spaces_with_role(dir: &Directory, role: RoleIx) -> Vec<SpaceIx> {
    dir.world.spaces().filter(|(_, s)| s.grants().iter().any(|g| g.role == role)).map(|(ix, _)| ix).collect()
}

fn text(state: &Value) -> String {
    if state.is_null() { String::new() } else { state.to_string() }
}
