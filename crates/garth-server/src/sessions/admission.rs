//! Who may come in, and with what: the one way into a session, whichever door somebody comes through.
//!
//! The login policies are asked before the change that begins the session, because they take their time. What they
//! were told is looked at once more inside it: where that has changed meanwhile, whoever comes in tries again.

use crate::access::{Ctx, Permit, Record, Who, Write, note_refusal, write};
use crate::base::error::{Error, Result};
use crate::directory::Directory;
use crate::login_policies::{self, Decision, Judged, asked, judge, teams_of};
use crate::users::{self, NewUser};
use garth_core::{SpaceIx, UserIx};
use serde_json::{Value, json};
use std::collections::BTreeMap;
use uuid::Uuid;

/// What an identity provider said of somebody's teams.
#[derive(Clone, Debug)]
pub enum Teams {
    /// They came by no provider.
    Unasked,
    /// These are all.
    Told(Vec<String>),
    /// It cannot be known which, and why: no policy may take that for none.
    Unknown(&'static str),
}

/// What a session brings besides what is stored of its user.
#[derive(Clone, Debug, Default)]
pub(super) struct Brings {
    /// Its caller is a system administrator.
    pub system_admin: bool,
    /// Roles in spaces: space and role.
    pub roles: Vec<(Uuid, Uuid)>,
    /// The teams from then on, where somebody said which.
    pub teams: Option<Vec<String>>,
}

/// Somebody who may come in, and what they bring.
#[derive(Clone, Debug)]
pub struct Admission {
    user: Uuid,
    /// Was there no such account yet when it was judged?
    new: bool,
    /// What the policies were told is of that change; see [`crate::directory::Directory::login_basis`].
    basis: i64,
    /// The teams they were told.
    told: Vec<String>,
    /// What an identity provider said of teams.
    provider_teams: Vec<String>,
    /// What the policies said; nothing where none was asked.
    judged: Option<Judged>,
    brings: Brings,
    /// What they came in with, if it was a passkey.
    passkey: Option<Uuid>,
}

/// Asks the login policies whether a user may come in who has proved who they are. `told` is what an identity provider said
/// of their teams, if they came by one; where that is unknown no policy could tell, and they are refused.
///
/// Local system administrators are never asked about, so that a mistake locks nobody out for good. Where no policy is
/// asked everybody may come in.
///
/// # Errors
/// 403 `login_refused`, which is on record; 503 `overloaded` while too many are being judged.
pub async fn admit(ctx: &Ctx, user: Uuid, told: Teams) -> Result<Admission> {
    admit_as(ctx, &ctx.directory(), user, false, told).await
}

/// The same about somebody whose account is only to be made, under that id: the policies are asked about the account as it
/// would be.
///
/// # Errors
/// As [`admit`], and whatever speaks against the account.
pub(super) async fn admit_new(ctx: &Ctx, user: Uuid, new: &NewUser) -> Result<Admission> {
    let dir = ctx.directory();
    if asked(&dir).next().is_none() {
        return Ok(Admission { basis: dir.login_basis, ..Admission::first(user) });
    }
    let (trying, tried) = ctx.with_credential(Who::Anonymous).trying();
    let new = new.clone();
    write(&trying, "signup", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        users::make_as(w, &permit, user, &new, false).await
    })
    .await?;
    let pictures = tried.take().ok_or_else(|| Error::internal("what was tried left no picture"))?;
    admit_as(ctx, &pictures.after, user, true, Teams::Unasked).await?.of_new(user)
}

/// The same of somebody as they are in that picture, which may be one of how things would be. `new` is an account that
/// is there in that picture alone: it is on record by its name, because nothing else of it is there when it is refused.
///
/// # Errors
/// As [`admit`].
pub async fn admit_as(ctx: &Ctx, dir: &Directory, user: Uuid, new: bool, told: Teams) -> Result<Admission> {
    let (provider_teams, unknown) = match told {
        Teams::Unasked => (None, None),
        Teams::Told(names) => (Some(names), None),
        Teams::Unknown(why) => (Some(Vec::new()), Some(why)),
    };
    let teams = provider_teams.clone().unwrap_or_default();
    let mut admission = Admission {
        user,
        new,
        basis: dir.login_basis,
        told: Vec::new(),
        brings: Brings { teams: provider_teams, ..Brings::default() },
        provider_teams: teams,
        judged: None,
        passkey: None,
    };
    let Some(ix) = dir.users.by_id::<UserIx>(&user) else { return Ok(admission) };
    // Whoever is disabled is refused where the session would begin, as if there were no such account.
    let Some(facts) = dir.world.user(ix).filter(|facts| facts.enabled) else { return Ok(admission) };
    if facts.system_admin || asked(dir).next().is_none() {
        return Ok(admission);
    }
    let refused = |mut why: Value| {
        let target = if new { String::new() } else { user.to_string() };
        if new {
            why["username"] = json!(dir.users.info(ix).map(|info| info.username.clone()));
        }
        note_refusal(ctx, "login", "user", target, &why);
    };
    if let Some(why) = unknown {
        refused(json!({ "error": why }));
        return Err(Error::LoginRefused);
    }
    admission.told = teams_of(dir, ix, &admission.provider_teams);
    let mut judged = judge(ctx, dir, ix, &admission.told).await?;
    if judged.decision == Decision::Refused {
        refused(judged.why.clone());
        if let Some(sample) = judged.sample.as_mut().filter(|_| new) {
            sample.user = None;
        }
        keep_sample(ctx, &judged).await;
        return Err(Error::LoginRefused);
    }
    admission.brings.system_admin = judged.decision == Decision::Admin;
    admission.brings.roles = judged.roles.clone();
    if let Some(team) = &judged.team {
        admission.brings.teams = Some(team.clone());
    }
    admission.judged = Some(judged);
    Ok(admission)
}

/// Keeps the sample of somebody who was refused. That it cannot be kept lets nobody in.
async fn keep_sample(ctx: &Ctx, judged: &Judged) {
    let Some(sample) = judged.sample.clone().filter(|_| !ctx.dry_run) else { return };
    let anonymous = ctx.with_credential(Who::Anonymous);
    let kept = write(&anonymous, "login.sample", async move |w: &mut Write<'_>| {
        let permit = w.by_secret();
        login_policies::keep_sample(w, &permit, &sample).await
    });
    if let Err(error) = kept.await {
        tracing::warn!(%error, "the sample of a refused sign-in could not be kept");
    }
}

/// What was judged is not what would be judged now.
fn changed() -> Error {
    Error::conflict("conflict", "the login policies changed meanwhile; try again")
}

impl Admission {
    /// The first administrator, whom no policy is asked about.
    pub(super) fn first(user: Uuid) -> Self {
        let brings = Brings::default();
        Self {
            user,
            new: false,
            basis: 0,
            told: Vec::new(),
            provider_teams: Vec::new(),
            judged: None,
            brings,
            passkey: None,
        }
    }

    /// They came in with that passkey.
    pub fn with_passkey(self, passkey: Uuid) -> Self {
        Self { passkey: Some(passkey), ..self }
    }

    /// The passkey they came in with, if it was one.
    pub(super) fn passkey(&self) -> Option<Uuid> {
        self.passkey
    }

    /// The same for the account that was made of whom it was about.
    ///
    /// # Errors
    /// 409 where that one had an account: an admission is good for no other.
    pub fn of_new(mut self, user: Uuid) -> Result<Self> {
        if !self.new {
            return Err(changed());
        }
        self.user = user;
        if let Some(sample) = self.judged.as_mut().and_then(|judged| judged.sample.as_mut()) {
            sample.user = Some(user);
        }
        Ok(self)
    }

    /// Who.
    pub fn user(&self) -> Uuid {
        self.user
    }

    /// What their session brings.
    pub(super) fn brings(&self) -> &Brings {
        &self.brings
    }

    /// Requires that the policies would be told now what they were told then.
    ///
    /// # Errors
    /// 409 where that has changed: whoever comes in tries again.
    pub(super) fn still_holds(&self, w: &Write<'_>) -> Result<()> {
        let dir = w.dir();
        let ix = dir.users.by_id::<UserIx>(&self.user).ok_or_else(changed)?;
        let exempt = dir.world.user(ix).is_some_and(|user| user.system_admin);
        let unasked = exempt || asked(dir).next().is_none();
        let holds = match &self.judged {
            None => unasked,
            Some(_) => self.basis == dir.login_basis && self.told == teams_of(dir, ix, &self.provider_teams),
        };
        if holds { Ok(()) } else { Err(changed()) }
    }

    /// Puts what the session brings on record in every space where it counts, and keeps the sample.
    pub(super) async fn record(&self, w: &mut Write<'_>, permit: &Permit) -> Result<()> {
        let mut given: BTreeMap<SpaceIx, Vec<String>> = BTreeMap::new();
        for (space, role) in &self.brings.roles {
            let (space, role) = (w.dir().spaces.by_id(space), w.dir().roles.by_id(role));
            if let Some((space, role)) = space.zip(role) {
                given.entry(space).or_default().push(w.dir().role_name(role).to_owned());
            }
        }
        for (space, roles) in given {
            let (target_id, after) = (self.user.to_string(), json!({ "roles": roles, "by": "login policy" }));
            let record = Record { space: Some(space), target_type: "user", target_id, before: Value::Null, after };
            w.record(record).await?;
        }
        match self.judged.as_ref().and_then(|judged| judged.sample.as_ref()) {
            Some(sample) => login_policies::keep_sample(w, permit, sample).await,
            None => Ok(()),
        }
    }
}
