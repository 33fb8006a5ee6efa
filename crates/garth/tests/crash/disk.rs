//! A disk that is full, read-only, or fails to sync, under the embedded database. `faults.c` makes it so.
//!
//! A change that the disk does not take is refused with 503 and a sentence; what is stored is still answered, unless a
//! sync failed: then nobody knows what the disk holds, and nothing is answered until a commit has shown it. No restart.

use super::kills::furnish;
use super::random::Random;
use super::server::{Api, Place, Reply, Server, set_up};
use serde_json::{Value, json};
use std::path::PathBuf;
use std::process::Command;
use std::sync::OnceLock;
use std::time::{Duration, Instant};

const FULL: u32 = 28;
const READ_ONLY: u32 = 30;
const BROKEN: u32 = 5;
/// Every call from the first on.
const ALWAYS: (u32, u32) = (1, 999_999_999);

/// The library, compiled once a run.
fn library() -> &'static PathBuf {
    static LIBRARY: OnceLock<PathBuf> = OnceLock::new();
    LIBRARY.get_or_init(|| {
        let source = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/crash/faults.c");
        let library = PathBuf::from(env!("CARGO_TARGET_TMPDIR")).join(format!("faults-{}.so", std::process::id()));
        let mut cc = Command::new("cc");
        cc.args(["-shared", "-fPIC", "-O1", "-o"]).arg(&library).arg(source).args(["-ldl", "-lpthread"]);
        let made = cc.output().expect("a C compiler, as the build needs one");
        assert!(made.status.success(), "{}", String::from_utf8_lossy(&made.stderr));
        library
    })
}

/// A server on a disk that can be told to fail.
struct Disk {
    place: Place,
    server: Option<Server>,
    ada: String,
    spaces: [String; 2],
    serial: u32,
}

impl Disk {
    fn new() -> Disk {
        let place = Place::sqlite();
        let server = start(&place);
        let ada = set_up(&place, &server);
        let spaces = furnish(&mut server.api(&ada));
        Disk { place, server: Some(server), ada, spaces, serial: 0 }
    }

    /// From now on these calls fail like that: `w` writes, `s` syncs, `o` opens for writing.
    fn fail(&mut self, errno: u32, calls: &str, which: (u32, u32)) {
        self.serial += 1;
        let line = format!("{errno} {calls} {} {} #{}", which.0, which.1, self.serial);
        let file = self.place.folder.join("faults");
        std::fs::write(file.with_extension("new"), line).expect("told");
        std::fs::rename(file.with_extension("new"), file).expect("told");
    }

    fn heal(&self) {
        std::fs::write(self.place.folder.join("faults"), "").expect("told");
    }

    fn api(&self) -> Api {
        self.server.as_ref().expect("a server").api(&self.ada)
    }

    fn ask(&self, path: &str) -> Reply {
        self.api().get(path).expect("an answer")
    }

    fn kill_and_start(&mut self) {
        if let Some(server) = self.server.take() {
            server.kill();
        }
        self.server = Some(start(&self.place));
    }

    /// Three resources, all or none.
    fn batch(&mut self) -> (String, Reply) {
        self.serial += 1;
        let name = format!("batch-{}-", self.serial);
        let list: Vec<Value> =
            (0..3).map(|at| json!({"kind": "task", "space": self.spaces[0], "name": format!("{name}{at}")})).collect();
        let reply = self.api().post("/api/v1/resources/batch", json!({"resources": list})).expect("an answer");
        (name, reply)
    }

    fn count(&self, name: &str) -> usize {
        let list = self.ask(&format!("/api/v1/resources?q={name}&limit=100")).expect(&[200]);
        list.body["items"].as_array().expect("items").len()
    }

    /// Asks until it is so, for at most ten seconds.
    fn soon(&self, what: &str, path: &str, status: u16) {
        let began = Instant::now();
        while self.ask(path).status != status {
            assert!(began.elapsed() < Duration::from_secs(10), "{what}");
            std::thread::sleep(Duration::from_millis(20));
        }
    }
}

fn start(place: &Place) -> Server {
    let folder = place.data().display().to_string();
    let faults = place.folder.join("faults").display().to_string();
    let library = library().display().to_string();
    Server::start_with(place, None, &[("LD_PRELOAD", &library), ("FAULTS_UNDER", &folder), ("FAULTS_FILE", &faults)])
}

/// Refused as the contract says it: what is wrong, in a sentence, and when to try again.
#[track_caller]
fn unavailable(reply: &Reply) {
    assert_eq!((reply.status, reply.text("code").as_str()), (503, "unavailable"), "{reply:?}");
    assert_eq!(reply.header("retry-after"), Some("1"), "{reply:?}");
    let said = reply.text("detail");
    assert!(said.contains("store") && said.contains("try again"), "{said}");
    for inside in ["sqlite", "SQLITE", "disk I/O", "/tmp", "garth.db"] {
        assert!(!reply.body.to_string().contains(inside), "{reply:?}");
    }
}

/// Changes of every sort are refused, reads go on, and nothing has changed; then all is well again, without a restart.
fn refuses_changes_and_answers_reads(errno: u32, calls: &str) {
    let mut disk = Disk::new();
    let mut api = disk.api();
    let task = json!({"kind": "task", "space": disk.spaces[0], "name": "kept"});
    let kept = api.post("/api/v1/resources", task.clone()).expect("an answer").expect(&[201]).body;
    let url = format!("/api/v1/resources/{}", kept["id"].as_str().expect("an id"));
    let grants = format!("/api/v1/spaces/{}/grants", disk.spaces[1]);
    let held = disk.ask(&grants).body;

    disk.fail(errno, calls, ALWAYS);
    for round in 0..5 {
        unavailable(&api.post("/api/v1/resources", task.clone()).expect("an answer"));
        unavailable(&api.patch(&url, 1, json!({"name": "never"})).expect("an answer"));
        unavailable(&api.post(&format!("{url}/move"), json!({"space": disk.spaces[1]})).expect("an answer"));
        unavailable(&api.delete(&url).expect("an answer"));
        let grant = json!({"principal": "group:everyone", "role": "reader"});
        unavailable(&api.post(&grants, grant).expect("an answer"));
        let (name, refused) = disk.batch();
        unavailable(&refused);

        assert_eq!(disk.ask(&url).expect(&[200]).body, kept, "round {round}");
        assert_eq!(disk.ask(&grants).expect(&[200]).body, held);
        assert_eq!(disk.count(&name), 0);
        for open in ["/healthz", "/readyz"] {
            disk.ask(open).expect(&[200]);
        }
    }
    disk.heal();
    api.patch(&url, 1, json!({"name": "changed"})).expect("an answer").expect(&[200]);
    let (name, made) = disk.batch();
    made.expect(&[201]);
    disk.kill_and_start();
    assert_eq!(disk.ask(&url).body["name"], "changed");
    assert_eq!((disk.count(&name), disk.count("never")), (3, 0));
}

#[test]
fn a_full_disk_refuses_changes_and_answers_reads() {
    refuses_changes_and_answers_reads(FULL, "w");
}

#[test]
fn a_read_only_disk_refuses_changes_and_answers_reads() {
    refuses_changes_and_answers_reads(READ_ONLY, "wo");
}

#[test]
fn a_failing_sync_stops_the_answers_until_a_commit_has_shown_the_truth() {
    let mut disk = Disk::new();
    let (before, made) = disk.batch();
    made.expect(&[201]);
    disk.fail(BROKEN, "s", ALWAYS);
    let (doubtful, refused) = disk.batch();
    unavailable(&refused);
    // Nobody knows now what the disk holds: no answer that could turn out untrue.
    unavailable(&disk.ask("/api/v1/resources"));
    unavailable(&disk.ask("/readyz"));
    disk.ask("/healthz").expect(&[200]);
    let (never, refused) = disk.batch();
    unavailable(&refused);

    disk.heal();
    disk.soon("it is ready again without a restart", "/readyz", 200);
    let there = disk.count(&doubtful);
    assert!(there == 0 || there == 3, "{there} of 3");
    assert_eq!((disk.count(&before), disk.count(&never)), (3, 0));
    let (after, made) = disk.batch();
    made.expect(&[201]);
    // What was found out then stays true after a crash.
    disk.kill_and_start();
    assert_eq!((disk.count(&before), disk.count(&doubtful), disk.count(&after)), (3, there, 3));
}

/// Fails one call after the other on the way of a commit, and kills the server right afterwards.
fn every_place_of_a_commit(errno: u32, calls: &str, name: &str) {
    let mut disk = Disk::new();
    let mut random = Random::seeded(name);
    let (mut made, mut refused, mut done_all_the_same, mut unharmed) = (Vec::new(), 0, 0, 0);
    for call in 1..200 {
        disk.fail(errno, calls, (call, call + (random.next() % 3) as u32));
        let (batch, reply) = disk.batch();
        disk.heal();
        let answered = reply.clone().expect(&[201, 503]).status == 201;
        // Sometimes it first goes on, sometimes it dies at once.
        if random.below(2) == 0 {
            disk.soon("it is ready again", "/readyz", 200);
            let before = disk.count(&batch);
            disk.kill_and_start();
            assert_eq!(disk.count(&batch), before, "what was answered before the crash holds after it");
        } else {
            disk.kill_and_start();
        }
        let there = disk.count(&batch);
        assert!(there == 0 || there == 3, "{there} of 3: in part");
        assert!(there == 3 || !answered, "an answered batch is lost");
        refused += u32::from(!answered);
        done_all_the_same += u32::from(!answered && there == 3);
        made.extend((there == 3).then_some(batch));
        // Some calls may fail without harm; after several in a row, the commit had no more.
        unharmed = if answered { unharmed + 1 } else { 0 };
        if unharmed == 6 {
            break;
        }
    }
    made.iter().for_each(|batch| assert_eq!(disk.count(batch), 3));
    assert!(refused > 0, "no call was hit");
    eprintln!(
        "{name}: {refused} commits failed, of which {done_all_the_same} were done all the same; in part = 0, lost = 0"
    );
}

#[test]
fn a_commit_that_fails_at_any_write_is_whole_or_not_at_all() {
    every_place_of_a_commit(FULL, "w", "full at the n-th write");
}

#[test]
fn a_commit_that_fails_at_any_call_is_whole_or_not_at_all() {
    every_place_of_a_commit(BROKEN, "ws", "broken at the n-th call");
}

#[test]
fn a_server_does_not_start_on_a_disk_it_cannot_write_and_says_so() {
    let mut disk = Disk::new();
    if let Some(server) = disk.server.take() {
        server.kill();
    }
    disk.fail(READ_ONLY, "wo", ALWAYS);
    let folder = disk.place.data().display().to_string();
    let faults = disk.place.folder.join("faults").display().to_string();
    let library = library().display().to_string();
    let environment = [("LD_PRELOAD", &*library), ("FAULTS_UNDER", &folder), ("FAULTS_FILE", &faults)];
    let mut child = Server::spawn(&disk.place, None, &environment);
    assert_eq!(child.wait().expect("it ends").code(), Some(1));
    let log = std::fs::read_to_string(disk.place.log()).expect("a log");
    let said = log.lines().last().unwrap_or_default();
    assert!(said.starts_with("garth: The database cannot be") && said.contains("Read-only"), "{said}");
    disk.heal();
    disk.server = Some(start(&disk.place));
    disk.ask("/api/v1/me").expect(&[200]);
}
