//! What is left of a rate, as headers tell it (draft-ietf-httpapi-ratelimit-headers).

use axum::http::{HeaderMap, HeaderName, HeaderValue};

const POLICY: HeaderName = HeaderName::from_static("ratelimit-policy");
const LEFT: HeaderName = HeaderName::from_static("ratelimit");

/// What is left of a meter's limit.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Rate {
    /// What is counted: small letters, digits, dots, hyphens and underscores.
    pub meter: String,
    /// How much there may be in the window.
    pub limit: i64,
    /// How much of it is left.
    pub left: i64,
    /// How long the window is, in seconds.
    pub window: i64,
    /// After how many seconds there is more again; 0 when nothing was taken.
    pub reset: i64,
}

impl Rate {
    /// Tells it, beside what is told of other meters already.
    pub fn tell(&self, headers: &mut HeaderMap) {
        let policy = format!("\"{}\";q={};w={}", self.meter, self.limit, self.window);
        let left = format!("\"{}\";r={};t={}", self.meter, self.left.max(0), self.reset.max(0));
        for (name, text) in [(POLICY, policy), (LEFT, left)] {
            if let Ok(value) = HeaderValue::try_from(text) {
                headers.append(name, value);
            }
        }
    }

    /// Seconds until it is worth trying again; one at least.
    pub fn retry_after(&self) -> u64 {
        u64::try_from(self.reset).unwrap_or(0).max(1)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_rate_is_told_as_structured_fields() {
        let mut headers = HeaderMap::new();
        let rate = Rate { meter: "api.daily".to_owned(), limit: 100, left: 50, window: 86_400, reset: 30 };
        rate.tell(&mut headers);
        Rate { meter: "llm".to_owned(), limit: 7, left: -1, window: 60, reset: 0 }.tell(&mut headers);
        let all = |name: &str| headers.get_all(name).iter().filter_map(|v| v.to_str().ok()).collect::<Vec<_>>();
        assert_eq!(all("ratelimit-policy"), ["\"api.daily\";q=100;w=86400", "\"llm\";q=7;w=60"]);
        assert_eq!(all("ratelimit"), ["\"api.daily\";r=50;t=30", "\"llm\";r=0;t=0"]);
        assert_eq!(rate.retry_after(), 30);
    }
}
