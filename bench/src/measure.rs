//! Times, and the table of ratios.

use std::hint::black_box;
use std::time::{Duration, Instant};

/// Durations of the same thing, sorted, in nanoseconds.
pub struct Times(Vec<u64>);

impl Times {
    pub fn new(mut nanos: Vec<u64>) -> Self {
        assert!(!nanos.is_empty(), "nothing was measured");
        nanos.sort_unstable();
        Self(nanos)
    }

    fn at(&self, share: f64) -> f64 {
        self.0[((self.0.len() - 1) as f64 * share) as usize] as f64 / 1_000.0
    }

    /// In microseconds.
    pub fn median(&self) -> f64 {
        self.at(0.5)
    }

    pub fn p99(&self) -> f64 {
        self.at(0.99)
    }
}

pub fn timed<T>(work: impl FnOnce() -> T) -> u64 {
    let start = Instant::now();
    black_box(work());
    start.elapsed().as_nanos() as u64
}

/// Microseconds as people read them.
pub fn us(micros: f64) -> String {
    match micros {
        _ if micros < 10.0 => format!("{micros:.2} µs"),
        _ if micros < 1_000.0 => format!("{micros:.0} µs"),
        _ if micros < 1_000_000.0 => format!("{:.2} ms", micros / 1_000.0),
        _ => format!("{:.2} s", micros / 1_000_000.0),
    }
}

pub fn span(time: Duration) -> String {
    us(time.as_secs_f64() * 1e6)
}

/// One line of the table.
pub struct Line {
    pub what: String,
    pub ours: String,
    pub beside: String,
    pub ratio: String,
    pub aim: &'static str,
    /// None where there is no aim to be met.
    pub met: Option<bool>,
}

#[derive(Default)]
pub struct Table(Vec<Line>);

impl Table {
    pub fn add(
        &mut self,
        what: impl Into<String>,
        ours: impl Into<String>,
        beside: impl Into<String>,
        ratio: Option<f64>,
        aim: &'static str,
        met: Option<bool>,
    ) {
        let ratio = ratio.map_or(String::new(), |r| if r >= 10.0 { format!("{r:.0}") } else { format!("{r:.2}") });
        let line = Line { what: what.into(), ours: ours.into(), beside: beside.into(), ratio, aim, met };
        eprintln!("  {}: {} | {} | {}", line.what, line.ours, line.beside, line.ratio);
        self.0.push(line);
    }

    pub fn print(&self) {
        println!("| What | Ours | Beside it, same run | Ratio | Aim | |\n|---|---|---|---|---|---|");
        for Line { what, ours, beside, ratio, aim, met } in &self.0 {
            let met = met.map_or("", |met| if met { "met" } else { "**missed**" });
            println!("| {what} | {ours} | {beside} | {ratio} | {aim} | {met} |");
        }
    }
}
