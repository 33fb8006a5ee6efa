//! What a resource uses and where it is shared to: attaching, detaching, offering, taking back.

use super::super::frame::Frame;
use super::super::look::{named, noun};
use super::super::resources::{held, show};
use super::super::seat::Seat;
use super::targets::name_of;
use super::told::refused;
use crate::base::error::Result;
use crate::base::http::PageRequest;
use crate::resources::shares::{self, Share};
use crate::resources::{Filter, ResourceView, attachments};
use crate::{kinds, spaces};
use axum::response::Response;

/// Things on a page, of each sort.
const SHOWN: usize = 50;

/// Something that is attached, or uses it.
pub struct Linked {
    pub id: String,
    pub name: String,
    pub code: String,
    pub kind: String,
    pub href: String,
    pub word: &'static str,
    /// May it be detached here?
    pub takes: bool,
}

/// A space that it is shared to.
pub struct Window {
    pub id: String,
    pub name: String,
}

/// Everything around one resource.
#[derive(Default)]
pub struct Links {
    pub uses: Vec<Linked>,
    pub used_by: Vec<Linked>,
    pub windows: Vec<Window>,
    /// What may be attached: ids with names.
    pub attachable: Vec<(String, String)>,
    /// Are there more of them than a list holds? Then one is written by its code.
    pub many: bool,
    /// Where it may be shared to: ids with names.
    pub open: Vec<(String, String)>,
    /// Are there more than these?
    pub more_open: bool,
    /// May the caller take shares back?
    pub administers: bool,
    pub shareable: bool,
}

fn first() -> PageRequest {
    PageRequest::first(SHOWN)
}

impl Links {
    /// What a resource uses, what uses it and where it is shared to, as far as the caller sees; and what they may do there.
    ///
    /// # Errors
    /// 404 when it went away meanwhile.
    pub async fn of(seat: &Seat, frame: &Frame, view: &ResourceView, may_edit: bool) -> Result<Self> {
        let (ctx, id) = (&seat.ctx, view.row.id.as_str());
        let here = view.space == Some(frame.space.id);
        let href = |code: &str| frame.at(&format!("/resources/{code}"));
        let uses = attachments::list(ctx, id, &first()).await?.items;
        let explicit = |mode: attachments::Mode| mode == attachments::Mode::Explicit;
        let linked = |attached: attachments::Attached| Linked {
            href: href(&attached.resource.code),
            kind: noun(&attached.kind),
            word: match (explicit(attached.mode), attached.origin.word()) {
                (false, _) => "by its label",
                (true, "inherited") => "from above",
                (true, "shared") => "shared to here",
                (true, _) => "",
            },
            takes: may_edit && explicit(attached.mode),
            id: attached.resource.id,
            name: attached.resource.name,
            code: attached.resource.code,
        };
        let uses: Vec<Linked> = uses.into_iter().map(linked).collect();
        let consumers = attachments::consumers(ctx, id, &first()).await?.items;
        let consumer = |consumer: attachments::Consumer| Linked {
            href: href(&consumer.resource.code),
            kind: noun(&consumer.kind),
            word: "",
            takes: false,
            id: consumer.resource.id,
            name: consumer.resource.name,
            code: consumer.resource.code,
        };
        let used_by = consumers.into_iter().map(consumer).collect();
        let windows = shares::list(ctx, id, &first()).await?.items;
        let shareable = kinds::get(ctx, &view.kind)?.info.definition.shareable;
        let administers = here && frame.may("space:admin");
        let mut links = Self { uses, used_by, shareable, administers, ..Self::default() };
        if here && may_edit && !view.row.archived && !frame.space.archived {
            (links.attachable, links.many) = attachable(seat, frame, view, &links.uses).await?;
        }
        if administers && shareable {
            let permission = [format!("{}:share", view.kind)];
            let spaces::Open { some: open, more, .. } = spaces::open(ctx, &permission, frame.space.id, None, SHOWN)?;
            links.more_open = more;
            let fresh = |space: &spaces::Beside| windows.iter().all(|share: &Share| share.space != space.info.id);
            let name = |space: &spaces::Beside| (space.info.id.to_string(), named(&space.info.name));
            links.open = open.iter().filter(|space| fresh(space)).map(name).collect();
        }
        let window = |share: Share| Window { id: share.space.to_string(), name: named(&share.name) };
        links.windows = windows.into_iter().map(window).collect();
        Ok(links)
    }
}

/// What may be attached: of the kinds that are shareable, what may be used here and is not attached yet.
async fn attachable(
    seat: &Seat,
    frame: &Frame,
    view: &ResourceView,
    uses: &[Linked],
) -> Result<(Vec<(String, String)>, bool)> {
    let all = kinds::list(&seat.ctx, &PageRequest::first(100))?.items;
    let kinds: Vec<String> = all
        .iter()
        .filter(|kind| kind.info.definition.shareable)
        .map(|kind| kind.info.definition.name.clone())
        .collect();
    if kinds.is_empty() {
        return Ok((Vec::new(), false));
    }
    let filter = Filter { kinds, order: Some("name".to_owned()), ..Filter::default() };
    let page = PageRequest::first(100);
    let found = shares::usable(&seat.ctx, &frame.space.id.to_string(), &filter, &page).await?;
    let many = found.next.is_some();
    let free = |id: &str| id != view.row.id && uses.iter().all(|linked| linked.id != id);
    let usable = found.items.into_iter().map(|usable| usable.resource).filter(|other| free(&other.row.id));
    let label = |other: ResourceView| {
        let label = format!("{} · {} ({})", other.row.name, noun(&other.kind), other.row.code);
        (other.row.id, label)
    };
    Ok((usable.map(label).collect(), many))
}

/// What a button of the page does.
pub enum Deed {
    Attach(String),
    Detach(String),
    Share(String),
    Unshare(String),
}

/// Does it.
pub async fn act(seat: &Seat, space: &str, id: String, deed: Deed) -> Result<Response> {
    let (frame, view, _) = held(seat, space, &id).await?;
    let (ctx, name, own) = (&seat.ctx, view.row.name.clone(), view.row.id.clone());
    let there = frame.at(&format!("/resources/{}", view.row.code));
    let place = |space: &str| name_of(seat, space).map_or_else(|| "that space".to_owned(), |(_, name)| name);
    let done = match deed {
        Deed::Attach(other) => {
            attachments::attach(ctx, own, other).await.map(|it| format!("{name} uses {} now.", it.resource.name))
        }
        Deed::Detach(other) => {
            attachments::detach(ctx, own, other).await.map(|()| format!("{name} does not use it any more."))
        }
        Deed::Share(to) => {
            let place = place(&to);
            shares::share(ctx, own, to).await.map(|_| format!("{place} can see and use {name} now."))
        }
        Deed::Unshare(from) => {
            let place = place(&from);
            shares::unshare(ctx, own, from).await.map(|()| format!("{place} can no longer see {name}."))
        }
    };
    match done {
        Ok(said) => Ok(seat.done(&there, &said)),
        Err(error) => {
            let wrong = refused(seat, error)?;
            show(seat, space, &id, wrong).await
        }
    }
}
