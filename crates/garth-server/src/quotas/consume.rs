//! Taking units of an application's own meter: all that are asked for, or none.

use super::meter::{self, Meter, Now};
use super::{MOST, roles_of, store};
use crate::access::{Ctx, Permit, Write, visible_space, write};
use crate::base::error::{Error, Result};
use crate::base::rate::Rate;
use crate::directory::{Quota, Window};
use garth_core::{Action, Micros, Permission, SpaceIx, Target, Words};

/// Most units of one request.
pub const UNITS: i64 = 1_000_000_000;

const CONSUME: Permission = Permission { noun: Words::METER, verb: Words::CONSUME };

/// What was taken, and what is left.
#[derive(Clone, Debug)]
pub struct Consumed {
    /// The meter's name.
    pub meter: String,
    /// How much there may be; unlimited if `None`.
    pub limit: Option<i64>,
    /// How much there is now.
    pub used: i64,
    /// When all or the first of it comes back, where it does so by itself.
    pub resets_at: Option<Micros>,
    /// The same for headers, where there is a limit on a rate.
    pub rate: Option<Rate>,
}

/// Takes units of a meter; of a stored one, less than none gives some back. It is counted, and not on record: the audit
/// tells when a meter comes near its limit.
///
/// # Errors
/// 404 for a space that is hidden or missing, and a meter that nobody set; 403 `forbidden` without `meter:consume` or one of
/// the meter's roles, 403 `quota_exceeded` or 429 when not all of the units are left; 409 `conflict` for a meter that the
/// server counts; 422.
pub async fn consume(ctx: &Ctx, space: String, name: String, units: i64) -> Result<Consumed> {
    write(ctx, "meter.consume", async move |w: &mut Write<'_>| {
        let ix = visible_space(w.dir(), &w.caller, &space, w.now)?;
        let permit = w.may(Target::Space(ix), Action::Use(CONSUME))?;
        if Meter::read(w.dir(), &name).is_ok_and(|meter| meter != Meter::Own) {
            return Err(Error::conflict("conflict", "the server counts this meter by itself"));
        }
        let quota = w.dir().quota(ix, &name).cloned().ok_or(Error::NotFound)?;
        let held = roles_of(w.dir(), &w.caller, ix, w.now);
        if quota.roles.as_ref().is_some_and(|roles| !w.caller.system && !roles.iter().any(|r| held.contains(r))) {
            w.refused_in(ix, "meter", name.clone());
            return Err(Error::Forbidden("this meter is for other roles".to_owned()));
        }
        let gives_back = quota.window == Window::Stored && (-UNITS..0).contains(&units);
        if !gives_back && !(1..=UNITS).contains(&units) {
            let or = if quota.window == Window::Stored { ", or less than none to give some back" } else { "" };
            return Err(Error::field("/units", format!("must be 1 to {UNITS}{or}")));
        }
        w.touched(ix);
        take(w, &permit, ix, quota, units).await
    })
    .await
}

async fn take(w: &mut Write<'_>, permit: &Permit, ix: SpaceIx, quota: Quota, units: i64) -> Result<Consumed> {
    let Quota { meter, limit, window, .. } = quota;
    let (space, now) = (w.dir().space_id(ix).ok_or(Error::NotFound)?.to_string(), w.now);
    let slots = meter::slots(window, now);
    let (before, first) = store::used_in(w.tx(), &space, &meter, slots).await?;
    let used = before + units;
    if used < 0 {
        return Err(Error::field("/units", "gives back more than was taken"));
    }
    let most = limit.unwrap_or(MOST);
    if units > 0 && used > most {
        w.refused_in(ix, "meter", meter.clone());
        return Err(refuse(w, &space, &meter, window, slots, (before, units, most)).await?);
    }
    store::add(w.tx(), permit, (&space, &meter), slots, units).await?;
    if let Some(limit) = limit {
        w.note_near(ix, &meter, limit, before, used).await?;
    }
    let back = meter::back_at(window, first.unwrap_or(slots.slot));
    let told = meter::length(window).zip(limit).zip(back);
    let rate = told.map(|((window, limit), back)| {
        let left = limit - used;
        Rate { meter: meter.clone(), limit, left, window, reset: seconds(back - now) }
    });
    Ok(Consumed { meter, limit, used, resets_at: back, rate })
}

/// Why not all of the units can be taken, and when it is worth trying again.
async fn refuse(
    w: &mut Write<'_>,
    space: &str,
    meter: &str,
    window: Window,
    slots: Now,
    (before, units, most): (i64, i64, i64),
) -> Result<Error> {
    let Some(length) = meter::length(window) else {
        return Ok(Error::QuotaExceeded(format!("the meter {meter} would be over its limit of {most}")));
    };
    if most > 0 && units > most {
        return Ok(Error::field("/units", format!("are more than the limit of {most} lets through at any time")));
    }
    let (mut back, mut free) = (None, most - before);
    for (slot, taken) in store::slots(w.tx(), space, meter, slots).await? {
        if free >= units {
            break;
        }
        free += taken;
        back = meter::back_at(window, slot);
    }
    let reset = seconds(back.unwrap_or(w.now) - w.now);
    let left = (most - before).max(0);
    Ok(Error::QuotaSpent(Box::new(Rate { meter: meter.to_owned(), limit: most, left, window: length, reset })))
}

/// Whole seconds, none too few.
fn seconds(micros: Micros) -> i64 {
    (micros + 999_999).div_euclid(1_000_000).max(0)
}
