//! What is done with a job, an interface or a provider by a button.

use super::one::{Budget, Tried, built_in};
use super::{DELIVERY, JOB, PROVIDER};
use crate::base::error::{Error, Result};
use crate::console::frame::Frame;
use crate::console::look::sentence;
use crate::console::resources::{held, show_tried};
use crate::console::seat::{Seat, Wrong};
use crate::resources::ResourceView;
use crate::{ai_providers, deliveries, jobs};
use axum::response::Response;

/// What is done with a job.
#[derive(Clone, Copy)]
pub enum Deed {
    Run,
    Enable,
    Disable,
    Resume,
}

/// A thing of one of those kinds, in the frame of a space, and its address.
async fn one_of(seat: &Seat, space: &str, id: &str, kinds: &[&str]) -> Result<(Frame, ResourceView, String)> {
    let (frame, view, _) = held(seat, space, id).await?;
    if !kinds.contains(&view.kind.as_str()) || !built_in(&seat.ctx, &view.kind) {
        return Err(Error::NotFound);
    }
    let own = frame.at(&format!("/resources/{}", view.row.code));
    Ok((frame, view, own))
}

/// Does it.
pub async fn act(seat: &Seat, space: &str, id: &str, deed: Deed) -> Result<Response> {
    let (_, view, own) = one_of(seat, space, id, &[JOB]).await?;
    let (ctx, name, job) = (&seat.ctx, &view.row.name, &view.row.id);
    let (done, said) = match deed {
        Deed::Run => (jobs::run(ctx, job).await.map(drop), format!("{name} runs. Its report is here in a moment.")),
        Deed::Enable => (jobs::enable(ctx, job, true).await, format!("{name} runs by its schedule again.")),
        Deed::Disable => {
            (jobs::enable(ctx, job, false).await, format!("{name} runs no more, but when somebody runs it."))
        }
        Deed::Resume => (jobs::resume(ctx, job).await, format!("{name} goes on.")),
    };
    match done {
        Ok(()) => Ok(seat.done(&own, &said)),
        Err(error) => {
            let wrong = seat.refused(error, &[])?;
            show_tried(seat, space, id, wrong, None).await
        }
    }
}

/// Takes a run away.
pub async fn forget(seat: &Seat, space: &str, id: &str, run: &str) -> Result<Response> {
    let (_, view, own) = one_of(seat, space, id, &[JOB]).await?;
    // Of this job, and of no other.
    let found = jobs::get(&seat.ctx, run).await?;
    if found.job != view.row.id {
        return Err(Error::NotFound);
    }
    match jobs::delete(&seat.ctx, run).await {
        Ok(()) => Ok(seat.done(&own, "The run is gone, and its report.")),
        Err(error) => {
            let wrong = seat.refused(error, &[])?;
            show_tried(seat, space, id, wrong, None).await
        }
    }
}

/// Tries an interface or a provider, and says beside its button what came of it.
pub async fn test(seat: &Seat, space: &str, id: &str) -> Result<Response> {
    let (_, view, _) = one_of(seat, space, id, &[DELIVERY, PROVIDER]).await?;
    let (ctx, thing) = (&seat.ctx, &view.row.id);
    let tried = match view.kind.as_str() {
        DELIVERY => deliveries::test(ctx, thing).await.map(|outcome| (outcome.state == "delivered", outcome.detail)),
        _ => ai_providers::test(ctx, thing).await.map(|tested| (tested.state == "answered", tested.detail)),
    };
    match tried {
        Ok((well, detail)) => {
            let tried = Tried { well, detail: sentence(&detail) };
            show_tried(seat, space, id, Wrong::default(), Some(tried)).await
        }
        Err(error) => {
            let wrong = seat.refused(error, &[])?;
            show_tried(seat, space, id, wrong, None).await
        }
    }
}

/// How much of a provider's budgets is used.
pub async fn budgets(seat: &Seat, view: &ResourceView) -> Result<Vec<Budget>> {
    let found = ai_providers::usage(&seat.ctx, &view.row.id).await?;
    let name = |window: &str| if window == "daily" { "In 24 hours" } else { "In 7 days" };
    Ok(found.into_iter().map(|budget| Budget::new(name(budget.window), budget.used, budget.limit)).collect())
}
