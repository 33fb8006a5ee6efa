//! How the server is, told in words, with what its figures say of requests.

use crate::base::error::Result;
use crate::console::look::number;
use crate::console::seat::Seat;
use crate::console::shell::Shell;
use crate::health::{self, Vitals};
use askama::Template;
use axum::http::StatusCode;
use axum::response::Response;
use std::collections::BTreeMap;

const HERE: &str = "/system/health";
/// Changes that wait from which on it is worth a look.
const MANY: usize = 100;
/// The figure of requests.
const REQUESTS: &str = "garth_http_request_duration_seconds";

#[derive(Template)]
#[template(path = "system/health.html")]
struct Page {
    frame: Shell,
    /// Is everything as it should be?
    well: bool,
    signs: Vec<Sign>,
    requests: Vec<Requests>,
    figures: Vec<(&'static str, String)>,
}

/// One thing that can be well or not.
struct Sign {
    what: &'static str,
    said: String,
    /// `good`, `near` or `bad`.
    tone: &'static str,
    icon: &'static str,
    href: Option<&'static str>,
}

impl Sign {
    fn new(what: &'static str, tone: &'static str, said: String) -> Self {
        let icon = match tone {
            "good" => "done",
            "near" => "warning",
            _ => "alert",
        };
        Self { what, said, tone, icon, href: None }
    }
}

/// Requests that ended alike.
struct Requests {
    what: &'static str,
    count: String,
    mean: String,
}

/// The page.
pub async fn show(seat: &Seat) -> Result<Response> {
    let vitals = health::vitals(&seat.ctx).await?;
    let signs = signs(&vitals);
    let page = Page {
        frame: Shell::outside(seat, HERE)?,
        well: signs.iter().all(|sign| sign.tone == "good"),
        requests: requests(&vitals.figures),
        figures: figures(&vitals),
        signs,
    };
    Ok(seat.page_as(StatusCode::OK, &page))
}

fn signs(vitals: &Vitals) -> Vec<Sign> {
    let engine = if vitals.engine == "sqlite" { "SQLite" } else { "PostgreSQL" };
    let database = match vitals.ready {
        true => Sign::new("Database", "good", format!("{engine} answers")),
        false => Sign::new("Database", "bad", format!("{engine} is lost; the server tries to get it back")),
    };
    let waiting = format!("{} changes wait, of {} that may", number_of(vitals.waiting), number_of(vitals.most));
    let tone = match vitals.waiting {
        few if few < MANY => "good",
        some if some < vitals.most => "near",
        _ => "bad",
    };
    let adrift = match vitals.adrift {
        0 => Sign::new("Spaces", "good", "Each has somebody in charge".to_owned()),
        some => Sign {
            href: Some("/system/registry?in_charge=nobody"),
            ..Sign::new("Spaces", "near", format!("{} that nobody is in charge of", number_of(some)))
        },
    };
    vec![
        database,
        Sign::new("Schema", "good", format!("Version {}, the one that this program knows", vitals.schema)),
        Sign::new("Writer", tone, waiting),
        adrift,
    ]
}

fn number_of(count: usize) -> String {
    number(i64::try_from(count).unwrap_or(i64::MAX))
}

fn figures(vitals: &Vitals) -> Vec<(&'static str, String)> {
    let mut all = vec![("Program", format!("Garth {}", vitals.program))];
    if let Some(since) = vitals.since_change {
        all.push(("Last change, or start", ago(since.as_secs())));
    }
    let memory = vitals.figures.lines().find_map(|line| line.strip_prefix("garth_resident_memory_bytes "));
    if let Some(bytes) = memory.and_then(|bytes| bytes.trim().parse::<i64>().ok()) {
        all.push(("Memory", format!("{} MiB", number(bytes / 1_048_576))));
    }
    let mail = if vitals.mail { "a mail server is configured" } else { "no mail server: links are passed on by hand" };
    all.push(("Letters", mail.to_owned()));
    all
}

fn ago(seconds: u64) -> String {
    match seconds {
        0..60 => format!("{seconds} s ago"),
        60..3_600 => format!("{} min ago", seconds / 60),
        3_600..86_400 => format!("{} h ago", seconds / 3_600),
        _ => format!("{} d ago", seconds / 86_400),
    }
}

/// How many requests there were since the start, by how they ended, and how long one took.
fn requests(figures: &str) -> Vec<Requests> {
    let mut sums: BTreeMap<&str, (f64, f64)> = BTreeMap::new();
    for line in figures.lines() {
        let Some(rest) = line.strip_prefix(REQUESTS) else { continue };
        let Some((labels, value)) = rest.rsplit_once(' ') else { continue };
        let status = labels.split_once("status=\"").and_then(|(_, rest)| rest.split_once('"'));
        let (Some((status, _)), Ok(value)) = (status, value.parse::<f64>()) else { continue };
        let sum = sums.entry(status).or_default();
        if labels.starts_with("_count") {
            sum.0 += value;
        } else if labels.starts_with("_sum") {
            sum.1 += value;
        }
    }
    let told = [("2xx", "answered"), ("3xx", "led elsewhere"), ("4xx", "refused"), ("5xx", "failed")];
    let one = |(status, what): (&str, &'static str)| {
        let (count, seconds) = sums.get(status).copied().unwrap_or_default();
        let mean = if count > 0.0 { format!("{:.1} ms", seconds / count * 1_000.0) } else { "–".to_owned() };
        // A count is a whole number, however it is written.
        Requests { what, count: format!("{count:.0}"), mean }
    };
    told.map(one).into_iter().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_summed_by_how_they_ended() {
        let text = "# HELP x\ngarth_http_request_duration_seconds_sum{route=\"/a\",method=\"GET\",status=\"2xx\"} 0.5\n\
                    garth_http_request_duration_seconds_count{route=\"/a\",method=\"GET\",status=\"2xx\"} 10\n\
                    garth_http_request_duration_seconds_count{route=\"/b\",method=\"GET\",status=\"2xx\"} 40\n\
                    garth_http_request_duration_seconds_bucket{route=\"/b\",method=\"GET\",status=\"2xx\",le=\"1\"} 9\n";
        let all = requests(text);
        assert_eq!((all[0].count.as_str(), all[0].mean.as_str()), ("50", "10.0 ms"));
        assert_eq!((all[3].count.as_str(), all[3].mean.as_str()), ("0", "–"));
    }
}
