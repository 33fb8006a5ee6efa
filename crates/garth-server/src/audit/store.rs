//! SQL of reading the audit; it is written where changes are, in `access`.

use crate::access::AuditEntry as Entry;
use crate::base::db::{Db, DbError, Row, Value};
use garth_core::Micros;

/// Which entries are wanted, all conditions together.
#[derive(Clone, Debug, Default)]
pub struct Filter {
    /// By that actor.
    pub actor: Option<String>,
    /// Of that action.
    pub action: Option<String>,
    /// Of the thing of that id.
    pub target: Option<String>,
    /// `done` or `refused`.
    pub outcome: Option<String>,
    /// Not before.
    pub from: Option<Micros>,
    /// Before.
    pub to: Option<Micros>,
}

pub(super) async fn list(
    db: &Db,
    space: &str,
    filter: &Filter,
    before: i64,
    limit: usize,
) -> Result<Vec<(i64, Entry)>, DbError> {
    let mut sql =
        "SELECT id, at, actor, credential, action, target_type, target_id, outcome, before_state, after_state, \
                   request_id, seq FROM audit WHERE space_id = $1 AND seq < $2"
            .to_owned();
    let mut values: Vec<Value> = vec![space.into(), before.into()];
    let conditions: [(&str, Option<Value>); 6] = [
        ("actor =", filter.actor.as_ref().map(Value::from)),
        ("action =", filter.action.as_ref().map(Value::from)),
        ("target_id =", filter.target.as_ref().map(Value::from)),
        ("outcome =", filter.outcome.as_ref().map(Value::from)),
        ("at >=", filter.from.map(Value::from)),
        ("at <", filter.to.map(Value::from)),
    ];
    for (condition, value) in conditions {
        if let Some(value) = value {
            values.push(value);
            sql.push_str(&format!(" AND {condition} ${}", values.len()));
        }
    }
    values.push(i64::try_from(limit).unwrap_or(i64::MAX).into());
    sql.push_str(&format!(" ORDER BY seq DESC LIMIT ${}", values.len()));
    let rows = db.scan(&sql, values).await?;
    let entry = |row: &Row| -> Result<(i64, Entry), DbError> {
        let entry = Entry {
            id: row.text(0)?.to_owned(),
            at: row.int(1)?,
            space: space.to_owned(),
            actor: row.text(2)?.to_owned(),
            credential: row.text(3)?.to_owned(),
            action: row.text(4)?.to_owned(),
            target_type: row.text(5)?.to_owned(),
            target_id: row.text(6)?.to_owned(),
            outcome: row.text(7)?.to_owned(),
            before: row.text(8)?.to_owned(),
            after: row.text(9)?.to_owned(),
            request_id: row.text(10)?.to_owned(),
        };
        Ok((row.int(11)?, entry))
    };
    rows.iter().map(entry).collect()
}
