//! No work without an end: statements have a limit of time, end with their asker, and take turns.

use std::time::Duration;

use super::writing::{hold, queued};
use super::*;

/// Counts to a number; to a large one it takes for ever.
const COUNT: &str = "WITH RECURSIVE up (n) AS (SELECT CAST(1 AS BIGINT) UNION ALL SELECT n + 1 FROM up WHERE n < $1)
                     SELECT count(*) FROM up";
const FOR_EVER: i64 = 1_000_000_000_000;
/// Some ten milliseconds of counting.
const A_WHILE: i64 = 30_000;

impl Place {
    async fn with_patience(&self, read: Duration, write: Duration) -> (Db, Arc<Writer<Names>>) {
        let db = Db::open_with(&self.target, Mode::Serve, MIGRATIONS, Patience { read, write }).await.unwrap();
        let (writer, _) = Writer::start(db.clone(), load, |_| {}).await.unwrap();
        (db, Arc::new(writer))
    }

    /// Statements at work on PostgreSQL that count; on SQLite nobody knows but the turns.
    async fn counting(&self) -> i64 {
        let Target::Postgres(_) = &self.target else { return 0 };
        let sql = format!(
            "SELECT count(*) FROM pg_stat_activity WHERE datname = '{}' AND state = 'active' AND query LIKE 'WITH RECURSIVE up%'",
            self.name
        );
        let url = std::env::var("TEST_DATABASE").unwrap();
        let (client, connection) = tokio_postgres::connect(&url, tokio_postgres::NoTls).await.unwrap();
        tokio::spawn(connection);
        client.query_one(sql.as_str(), &[]).await.unwrap().get(0)
    }
}

const LONG: Duration = Duration::from_secs(60);
const SHORT: Duration = Duration::from_millis(300);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n31_a_statement_that_takes_too_long_is_ended() {
    on_both(async |place| {
        let (db, writer) = place.with_patience(SHORT, SHORT).await;
        add(&writer, "a").await.unwrap();
        assert_eq!(db.scan(COUNT, params![FOR_EVER].to_vec()).await, Err(DbError::TimedOut));
        assert_eq!(db.query(COUNT, &params![FOR_EVER]).await, Err(DbError::TimedOut));
        // The writer's own statements, too; what shared the commit is undone with them, and said to be.
        let endless: Result<(), DbError> = writer
            .run(async |tx, names| {
                insert(tx, names, "b").await?;
                tx.query(COUNT, &params![FOR_EVER]).await.map(drop)
            })
            .await;
        assert_eq!(endless, Err(DbError::TimedOut));
        assert!(db.ready(), "nothing was lost");
        assert_eq!(names_in(&db).await, ["a"]);
        add(&writer, "c").await.unwrap();
        assert_eq!(names_in(&db).await, ["a", "c"]);
        assert_eq!(place.counting().await, 0);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n31_a_cancelled_read_leaves_no_work_and_no_connection() {
    on_both(async |place| {
        let (db, writer) = place.with_patience(LONG, LONG).await;
        // More than there are turns and connections, by enough askers to take them all.
        let reads: Vec<_> = (0..40)
            .map(|number| {
                let db = db.on_behalf_of(format!("asker {}", number % 10));
                tokio::spawn(async move { db.scan(COUNT, params![FOR_EVER].to_vec()).await })
            })
            .collect();
        queued().await;
        queued().await;
        reads.iter().for_each(tokio::task::JoinHandle::abort);
        for read in reads {
            assert!(read.await.unwrap_err().is_cancelled());
        }
        // Every turn is free again long before the limit, and so is every connection.
        let again: Vec<_> = (0..40)
            .map(|number| {
                let db = db.on_behalf_of(format!("asker {number}"));
                tokio::spawn(async move { db.scan(COUNT, params![1].to_vec()).await.map(drop) })
            })
            .collect();
        for read in again {
            tokio::time::timeout(LONG / 6, read).await.expect("a turn").unwrap().unwrap();
        }
        for _ in 0..100 {
            if place.counting().await == 0 {
                break;
            }
            queued().await;
        }
        assert_eq!(place.counting().await, 0);
        add(&writer, "a").await.unwrap();
    })
    .await;
}

#[tokio::test]
async fn n31_a_write_nobody_waits_for_is_not_begun() {
    on_both(async |place| {
        let (db, writer) = place.with_patience(LONG, LONG).await;
        let release = hold(&writer).await;
        let of_task = writer.clone();
        let gone = tokio::spawn(async move { add(&of_task, "gone").await });
        queued().await;
        gone.abort();
        assert!(gone.await.unwrap_err().is_cancelled());
        drop(release);
        add(&writer, "there").await.unwrap();
        assert_eq!(names_in(&db).await, ["there"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n82_more_long_reads_than_connections_neither_deadlock_nor_starve_short_ones() {
    on_both(async |place| {
        let (db, writer) = place.with_patience(LONG, LONG).await;
        add(&writer, "a").await.unwrap();
        let reads: Vec<_> = (0..80)
            .map(|number| {
                let db = db.on_behalf_of(format!("asker {}", number % 30));
                // Each asks a short question between its long ones, as a list does.
                tokio::spawn(async move {
                    db.scan(COUNT, params![A_WHILE].to_vec()).await.unwrap();
                    names_in(&db).await;
                    db.scan(COUNT, params![A_WHILE].to_vec()).await.unwrap();
                })
            })
            .collect();
        queued().await;
        let mut meanwhile = 0;
        while !reads.iter().all(tokio::task::JoinHandle::is_finished) && meanwhile < 20 {
            tokio::time::timeout(LONG / 6, names_in(&db)).await.expect("a short read");
            tokio::time::timeout(LONG / 6, add(&writer, &meanwhile.to_string())).await.expect("a write").unwrap();
            meanwhile += 1;
        }
        assert!(meanwhile > 3, "the long reads were over too soon to show anything");
        for read in reads {
            tokio::time::timeout(LONG, read).await.expect("no deadlock").unwrap();
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn n81_a_flood_of_long_reads_does_not_starve_another_asker() {
    on_both(async |place| {
        let (db, _writer) = place.with_patience(LONG, LONG).await;
        let flood: Vec<_> = (0..120)
            .map(|_| {
                let db = db.on_behalf_of("flood");
                tokio::spawn(async move { db.scan(COUNT, params![A_WHILE].to_vec()).await.map(drop) })
            })
            .collect();
        queued().await;
        let other = db.on_behalf_of("other");
        let before = flood.iter().filter(|read| read.is_finished()).count();
        for _ in 0..4 {
            tokio::time::timeout(LONG, other.scan(COUNT, params![A_WHILE].to_vec())).await.expect("a turn").unwrap();
        }
        let during = flood.iter().filter(|read| read.is_finished()).count() - before;
        assert!(during < 60, "{during} of 120 went before four of another's");
        for read in flood {
            read.await.unwrap().unwrap();
        }
    })
    .await;
}
