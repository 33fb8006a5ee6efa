//! Chance from a seed, so that a run can be told again.

/// xorshift64*: enough to be unpredictable for a server.
#[derive(Clone)]
pub struct Random(u64);

impl Random {
    /// From `CHAOS_SEED`, or from the time; it is printed.
    pub fn seeded(story: &str) -> Random {
        let given = std::env::var("CHAOS_SEED").ok().and_then(|seed| seed.parse().ok());
        let now = || {
            let since = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).expect("after 1970");
            u64::try_from(since.as_nanos() & u128::from(u32::MAX)).unwrap_or(1)
        };
        let seed = given.unwrap_or_else(now).max(1);
        eprintln!("{story}: CHAOS_SEED={seed}");
        Random(seed.wrapping_mul(0x9e37_79b9_7f4a_7c15) | 1)
    }

    /// Another one that goes its own way.
    pub fn fork(&mut self) -> Random {
        Random(self.next() | 1)
    }

    pub fn next(&mut self) -> u64 {
        self.0 ^= self.0 >> 12;
        self.0 ^= self.0 << 25;
        self.0 ^= self.0 >> 27;
        self.0.wrapping_mul(0x2545_f491_4f6c_dd1d)
    }

    /// A number below that.
    pub fn below(&mut self, end: usize) -> usize {
        usize::try_from(self.next() >> 33).unwrap_or(0) % end.max(1)
    }
}
