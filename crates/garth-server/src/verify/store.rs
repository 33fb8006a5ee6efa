//! SQL of the check: rows as they are stored, without the picture between, and references that point at nothing.

use crate::base::db::{DbError, Tx, Value};

type Result<T> = std::result::Result<T, DbError>;

/// Id, space, principal.
pub(super) const GRANTS: &str = "SELECT id, space_id, principal FROM grants ORDER BY id";
/// Grants to resources that are not there.
pub(super) const GONE_ACTORS: &str = "SELECT g.id, g.principal FROM grants g \
     LEFT JOIN resources r ON r.id = substr(g.principal, 10) WHERE g.principal LIKE 'resource:%' AND r.id IS NULL \
     ORDER BY g.id";
/// Group, member, who says so.
pub(super) const MEMBERS: &str = "SELECT group_id, member, source FROM group_members ORDER BY group_id, member, source";
/// Id, own default space, deleted or not.
pub(super) const USERS: &str = "SELECT id, default_space FROM users WHERE default_space IS NOT NULL ORDER BY id";
/// Id, parent, gate, edit policy, default mark, wrapped key.
pub(super) const SPACES: &str =
    "SELECT id, parent_id, view_policy, edit_policy, default_mark, secret_key FROM spaces ORDER BY id";
/// Id, name, policy, who edits it.
pub(super) const POLICIES: &str = "SELECT id, name, policy, edit FROM policies ORDER BY id";
/// Id, name, definition.
pub(super) const KINDS: &str = "SELECT id, name, definition FROM kinds ORDER BY id";
/// Id, space, both policies, where it is shared to.
pub(super) const CLASSES: &str =
    "SELECT id, space_id, view_policy, edit_policy, windows FROM access_classes ORDER BY id";
/// Id, name, patterns.
pub(super) const ROLES: &str = "SELECT id, name, permissions FROM roles ORDER BY id";
/// Id, number, code, prefix, author, owner, secrets, space, the space's wrapped key.
pub(super) const RESOURCES: &str = "SELECT r.id, r.number, r.code, k.prefix, r.author, r.owner, r.secrets, s.id, \
    s.secret_key FROM resources r JOIN access_classes c ON c.id = r.class_id JOIN kinds k ON k.id = c.kind_id \
    JOIN spaces s ON s.id = c.space_id ORDER BY r.number";
/// Number, id, class, name, body, kind, and what it is found by: cut, head, body. The next thousand after a number.
pub(super) const FOUND_BY: &str = "SELECT r.number, r.id, r.class_id, r.name, r.body, c.kind_id, w.cut, w.head, w.body \
    FROM resources r JOIN access_classes c ON c.id = r.class_id \
    LEFT JOIN resource_words w ON w.resource_number = r.number WHERE r.number > $1 ORDER BY r.number LIMIT 1000";
/// Number and label of the resources between two numbers.
pub(super) const LABELS: &str = "SELECT r.number, l.label FROM resources r JOIN resource_labels l ON l.resource_id = r.id \
    WHERE r.number > $1 AND r.number <= $2 ORDER BY r.number, l.label";
/// Number, word and class of the resources between two numbers.
pub(super) const TERMS: &str = "SELECT resource_number, term, class_id FROM resource_terms \
    WHERE resource_number > $1 AND resource_number <= $2 ORDER BY resource_number, term";
/// Numbers of resources that words are left of.
pub(super) const LEFT_TERMS: &str = "SELECT DISTINCT t.resource_number FROM resource_terms t WHERE NOT EXISTS \
    (SELECT 1 FROM resource_words w WHERE w.resource_number = t.resource_number) ORDER BY t.resource_number";
/// Resource, subscriber.
pub(super) const SUBSCRIBERS: &str =
    "SELECT resource_id, subscriber FROM resource_subscribers ORDER BY resource_id, subscriber";
/// Attachments: both ends, and of each the class beside the link and that of the resource.
pub(super) const LINKS: &str = "SELECT a.consumer_id, a.provider_id, a.consumer_class, a.provider_class, c.class_id, \
    p.class_id FROM attachments a JOIN resources c ON c.id = a.consumer_id JOIN resources p ON p.id = a.provider_id \
    ORDER BY a.consumer_id, a.provider_id";
/// Resources whose labels attach them by themselves and that are not found by it, and those that are found without such
/// a label or in another class.
pub(super) const OFFERS: &str = "SELECT l.resource_id, l.label FROM resource_labels l \
    JOIN resources r ON r.id = l.resource_id WHERE substr(l.label, 1, 11) = 'autoattach:' AND length(l.label) > 11 \
    AND NOT EXISTS (SELECT 1 FROM resource_offers o WHERE o.resource_id = r.id AND o.class_id = r.class_id \
    AND o.label = substr(l.label, 12)) \
    UNION ALL SELECT o.resource_id, 'autoattach:' || o.label FROM resource_offers o \
    LEFT JOIN resources r ON r.id = o.resource_id AND r.class_id = o.class_id WHERE r.id IS NULL OR NOT EXISTS \
    (SELECT 1 FROM resource_labels l WHERE l.resource_id = o.resource_id AND l.label = 'autoattach:' || o.label)";
/// Id, name, choices, the sealed client secret.
pub(super) const PROVIDERS: &str = "SELECT id, name, choices, client_secret FROM identity_providers ORDER BY id";
/// Id, user, issuer, and the issuer of its provider.
pub(super) const IDENTITIES: &str = "SELECT e.id, e.user_id, e.issuer, p.issuer FROM external_identities e \
    JOIN identity_providers p ON p.id = e.provider_id ORDER BY e.id";
/// Ids of API keys.
pub(super) const KEYS: &str = "SELECT id FROM api_keys";
/// Logs that have entries and no chain.
pub(super) const UNCHAINED: &str =
    "SELECT DISTINCT space_id FROM audit WHERE space_id NOT IN (SELECT space_id FROM audit_chains)";

/// What the installation's key is known by.
pub(super) async fn key_proof(tx: &mut Tx) -> Result<Option<String>> {
    let row = tx.query_opt("SELECT value FROM installation WHERE name = 'key_proof'", &[]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// The keys that were taken over from earlier keys of the installation, sealed.
pub(super) async fn key_ring(tx: &mut Tx) -> Result<Option<String>> {
    let row = tx.query_opt("SELECT value FROM installation WHERE name = 'key_ring'", &[]).await?;
    row.map(|row| row.text(0).map(str::to_owned)).transpose()
}

/// How many rows the long checks read.
pub(super) async fn rows(tx: &mut Tx) -> Result<u64> {
    let mut all = 0;
    for table in ["grants", "resources", "resource_subscribers", "audit"] {
        let row = tx.query_opt(&format!("SELECT count(*) FROM {table}"), &[]).await?;
        all += row.map_or(Ok(0), |row| row.int(0))?;
    }
    Ok(u64::try_from(all).unwrap_or(0))
}

/// The first rows of a table whose column names what is not there: what the row is called, and what it names.
pub(super) async fn dangling(
    tx: &mut Tx,
    table: &str,
    column: &str,
    to: &str,
    key: &str,
    most: usize,
) -> Result<Vec<(String, String)>> {
    let first = format!(
        "SELECT * FROM {table} AS c WHERE c.{column} IS NOT NULL AND NOT EXISTS (SELECT 1 FROM {to} AS p \
                         WHERE p.{key} = c.{column}) LIMIT {most}"
    );
    // The name of a row is its first column; what it names is asked for beside it.
    let sql = format!("SELECT x.*, x.{column} FROM ({first}) AS x");
    let text = |value: Option<&Value>| match value {
        Some(Value::Text(text)) => text.clone(),
        Some(Value::Int(number)) => number.to_string(),
        _ => String::new(),
    };
    let rows = tx.query(&sql, &[]).await?;
    Ok(rows.iter().map(|row| (text(row.values().first()), text(row.values().last()))).collect())
}
/// Resource, what it requires, whether its body says so itself.
pub(super) const REQUIREMENTS: &str =
    "SELECT resource_id, required_id, direct FROM resource_requirements ORDER BY resource_id, required_id";
/// Id and body of the resources of a kind.
pub(super) const OF_KIND: &str =
    "SELECT r.id, r.body FROM resources r JOIN access_classes c ON c.id = r.class_id WHERE c.kind_id = $1";
/// Space, kind, and how many resources of it lie there, archived ones left out.
pub(super) const THERE: &str = "SELECT c.space_id, c.kind_id, COUNT(*) FROM resources r \
    JOIN access_classes c ON c.id = r.class_id WHERE r.archived = 0 GROUP BY c.space_id, c.kind_id";
/// The same as it is counted.
pub(super) const COUNTED: &str = "SELECT space_id, kind_id, number FROM resource_counts";
/// Space, meter, roles.
pub(super) const QUOTAS: &str = "SELECT space_id, meter, roles FROM quotas ORDER BY space_id, meter";
