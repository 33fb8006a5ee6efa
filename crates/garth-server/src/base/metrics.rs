//! Figures of a running server, as Prometheus reads them.
//!
//! A measurement is two atomic additions: the label sets are known beforehand, so nothing is looked up under a lock.
//! Labels come from closed sets: route patterns, methods, classes of status, never anything that a request carries.

use crate::base::clock;
use hashbrown::HashMap;
use prometheus_client::encoding::{EncodeLabelSet, EncodeMetric, MetricEncoder};
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::info::Info;
use prometheus_client::metrics::{MetricType, TypedMetric};
use prometheus_client::registry::{Registry, Unit};
use std::fmt::Error;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

/// Media type of what [`Figures::text`] writes.
pub const MEDIA_TYPE: &str = "application/openmetrics-text; version=1.0.0; charset=utf-8";
/// The label of requests that no route takes, and of methods that no route knows.
pub const OTHER: &str = "other";

/// Upper ends of the buckets of a duration, in nanoseconds: 50 µs to 10 s.
const DURATIONS: &[u64] = &[
    50_000,
    100_000,
    250_000,
    500_000,
    1_000_000,
    2_500_000,
    5_000_000,
    10_000_000,
    25_000_000,
    50_000_000,
    100_000_000,
    250_000_000,
    500_000_000,
    1_000_000_000,
    2_500_000_000,
    10_000_000_000,
];
/// Upper ends of the buckets of a number of operations.
const COUNTS: &[u64] = &[1, 2, 4, 8, 16, 32, 64, 128, 256];
const METHODS: [&str; 8] = ["GET", "POST", "PUT", "PATCH", "DELETE", "HEAD", "OPTIONS", OTHER];
const CLASSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// How often something was how large; cloning gives another handle to the same figures.
#[derive(Clone, Debug)]
pub struct Histogram(Arc<Buckets>);

#[derive(Debug)]
struct Buckets {
    ends: &'static [u64],
    /// What one of the unit is in the numbers that are added.
    unit: f64,
    /// One for each end, and one for what is larger.
    counts: Box<[AtomicU64]>,
    sum: AtomicU64,
}

impl Histogram {
    /// Of durations, shown in seconds.
    pub fn durations() -> Self {
        Self::new(DURATIONS, 1e9)
    }

    /// Of numbers.
    pub fn counts() -> Self {
        Self::new(COUNTS, 1.0)
    }

    fn new(ends: &'static [u64], unit: f64) -> Self {
        let counts = (0..=ends.len()).map(|_| AtomicU64::new(0)).collect();
        Self(Arc::new(Buckets { ends, unit, counts, sum: AtomicU64::new(0) }))
    }

    /// Adds a duration.
    pub fn took(&self, duration: Duration) {
        self.add(u64::try_from(duration.as_nanos()).unwrap_or(u64::MAX));
    }

    /// Adds a number.
    pub fn add(&self, value: u64) {
        let at = self.0.ends.partition_point(|end| *end < value);
        if let Some(count) = self.0.counts.get(at) {
            count.fetch_add(1, Ordering::Relaxed);
            self.0.sum.fetch_add(value, Ordering::Relaxed);
        }
    }
}

impl EncodeMetric for Histogram {
    fn encode(&self, mut encoder: MetricEncoder) -> Result<(), Error> {
        let ends = self.0.ends.iter().map(|end| *end as f64 / self.0.unit).chain([f64::INFINITY]);
        let counts = self.0.counts.iter().map(|count| count.load(Ordering::Relaxed));
        let buckets: Vec<(f64, u64)> = ends.zip(counts).collect();
        let count = buckets.iter().map(|(_, count)| count).sum();
        let sum = self.0.sum.load(Ordering::Relaxed) as f64 / self.0.unit;
        encoder.encode_histogram::<[(&str, &str); 0]>(sum, count, &buckets, None)
    }

    fn metric_type(&self) -> MetricType {
        Self::TYPE
    }
}

impl TypedMetric for Histogram {
    const TYPE: MetricType = MetricType::Histogram;
}

/// The labels of a request.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct RequestLabels {
    route: String,
    method: &'static str,
    status: &'static str,
}

/// The labels of a decision.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct DecisionLabels {
    endpoint: &'static str,
    outcome: &'static str,
}

/// How a run of a job ended, or one of its deliveries.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct StateLabels {
    state: &'static str,
}

/// Where decisions are asked for, and how they end.
const ENDPOINTS: [&str; 6] =
    ["evaluation", "evaluations", "search_subject", "search_resource", "search_action", "explain"];
const OUTCOMES: [&str; 4] = ["allowed", "denied", "failed", "many"];

/// What a decision ended with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Decided {
    /// Yes.
    Allowed,
    /// No.
    Denied,
    /// Neither: the caller may not ask that, or the store failed.
    Failed,
    /// Many questions, or a search.
    Many,
}

impl From<bool> for Decided {
    fn from(allowed: bool) -> Self {
        if allowed { Self::Allowed } else { Self::Denied }
    }
}

/// The labels of a letter.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct LetterLabels {
    outcome: &'static str,
}

/// What became of a letter that came in.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Received {
    /// It was kept.
    Accepted,
    /// It was turned away.
    Refused,
    /// It is to be sent again.
    Deferred,
}

impl Received {
    /// As it is written.
    pub fn name(self) -> &'static str {
        match self {
            Self::Accepted => "accepted",
            Self::Refused => "refused",
            Self::Deferred => "deferred",
        }
    }
}

/// The labels of what is watched.
#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct WatchedLabels {
    noun: &'static str,
    colour: &'static str,
}

/// What the writer does.
#[derive(Debug)]
pub struct WriterFigures {
    /// How long a commit takes.
    pub commit: Histogram,
    /// Operations that shared a commit.
    pub group: Histogram,
    applied: Mutex<Instant>,
}

impl WriterFigures {
    /// Nothing was written yet.
    pub fn new() -> Arc<Self> {
        let applied = Mutex::new(clock::monotonic());
        Arc::new(Self { commit: Histogram::durations(), group: Histogram::counts(), applied })
    }

    /// A group of changes was committed and is in the picture now.
    pub fn applied(&self) {
        *self.applied.lock().unwrap_or_else(PoisonError::into_inner) = clock::monotonic();
    }

    /// How long ago the last change was applied; at first, how long it runs.
    pub fn since_applied(&self) -> Duration {
        self.applied.lock().unwrap_or_else(PoisonError::into_inner).elapsed()
    }
}

/// What is known only at the moment it is asked for.
pub struct Moment<'a> {
    /// Can the server answer?
    pub ready: bool,
    /// Operations that wait for the writer.
    pub waiting: usize,
    /// Spaces that nobody is in charge of.
    pub adrift: usize,
    /// The writer's own figures, where there is a writer.
    pub writer: Option<&'a WriterFigures>,
}

type Slots = [[OnceLock<Histogram>; CLASSES.len()]; METHODS.len()];

/// All figures of a server.
pub struct Figures {
    registry: Registry,
    requests: Family<RequestLabels, Histogram, fn() -> Histogram>,
    /// A place for the figures of each route, set once the routes are known.
    slots: OnceLock<HashMap<String, Slots>>,
    decisions: Family<DecisionLabels, Histogram, fn() -> Histogram>,
    decided: [[OnceLock<Histogram>; OUTCOMES.len()]; ENDPOINTS.len()],
    letters: Family<LetterLabels, Counter>,
    watched: Family<WatchedLabels, Gauge>,
    alerts: Counter,
    job_runs: Family<StateLabels, Counter>,
    deliveries: Family<StateLabels, Counter>,
    ready: Gauge,
    waiting: Gauge,
    adrift: Gauge,
    change_age: Gauge<f64, AtomicU64>,
    memory: Gauge,
}

impl Figures {
    /// Figures of a server, with those of its writer where it has one.
    pub fn new(writer: Option<&WriterFigures>) -> Self {
        let mut registry = Registry::with_prefix("garth");
        let requests = Family::new_with_constructor(Histogram::durations as fn() -> Histogram);
        let decisions = Family::new_with_constructor(Histogram::durations as fn() -> Histogram);
        let (job_runs, deliveries) =
            (Family::<StateLabels, Counter>::default(), Family::<StateLabels, Counter>::default());
        registry.register("job_runs", "Runs of jobs that ended, by how", job_runs.clone());
        registry.register("job_deliveries", "Deliveries of reports that ended, by how", deliveries.clone());
        let (ready, waiting, adrift) = (Gauge::default(), Gauge::default(), Gauge::default());
        let (change_age, memory) = (Gauge::default(), Gauge::default());
        let seconds = || Unit::Seconds;
        registry.register("build", "What runs", Info::new([("version", env!("CARGO_PKG_VERSION"))]));
        let what = "How long requests took, by route, method and class of status";
        registry.register_with_unit("http_request_duration", what, seconds(), requests.clone());
        let what = "How long decisions took, by endpoint and outcome";
        registry.register_with_unit("decision_duration", what, seconds(), decisions.clone());
        registry.register("store_ready", "1 while the store can answer, else 0", ready.clone());
        registry.register("writer_queue_operations", "Changes that wait for the writer", waiting.clone());
        registry.register("spaces_without_administrator", "Spaces that nobody is in charge of", adrift.clone());
        let what = "How long ago the last change was applied (at first: since the start)";
        registry.register_with_unit("last_change_age", what, seconds(), change_age.clone());
        let what = "Memory that the process holds in RAM";
        registry.register_with_unit("resident_memory", what, Unit::Bytes, memory.clone());
        let (letters, watched, alerts) = (Family::default(), Family::default(), Counter::default());
        registry.register("letters_received", "Letters that came in, by what became of them", letters.clone());
        registry.register("watched", "Jobs and delivery interfaces, by colour, as last looked at", watched.clone());
        registry.register("alerts_sent", "Letters about what turned red", alerts.clone());
        if let Some(writer) = writer {
            let what = "How long the store took to make a group of changes durable";
            registry.register_with_unit("writer_commit_duration", what, seconds(), writer.commit.clone());
            registry.register("writer_group_operations", "Changes that shared a commit", writer.group.clone());
        }
        Self {
            registry,
            requests,
            slots: OnceLock::new(),
            decisions,
            decided: Default::default(),
            letters,
            watched,
            alerts,
            job_runs,
            deliveries,
            ready,
            waiting,
            adrift,
            change_age,
            memory,
        }
    }

    /// These are the patterns of all routes. Only the first word counts.
    pub fn know_routes(&self, routes: impl IntoIterator<Item = String>) {
        let with_slots = |route| (route, Slots::default());
        self.slots.get_or_init(|| routes.into_iter().chain([OTHER.to_owned()]).map(with_slots).collect());
    }

    /// A request was answered. What is no route or method of ours counts as [`OTHER`].
    pub fn request(&self, route: Option<&str>, method: &str, status: u16, took: Duration) {
        let Some(known) = self.slots.get() else { return };
        let found = route.and_then(|route| known.get_key_value(route)).or_else(|| known.get_key_value(OTHER));
        let Some((route, slots)) = found else { return };
        let method = METHODS.iter().position(|known| *known == method).unwrap_or(METHODS.len() - 1);
        let class = usize::from(status / 100).clamp(1, CLASSES.len()) - 1;
        let histogram = slots[method][class].get_or_init(|| {
            let (method, status) = (METHODS[method], CLASSES[class]);
            self.requests.get_or_create_owned(&RequestLabels { route: route.clone(), method, status })
        });
        histogram.took(took);
    }

    /// A decision was made for one of the endpoints.
    pub fn decision(&self, endpoint: &str, outcome: Decided, took: Duration) {
        let Some(at) = ENDPOINTS.iter().position(|known| *known == endpoint) else { return };
        let end = outcome as usize;
        let histogram = self.decided[at][end].get_or_init(|| {
            let labels = DecisionLabels { endpoint: ENDPOINTS[at], outcome: OUTCOMES[end] };
            self.decisions.get_or_create_owned(&labels)
        });
        histogram.took(took);
    }

    /// A letter came in.
    pub fn letter(&self, outcome: Received) {
        self.letters.get_or_create_owned(&LetterLabels { outcome: outcome.name() }).inc();
    }

    /// So many of a noun have that colour.
    pub fn watched(&self, noun: &'static str, colour: &'static str, many: usize) {
        let gauge = self.watched.get_or_create_owned(&WatchedLabels { noun, colour });
        gauge.set(i64::try_from(many).unwrap_or(i64::MAX));
    }

    /// A letter about what turned red was handed over.
    pub fn alert(&self) {
        self.alerts.inc();
    }

    /// A run of a job ended so.
    pub fn job_run(&self, state: &'static str) {
        self.job_runs.get_or_create(&StateLabels { state }).inc();
    }

    /// A delivery of a report ended so.
    pub fn delivered(&self, state: &'static str) {
        self.deliveries.get_or_create(&StateLabels { state }).inc();
    }

    /// All figures in OpenMetrics' text format.
    pub fn text(&self, now: &Moment<'_>) -> String {
        self.ready.set(i64::from(now.ready));
        self.waiting.set(i64::try_from(now.waiting).unwrap_or(i64::MAX));
        self.adrift.set(i64::try_from(now.adrift).unwrap_or(i64::MAX));
        if let Some(writer) = now.writer {
            self.change_age.set(writer.since_applied().as_secs_f64());
        }
        if let Some(bytes) = resident_memory() {
            self.memory.set(bytes);
        }
        let mut text = String::new();
        // Writing into a string does not fail.
        let _ = prometheus_client::encoding::text::encode(&mut text, &self.registry);
        text
    }
}

/// Bytes, where the system says so (Linux).
fn resident_memory() -> Option<i64> {
    let status = std::fs::read_to_string("/proc/self/status").ok()?;
    let kib = status.lines().find_map(|line| line.strip_prefix("VmRSS:"))?;
    kib.trim().strip_suffix(" kB")?.parse::<i64>().ok().map(|kib| kib * 1024)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn figures() -> Figures {
        let figures = Figures::new(None);
        figures.know_routes(["/healthz".to_owned(), "/api/v1/spaces/{id}".to_owned()]);
        figures
    }

    fn text(figures: &Figures) -> String {
        figures.text(&Moment { ready: true, waiting: 3, adrift: 0, writer: Some(&WriterFigures::new()) })
    }

    #[test]
    fn n78_labels_come_from_closed_sets() {
        let figures = figures();
        let took = Duration::from_micros(70);
        figures.request(Some("/api/v1/spaces/{id}"), "GET", 200, took);
        figures.request(Some("/secret-space"), "SECRET", 200, took);
        figures.request(None, "GET", 999, took);
        let text = text(&figures);
        let expected = [
            r#"garth_http_request_duration_seconds_count{route="/api/v1/spaces/{id}",method="GET",status="2xx"} 1"#,
            r#"garth_http_request_duration_seconds_count{route="other",method="other",status="2xx"} 1"#,
            r#"garth_http_request_duration_seconds_count{route="other",method="GET",status="5xx"} 1"#,
            r#"garth_http_request_duration_seconds_bucket{le="0.0001",route="other",method="GET",status="5xx"} 1"#,
        ];
        for line in expected {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        assert!(!text.to_lowercase().contains("secret"), "{text}");
    }

    #[test]
    fn every_name_is_as_prometheus_wants_it() {
        let figures = figures();
        figures.decision("evaluation", Decided::Denied, Duration::from_millis(3));
        let text = text(&figures);
        for line in [
            concat!("garth_build_info{version=\"", env!("CARGO_PKG_VERSION"), "\"} 1"),
            "garth_store_ready 1",
            "garth_writer_queue_operations 3",
            r#"garth_decision_duration_seconds_sum{endpoint="evaluation",outcome="denied"} 0.003"#,
            r#"garth_decision_duration_seconds_bucket{le="+Inf",endpoint="evaluation",outcome="denied"} 1"#,
        ] {
            assert!(text.lines().any(|l| l == line), "{line}\n{text}");
        }
        for line in text.lines().filter(|line| !line.starts_with('#')) {
            assert!(line.starts_with("garth_"), "{line}");
        }
        assert!(text.ends_with("# EOF\n"), "{text}");
    }

    #[test]
    fn a_histogram_counts_at_its_edges() {
        let histogram = Histogram::counts();
        for value in [0, 1, 2, 3, 256, 257, u64::MAX / 4] {
            histogram.add(value);
        }
        let counts: Vec<u64> = histogram.0.counts.iter().map(|count| count.load(Ordering::Relaxed)).collect();
        assert_eq!(counts, [2, 1, 1, 0, 0, 0, 0, 0, 1, 2]);
    }
}
