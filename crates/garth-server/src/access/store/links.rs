//! SQL of attachments where a change could break them: which classes are linked, and which links those are.

use crate::access::Needed;
use crate::base::db::{DbError, Row, Tx, params};
use garth_core::ClassIx;
use hashbrown::{HashMap, HashSet};

type Result<T> = std::result::Result<T, DbError>;

/// Classes up to which the links of each are looked up; of more, all that is linked is read.
const LOOKED_UP: usize = 2_048;

/// Two classes of which resources are linked: that of the consumer and that of the provider.
pub(in crate::access) type Pair = (ClassIx, ClassIx);

fn class(stored: i64) -> Result<ClassIx> {
    u32::try_from(stored).map(ClassIx).map_err(|_| DbError::Other("a class out of range".to_owned()))
}

fn pairs(rows: &[Row]) -> Result<Vec<Pair>> {
    rows.iter().map(|row| Ok((class(row.int(0)?)?, class(row.int(1)?)?))).collect()
}

const PAIRS: &str = "SELECT DISTINCT a.consumer_class, a.provider_class FROM attachments a";

/// What is linked with these classes at one end: the consumers' (`true`) or the providers'.
pub(in crate::access) async fn of_classes(tx: &mut Tx, consumers: bool, classes: &[ClassIx]) -> Result<Vec<Pair>> {
    if classes.is_empty() {
        return Ok(Vec::new());
    }
    if classes.len() > LOOKED_UP {
        let wanted: HashSet<ClassIx> = classes.iter().copied().collect();
        let mut all = pairs(&tx.query(PAIRS, &[]).await?)?;
        all.retain(|(consumer, provider)| wanted.contains(if consumers { consumer } else { provider }));
        return Ok(all);
    }
    let column = if consumers { "consumer_class" } else { "provider_class" };
    let classes = serde_json::json!(classes.iter().map(|class| class.0).collect::<Vec<_>>()).to_string();
    pairs(&tx.query(&format!("{PAIRS} WHERE a.{column} IN INTS($1)"), &params![classes]).await?)
}

/// Of which links is spoken: those with one of these resources (a JSON list of ids) at either end, those to them, or all.
pub(in crate::access) enum Of {
    All,
    Either(String),
    Providers(String),
}

impl Of {
    /// The condition, and what it is filled with.
    fn condition(&self, place: &str) -> (String, Option<&String>) {
        match self {
            Of::All => (String::new(), None),
            Of::Either(ids) => {
                (format!("AND (a.consumer_id IN LIST({place}) OR a.provider_id IN LIST({place}))"), Some(ids))
            }
            Of::Providers(ids) => (format!("AND a.provider_id IN LIST({place})"), Some(ids)),
        }
    }
}

/// What is linked by these links.
pub(in crate::access) async fn of_resources(tx: &mut Tx, of: &Of) -> Result<Vec<Pair>> {
    let sql = match of {
        Of::All => PAIRS.to_owned(),
        // One index each; an OR would read them all.
        Of::Either(_) => format!(
            "{PAIRS} WHERE a.consumer_id IN LIST($1) \
             UNION SELECT a.consumer_class, a.provider_class FROM attachments a WHERE a.provider_id IN LIST($1)"
        ),
        Of::Providers(_) => format!("{PAIRS} WHERE a.provider_id IN LIST($1)"),
    };
    match of {
        Of::All => pairs(&tx.query(&sql, &[]).await?),
        Of::Either(ids) | Of::Providers(ids) => pairs(&tx.query(&sql, &params![ids]).await?),
    }
}

/// One end of a link, as decisions ask about it and as it is named.
pub(in crate::access) struct LinkEnd {
    pub id: String,
    pub code: String,
    pub name: String,
    pub author: String,
    pub owner: String,
    pub subscriber: bool,
}

fn link_end(row: &Row, from: usize) -> Result<LinkEnd> {
    let text = |column: usize| row.text(from + column).map(str::to_owned);
    let subscriber = row.bool(from + 5)?;
    Ok(LinkEnd { id: text(0)?, code: text(1)?, name: text(2)?, author: text(3)?, owner: text(4)?, subscriber })
}

/// The next links between two classes, consumer and provider, in the order of their ids; `me` may subscribe to them.
pub(in crate::access) async fn links(
    tx: &mut Tx,
    (consumer, provider): Pair,
    of: &Of,
    after: (&str, &str),
    me: &str,
    limit: usize,
) -> Result<Vec<(LinkEnd, LinkEnd)>> {
    let (condition, ids) = of.condition("$6");
    let end = |table: &str| {
        format!(
            "{table}.id, {table}.code, {table}.name, {table}.author, {table}.owner, CASE WHEN EXISTS (SELECT 1 \
             FROM resource_subscribers s WHERE s.resource_id = {table}.id AND s.subscriber = $5) THEN 1 ELSE 0 END"
        )
    };
    let sql = format!(
        "SELECT {}, {} FROM attachments a JOIN resources c ON c.id = a.consumer_id \
         JOIN resources p ON p.id = a.provider_id WHERE a.consumer_class = $1 AND a.provider_class = $2 \
         AND (a.consumer_id > $3 OR (a.consumer_id = $3 AND a.provider_id > $4)) {condition} \
         ORDER BY a.consumer_id, a.provider_id LIMIT {limit}",
        end("c"),
        end("p")
    );
    let mut values = params![consumer.0, provider.0, after.0, after.1, me].to_vec();
    values.extend(ids.map(|ids| ids.clone().into()));
    tx.query(&sql, &values).await?.iter().map(|row| Ok((link_end(row, 0)?, link_end(row, 6)?))).collect()
}

/// What must be seen before these resources (a JSON list of ids), by id; of those who subscribe only `me`.
pub(in crate::access) async fn needed(tx: &mut Tx, ids: &str, me: &str) -> Result<HashMap<String, Vec<Needed>>> {
    let sql = "SELECT q.resource_id, q.required_id, COALESCE(t.class_id, -1), COALESCE(t.author, ''), \
               COALESCE(t.owner, ''), CASE WHEN EXISTS (SELECT 1 FROM resource_subscribers s \
               WHERE s.resource_id = q.required_id AND s.subscriber = $2) THEN 1 ELSE 0 END \
               FROM resource_requirements q LEFT JOIN resources t ON t.id = q.required_id \
               WHERE q.resource_id IN LIST($1)";
    let mut found: HashMap<String, Vec<Needed>> = HashMap::new();
    for row in &tx.query(sql, &params![ids, me]).await? {
        found.entry(row.text(0)?.to_owned()).or_default().push(Needed {
            id: row.text(1)?.to_owned(),
            class: u32::try_from(row.int(2)?).ok().map(ClassIx),
            author: row.text(3)?.to_owned(),
            owner: row.text(4)?.to_owned(),
            subscribers: if row.bool(5)? { vec![me.to_owned()] } else { Vec::new() },
        });
    }
    Ok(found)
}
