//! Which browser it is, of what browsers say of themselves: each of them claims to be several others, and the name that
//! tells them apart comes late.

use crate::base::text;

/// The names that browsers have, each before those that it claims to be as well.
const BROWSERS: [(&str, &str); 8] = [
    ("Edg", "Edge"),
    ("OPR/", "Opera"),
    ("SamsungBrowser/", "Samsung Internet"),
    ("FxiOS/", "Firefox"),
    ("CriOS/", "Chrome"),
    ("Firefox/", "Firefox"),
    ("Chrome/", "Chrome"),
    ("Safari/", "Safari"),
];

/// What they run on, likewise.
const SYSTEMS: [(&str, &str); 8] = [
    ("iPhone", "iPhone"),
    ("iPad", "iPad"),
    ("Android", "Android"),
    ("Windows", "Windows"),
    ("Macintosh", "macOS"),
    ("CrOS", "ChromeOS"),
    ("Linux", "Linux"),
    ("FreeBSD", "FreeBSD"),
];

/// What a session began with that no device can be called.
const OURS: [&str; 2] = ["setup", "signup"];
/// Longest name of a device that is kept.
const CHARACTERS: usize = 50;

/// What a device calls itself, as far as it is kept; of a browser, which it is and on what.
pub fn device_name(device: &str) -> String {
    let device = browser(device).unwrap_or_else(|| device.to_owned());
    let device: String = device.chars().filter(|c| text::seen(*c)).take(CHARACTERS).collect();
    // Those are words of ours.
    if OURS.contains(&device.trim()) { String::new() } else { device }
}

/// `Firefox on Linux`; nothing for what is no browser, or one that nobody knows.
fn browser(agent: &str) -> Option<String> {
    let agent = agent.strip_prefix("Mozilla/5.0 ")?;
    let named =
        |list: &[(&str, &'static str)]| list.iter().find(|(mark, _)| agent.contains(mark)).map(|(_, name)| *name);
    let browser = named(&BROWSERS)?;
    Some(match named(&SYSTEMS) {
        Some(system) => format!("{browser} on {system}"),
        None => browser.to_owned(),
    })
}

/// Is it the name of a browser, as [`browser`] says it?
pub fn is_browser(device: &str) -> bool {
    let (name, system) = device.split_once(" on ").map_or((device, None), |(name, system)| (name, Some(system)));
    BROWSERS.iter().any(|(_, known)| *known == name)
        && system.is_none_or(|system| SYSTEMS.iter().any(|(_, known)| *known == system))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_device_is_called_what_we_call_a_session() {
        for (agent, is) in [
            ("signup", ""),
            (" setup", ""),
            ("set\u{200b}up", ""),
            ("a\u{202e}b\n", "ab"),
            ("curl/8.5.0", "curl/8.5.0"),
            (&"x".repeat(300), &"x".repeat(50)),
        ] {
            assert_eq!(device_name(agent), is, "{agent}");
        }
    }

    #[test]
    fn a_browser_is_told_by_the_name_that_only_it_has() {
        let mac = "Mozilla/5.0 (Macintosh; Intel Mac OS X 10_15_7) AppleWebKit/537.36 (KHTML, like Gecko)";
        for (agent, is) in [
            ("Mozilla/5.0 (X11; Linux x86_64; rv:128.0) Gecko/20100101 Firefox/128.0", Some("Firefox on Linux")),
            (&format!("{mac} Chrome/126.0.0.0 Safari/537.36"), Some("Chrome on macOS")),
            (&format!("{mac} Chrome/126.0.0.0 Safari/537.36 Edg/126.0"), Some("Edge on macOS")),
            (&format!("{mac} Version/17.5 Safari/605.1.15"), Some("Safari on macOS")),
            ("Mozilla/5.0 (Linux; Android 14) Chrome/126.0 Mobile Safari/537.36", Some("Chrome on Android")),
            (
                "Mozilla/5.0 (iPhone; CPU iPhone OS 17_5 like Mac OS X) Version/17.5 Safari/604.1",
                Some("Safari on iPhone"),
            ),
            ("Mozilla/5.0 Firefox/1", Some("Firefox")),
            ("Mozilla/5.0 (compatible; a robot)", None),
            ("curl/8.5.0", None),
            ("", None),
        ] {
            assert_eq!(browser(agent).as_deref(), is, "{agent}");
            assert!(is.is_none_or(is_browser) && !is_browser(agent), "{agent}");
        }
    }
}
