//! What goes to PostgreSQL and comes back: values, and errors in words that may be logged.

use std::error::Error as _;

use deadpool_postgres::{HookError, PoolError};
use tokio_postgres::error::SqlState;
use tokio_postgres::types::private::BytesMut;
use tokio_postgres::types::{FromSql, IsNull, ToSql, Type, to_sql_checked};

use super::{DbError, Value};

impl ToSql for Value {
    fn to_sql(&self, wanted: &Type, out: &mut BytesMut) -> Result<IsNull, Box<dyn std::error::Error + Sync + Send>> {
        match (self, wanted) {
            (Value::Null, _) => Ok(IsNull::Yes),
            (Value::Int(number), &Type::INT8) => number.to_sql(wanted, out),
            // The server gives this type to a placeholder that meets a number written in the statement.
            (Value::Int(number), &Type::INT4) => i32::try_from(*number)?.to_sql(wanted, out),
            (Value::Text(text), &(Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON)) => {
                text.to_sql(wanted, out)
            }
            (Value::Int(_), _) => Err(format!("a number was given where {wanted} is wanted").into()),
            (Value::Text(_), _) => Err(format!("text was given where {wanted} is wanted").into()),
        }
    }

    /// Which values fit is seen when they are written.
    fn accepts(_: &Type) -> bool {
        true
    }

    to_sql_checked!();
}

impl<'a> FromSql<'a> for Value {
    fn from_sql(found: &Type, raw: &'a [u8]) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(match *found {
            Type::INT8 => Value::Int(i64::from_sql(found, raw)?),
            Type::INT4 => Value::Int(i32::from_sql(found, raw)?.into()),
            // SQLite has no truth values, only 0 and 1.
            Type::BOOL => Value::Int(bool::from_sql(found, raw)?.into()),
            _ => Value::Text(<&str>::from_sql(found, raw)?.to_owned()),
        })
    }

    fn from_sql_null(_: &Type) -> Result<Value, Box<dyn std::error::Error + Sync + Send>> {
        Ok(Value::Null)
    }

    fn accepts(found: &Type) -> bool {
        matches!(
            *found,
            Type::INT8 | Type::INT4 | Type::BOOL | Type::TEXT | Type::VARCHAR | Type::NAME | Type::UNKNOWN | Type::JSON
        )
    }
}

pub(super) fn pool_error(error: PoolError) -> DbError {
    match error {
        PoolError::Backend(error) | PoolError::PostCreateHook(HookError::Backend(error)) => connect_error(error),
        error => DbError::Unavailable(error.to_string()),
    }
}

/// Whatever keeps us from connecting, the database is not there for us.
pub(super) fn connect_error(error: tokio_postgres::Error) -> DbError {
    DbError::Unavailable(describe(&error))
}

impl From<tokio_postgres::Error> for DbError {
    fn from(error: tokio_postgres::Error) -> DbError {
        let Some(code) = error.code() else {
            let io = error.source().is_some_and(|source| source.is::<std::io::Error>());
            return match error.is_closed() || io {
                true => DbError::Unavailable(describe(&error)),
                false => DbError::Other(describe(&error)),
            };
        };
        match *code {
            SqlState::UNIQUE_VIOLATION => return DbError::Unique,
            SqlState::QUERY_CANCELED => return DbError::TimedOut,
            SqlState::FOREIGN_KEY_VIOLATION | SqlState::RESTRICT_VIOLATION => return DbError::ForeignKey,
            _ => {}
        }
        // Connection, out of resources, being shut down, system error; taken by others; a standby now.
        let passing = ["08", "53", "57", "58", "40", "55"].iter().any(|class| code.code().starts_with(class));
        match passing || *code == SqlState::READ_ONLY_SQL_TRANSACTION {
            true => DbError::Unavailable(describe(&error)),
            false => DbError::Other(describe(&error)),
        }
    }
}

/// What may be logged. The server's own words can quote a value, except where they are about the statement (42), the
/// connection (08, 57) or signing in (28, 3D).
fn describe(error: &tokio_postgres::Error) -> String {
    let Some(database) = error.as_db_error() else {
        return match error.source() {
            Some(source) => format!("{error}: {source}"),
            None => error.to_string(),
        };
    };
    let code = database.code().code();
    if ["42", "08", "57", "28", "3D"].iter().any(|class| code.starts_with(class)) {
        return format!("{} (SQLSTATE {code})", database.message());
    }
    let place = [database.table(), database.column(), database.constraint()];
    let place: Vec<&str> = place.into_iter().flatten().collect();
    format!("SQLSTATE {code} {}", place.join(" ")).trim_end().to_owned()
}
