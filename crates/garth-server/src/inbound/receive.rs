//! What becomes of a letter: resources where it was sent to, all of them or none.

use super::letter::{self, Letter};
use super::store::{self, Stored};
use crate::access::{App, Ctx, Write, archived, write};
use crate::base::clock;
use crate::base::error::{Error, Result};
use crate::base::metrics::Received;
use crate::resources::{self, NewResource};
use crate::users;
use garth_core::KindIx;
use std::sync::Arc;
use tokio::sync::OwnedSemaphorePermit;
use uuid::Uuid;

/// Takes a letter in, for these local parts of addresses. Its place is taken until the work is done, whoever still waits
/// for it.
pub(super) async fn receive(app: &Arc<App>, bytes: Vec<u8>, to: Vec<String>, place: OwnedSemaphorePermit) -> Received {
    let span = app.spans.begin(&app.clock, "letter");
    let outcome = match put(app, bytes, to, place).await {
        Ok(()) => Received::Accepted,
        Err(error @ (Error::Unavailable | Error::Overloaded | Error::TimedOut)) => {
            tracing::info!(%error, "a letter is to be sent again later");
            Received::Deferred
        }
        Err(Error::Internal(error)) => {
            tracing::error!(%error, "a letter could not be taken in; it is to be sent again later");
            Received::Deferred
        }
        Err(error) => {
            // Not from whom, to whom or what it says.
            tracing::info!(why = error.code(), "a letter was turned away");
            Received::Refused
        }
    };
    app.figures.letter(outcome);
    span.ends(outcome.name());
    outcome
}

async fn put(app: &Arc<App>, bytes: Vec<u8>, to: Vec<String>, place: OwnedSemaphorePermit) -> Result<()> {
    let incoming = app.incoming.as_ref().ok_or(Error::NotFound)?;
    let authserv = incoming.authserv.clone();
    // On a thread of its own: whoever writes a letter that is hard to read holds up no one else's. Its place goes along:
    // nobody stops the reading by hanging up, and until it ends nobody else has that place.
    let reading = tokio::task::spawn_blocking(move || (letter::read(&bytes, &authserv), place));
    let (letter, place) = reading.await.map_err(|_| Error::NotFound)?;
    let letter = letter.ok_or(Error::NotFound)?;
    let sender = users::reader_of(app, &letter.from).await?.ok_or(Error::NotFound)?;
    let ctx = Ctx::sender(Arc::clone(app), sender);
    write(&ctx, "resource.create", async move |w: &mut Write<'_>| {
        let _place = place;
        // Whose address it was may have changed while the letter waited for its turn.
        if !users::reads(w.dir(), sender, &letter.from) {
            return Err(Error::NotFound);
        }
        for local_part in &to {
            let address = store::named(w.tx(), local_part).await?.ok_or(Error::NotFound)?;
            make(w, &address, &letter).await?;
        }
        Ok(())
    })
    .await
}

async fn make(w: &mut Write<'_>, address: &Stored, letter: &Letter) -> Result<()> {
    let space = Uuid::try_parse(&address.space).map_err(|_| Error::internal("the space of an address has no id"))?;
    let space_ix = w.dir().space_ref(&address.space).ok_or(Error::NotFound)?;
    if archived(&w.dir().world, space_ix) {
        return Err(Error::NotFound);
    }
    let kind = w.dir().kinds.by_name::<KindIx>(&address.kind).ok_or(Error::NotFound)?;
    let info = w.dir().kinds.info(kind).ok_or(Error::NotFound)?;
    let body = letter.body(&info.definition.schema, &clock::to_text(w.now));
    let new = NewResource {
        kind: address.kind.clone(),
        space: Some(space.to_string()),
        name: letter.subject.clone(),
        body: Some(body),
        ..NewResource::default()
    };
    resources::create_in(w, new).await.map(drop)
}
