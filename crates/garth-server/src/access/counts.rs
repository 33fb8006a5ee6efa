//! How many resources lie in each space: kept with every change that brings some or takes some away, and held to the
//! space's quotas, judged on the state after the whole request (`MODEL.md`, "Quotas, keys, meters").
//!
//! An archived resource does not count. One in an archived space does: it lies where it lay, and nothing can be put
//! beside it.

use super::store::{AuditEntry, counts};
use super::{Record, Write, chain};
use crate::base::error::{Error, Result};
use crate::directory::{RESOURCES, meter_of_kind};
use garth_core::{ClassIx, SpaceIx};
use serde_json::{Value, json};
use std::collections::BTreeMap;

/// What the audit calls it when a meter comes near its limit.
pub const NEAR: &str = "quota.near";

/// Is so much near the limit: at 80 % of it?
pub fn nearly(used: i64, limit: i64) -> bool {
    i128::from(used) * 10 >= i128::from(limit) * 8
}

impl Write<'_> {
    /// Tells that so many resources of a class came among those that count, or went where that is less than none.
    pub fn counted(&mut self, class: ClassIx, by: i64) {
        let Some(class) = self.dir().world.class(class) else { return };
        *self.counts.entry((class.space, class.kind)).or_default() += by;
    }

    /// Writes the counts that changed.
    ///
    /// # Errors
    /// 403 `quota_exceeded` when more came than there may be.
    pub(super) async fn keep_counts(&mut self) -> Result<()> {
        let mut spaces: BTreeMap<SpaceIx, i64> = BTreeMap::new();
        for ((space, kind), by) in std::mem::take(&mut self.counts).into_iter().filter(|(_, by)| *by != 0) {
            // Gone with the change: its counts are, too.
            let Some(id) = self.dir().space_id(space) else { continue };
            let Some(info) = self.dir().kinds.info(kind) else { continue };
            let (meter, kind) = (meter_of_kind(&info.definition.name), info.id);
            *spaces.entry(space).or_default() += by;
            let number = counts::add(self.tx(), &id.to_string(), &kind.to_string(), by).await?;
            self.keep_quota(space, &meter, number, by).await?;
        }
        for (space, by) in spaces {
            let limited = self.dir().quota(space, RESOURCES).is_some_and(|quota| quota.limit.is_some());
            if let Some(id) = self.dir().space_id(space).filter(|_| limited && by > 0) {
                let number = counts::all(self.tx(), &id.to_string()).await?;
                self.keep_quota(space, RESOURCES, number, by).await?;
            }
        }
        Ok(())
    }

    /// So much is there after it grew by that. What does not grow is refused nothing: a limit may have been lowered.
    async fn keep_quota(&mut self, space: SpaceIx, meter: &str, number: i64, by: i64) -> Result<()> {
        let limit = self.dir().quota(space, meter).and_then(|quota| quota.limit);
        let Some(limit) = limit.filter(|_| by > 0) else { return Ok(()) };
        if number > limit {
            self.refused_in(space, "meter", meter.to_owned());
            return Err(Error::QuotaExceeded(match meter.strip_prefix(RESOURCES).and_then(|m| m.strip_prefix('.')) {
                Some(kind) => format!("the space may hold no more than {limit} resources of the kind {kind}"),
                None => format!("the space may hold no more than {limit} resources"),
            }));
        }
        self.note_near(space, meter, limit, number - by, number).await
    }

    /// Puts on record that a meter has come to 80 % of its limit, once each time that it does.
    ///
    /// # Errors
    /// When the store fails.
    pub async fn note_near(&mut self, space: SpaceIx, meter: &str, limit: i64, before: i64, after: i64) -> Result<()> {
        if nearly(before, limit) || !nearly(after, limit) {
            return Ok(());
        }
        let id = self.dir().space_id(space).unwrap_or_default().to_string();
        let (target_id, after) = (meter.to_owned(), json!({ "limit": limit }));
        let record = Record { space: Some(space), target_type: "meter", target_id, before: Value::Null, after };
        let entry = AuditEntry { action: NEAR.to_owned(), ..self.entry(id, record) };
        let (tx, dir) = self.parts();
        Ok(chain::append(tx, dir, &entry).await?)
    }
}
