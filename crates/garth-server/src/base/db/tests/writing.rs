//! The writer: shared commits, what failure undoes, and what happens when the database goes away.

use std::time::Duration;

use tokio::sync::oneshot;

use super::*;

#[tokio::test]
async fn a_failed_operation_leaves_no_row_and_no_state() {
    on_both(async |place| {
        let (db, writer, published) = place.writer().await;
        add(&writer, "first").await.unwrap();
        let failed: Result<(), DbError> = writer
            .run(async |tx, names| {
                insert(tx, names, "second").await?;
                Err(DbError::Other("changed my mind".to_owned()))
            })
            .await;
        assert_eq!(failed, Err(DbError::Other("changed my mind".to_owned())));
        let seen: Result<Names, DbError> = writer.run(async |_, names| Ok(names.clone())).await;
        assert_eq!(seen.unwrap(), ["first"]);
        assert_eq!(names_in(&db).await, ["first"]);
        assert_eq!(published.lock().unwrap().last().unwrap(), &["first"]);
    })
    .await;
}

#[tokio::test]
async fn an_operation_cannot_go_on_after_a_failed_statement() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        add(&writer, "a").await.unwrap();
        let result: Result<(), DbError> = writer
            .run(async |tx, names| {
                insert(tx, names, "b").await?;
                assert_eq!(insert(tx, names, "a").await, Err(DbError::Unique));
                assert!(matches!(insert(tx, names, "c").await, Err(DbError::Other(_))));
                Ok(())
            })
            .await;
        assert!(matches!(result, Err(DbError::Other(_))));
        assert_eq!(names_in(&db).await, ["a"]);
        add(&writer, "d").await.unwrap();
        assert_eq!(names_in(&db).await, ["a", "d"]);
    })
    .await;
}

/// Holds the writer with an operation of its own until told to go on, so that what is asked meanwhile shares a commit.
pub(super) async fn hold(writer: &Arc<Writer<Names>>) -> oneshot::Sender<()> {
    let (release, released) = oneshot::channel::<()>();
    let (begun, holding) = oneshot::channel();
    let writer = writer.clone();
    tokio::spawn(async move {
        let operation = async move |_: &mut Tx, _: &mut Names| -> Result<(), DbError> {
            begun.send(()).unwrap();
            let _ = released.await;
            Ok(())
        };
        writer.run(operation).await.unwrap();
    });
    holding.await.unwrap();
    release
}

/// Waits until operations that were spawned are in the queue.
pub(super) async fn queued() {
    tokio::time::sleep(Duration::from_millis(50)).await;
}

#[tokio::test]
async fn operations_in_one_commit_see_each_other_and_fail_alone() {
    on_both(async |place| {
        let (db, writer, published) = place.writer().await;
        let writer = Arc::new(writer);
        let release = hold(&writer).await;
        let mut asked = Vec::new();
        // The second "a" and the fourth operation fail; everything else must be as if they had never run.
        for (index, name) in ["a", "a", "b", "!", "c"].into_iter().enumerate() {
            let writer = writer.clone();
            asked.push(tokio::spawn(async move {
                writer
                    .run(async move |tx, names: &mut Names| {
                        let before = names.clone();
                        assert_eq!(load(tx).await?, before);
                        insert(tx, names, name).await?;
                        if name == "!" { Err(DbError::Other("no".to_owned())) } else { Ok((index, before)) }
                    })
                    .await
            }));
            queued().await;
        }
        drop(release);
        let mut answers = Vec::new();
        for answer in asked {
            answers.push(answer.await.unwrap());
        }
        assert_eq!(answers[0], Ok((0, vec![])));
        assert_eq!(answers[1], Err(DbError::Unique));
        assert_eq!(answers[2], Ok((2, vec!["a".to_owned()])));
        assert_eq!(answers[3], Err(DbError::Other("no".to_owned())));
        assert_eq!(answers[4], Ok((4, vec!["a".to_owned(), "b".to_owned()])));
        assert_eq!(names_in(&db).await, ["a", "b", "c"]);
        // Two commits: the one that was held, and the one they shared.
        assert_eq!(*published.lock().unwrap(), [vec![], vec!["a", "b", "c"]]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_writers_share_commits_and_all_are_answered() {
    on_both(async |place| {
        let (db, writer, published) = place.writer().await;
        let writer = Arc::new(writer);
        let release = hold(&writer).await;
        let asked: Vec<_> = (0..500)
            .map(|number| {
                let writer = writer.clone();
                tokio::spawn(async move { add(&writer, &format!("{number:03}")).await })
            })
            .collect();
        queued().await;
        drop(release);
        for answer in asked {
            answer.await.unwrap().unwrap();
        }
        let names = names_in(&db).await;
        assert_eq!(names.len(), 500);
        let published = published.lock().unwrap();
        assert_eq!(published.last(), Some(&names));
        assert!(published.len() < 100, "{} commits for 500 operations", published.len());
    })
    .await;
}

#[tokio::test]
async fn a_full_queue_refuses() {
    on_sqlite(async |place| {
        let (db, writer, _) = place.writer().await;
        let writer = Arc::new(writer);
        let release = hold(&writer).await;
        let asked: Vec<_> = (0..5000)
            .map(|number| {
                let writer = writer.clone();
                tokio::spawn(async move { add(&writer, &number.to_string()).await })
            })
            .collect();
        queued().await;
        drop(release);
        let mut refused = 0;
        for answer in asked {
            let answer = answer.await.unwrap();
            refused += usize::from(answer.is_err());
            assert!(answer.is_ok() || unavailable(answer));
        }
        assert!(refused > 0);
        assert_eq!(names_in(&db).await.len() + refused, 5000);
    })
    .await;
}

#[tokio::test]
async fn shutdown_finishes_what_is_queued() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        let writer = Arc::new(writer);
        let release = hold(&writer).await;
        let of_task = writer.clone();
        let asked = tokio::spawn(async move { add(&of_task, "last").await });
        queued().await;
        let of_task = writer.clone();
        let down = tokio::spawn(async move { of_task.shutdown().await });
        queued().await;
        drop(release);
        asked.await.unwrap().unwrap();
        down.await.unwrap();
        drop(db);
        assert_eq!(names_in(&place.db().await).await, ["last"]);
    })
    .await;
}

#[tokio::test]
async fn a_panic_is_a_failure_of_one_operation() {
    on_both(async |place| {
        let (db, writer, _) = place.writer().await;
        let result: Result<(), DbError> = writer
            .run(async |tx, names| {
                insert(tx, names, "half").await?;
                panic!("this panic belongs to the test");
            })
            .await;
        assert!(matches!(result, Err(DbError::Other(_))));
        assert!(db.ready());
        add(&writer, "whole").await.unwrap();
        assert_eq!(names_in(&db).await, ["whole"]);
        assert_eq!(writer.run(async |_, names| Ok::<_, DbError>(names.clone())).await.unwrap(), ["whole"]);
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_is_published_before_the_commit() {
    on_both(async |place| {
        let (db, writer, published) = place.writer().await;
        let writer = Arc::new(writer);
        let release = hold(&writer).await;
        let of_task = writer.clone();
        let first = tokio::spawn(async move { add(&of_task, "a").await });
        queued().await;
        // A second one in the same commit, which waits with its insert already made.
        let (inserted, reached) = oneshot::channel();
        let (finish, finished) = oneshot::channel::<()>();
        let of_task = writer.clone();
        let second = tokio::spawn(async move {
            let operation = async move |tx: &mut Tx, names: &mut Names| {
                insert(tx, names, "b").await?;
                inserted.send(()).unwrap();
                let _ = finished.await;
                Ok::<(), DbError>(())
            };
            of_task.run(operation).await
        });
        queued().await;
        drop(release);
        reached.await.unwrap();
        assert_eq!(*published.lock().unwrap(), [Names::new()]);
        assert_eq!(names_in(&db).await.len(), 0);
        assert!(!first.is_finished(), "an answer comes after the commit");
        drop(finish);
        first.await.unwrap().unwrap();
        second.await.unwrap().unwrap();
        assert_eq!(*published.lock().unwrap(), [vec![], vec!["a", "b"]]);
        assert_eq!(names_in(&db).await, ["a", "b"]);
    })
    .await;
}

#[tokio::test]
async fn a_failed_commit_is_answered_and_forgotten() {
    on_both(async |place| {
        let (db, writer, published) = place.writer().await;
        add(&writer, "a").await.unwrap();
        let result: Result<(), DbError> = writer
            .run(async |tx, names| {
                insert(tx, names, "b").await?;
                // Noticed by COMMIT alone.
                tx.execute("INSERT INTO promises (id, thing) VALUES (1, 'missing')", &[]).await?;
                Ok(())
            })
            .await;
        assert!(unavailable(result));
        back(&db).await;
        assert_eq!(names_in(&db).await, ["a"]);
        add(&writer, "c").await.unwrap();
        assert_eq!(names_in(&db).await, ["a", "c"]);
        assert!(published.lock().unwrap().iter().all(|names| !names.contains(&"b".to_owned())));
    })
    .await;
}

async fn back(db: &Db) {
    for _ in 0..1000 {
        if db.ready() {
            return;
        }
        tokio::time::sleep(Duration::from_millis(10)).await;
    }
    panic!("the database did not come back");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lost_connection_refuses_then_recovers() {
    on_postgres(async |place| {
        let Target::Postgres(url) = &place.target else { unreachable!() };
        let name = &place.name;
        let (db, writer, published) = place.writer().await;
        let writer = Arc::new(writer);
        add(&writer, "a").await.unwrap();

        // One operation is done and one is at work when the connection goes.
        let release = hold(&writer).await;
        let of_task = writer.clone();
        let done = tokio::spawn(async move { add(&of_task, "b").await });
        queued().await;
        let (begun, at_work) = oneshot::channel();
        let (go_on, killed) = oneshot::channel::<()>();
        let of_task = writer.clone();
        let working = tokio::spawn(async move {
            let operation = async move |tx: &mut Tx, names: &mut Names| {
                begun.send(()).unwrap();
                let _ = killed.await;
                insert(tx, names, "c").await
            };
            of_task.run(operation).await
        });
        queued().await;
        drop(release);
        at_work.await.unwrap();

        raw(url, "INSERT INTO things (name) VALUES ('from outside')").await;
        admin(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS false")).await;
        admin(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
        drop(go_on);
        assert!(unavailable(done.await.unwrap()));
        assert!(unavailable(working.await.unwrap()));
        queued().await;
        assert!(!db.ready());
        assert!(unavailable(add(&writer, "d").await));
        assert!(unavailable(db.query("SELECT 1", &[]).await));

        admin(&format!("ALTER DATABASE {name} ALLOW_CONNECTIONS true")).await;
        back(&db).await;
        assert_eq!(published.lock().unwrap().last().unwrap(), &["a", "from outside"]);
        add(&writer, "e").await.unwrap();
        assert_eq!(names_in(&db).await, ["a", "e", "from outside"]);

        // An idle connection's end is noticed too.
        admin(&format!("SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE datname = '{name}'")).await;
        let mut seen = published.lock().unwrap().len();
        for _ in 0..500 {
            if published.lock().unwrap().len() > seen && db.ready() {
                seen = usize::MAX;
                break;
            }
            tokio::time::sleep(Duration::from_millis(10)).await;
        }
        assert_eq!(seen, usize::MAX, "an idle writer reconnects and reloads");
        assert!(matches!(
            Db::open_with(&place.target, Mode::Serve, MIGRATIONS, Patience::default()).await,
            Err(DbError::AlreadyRunning)
        ));
    })
    .await;
}
