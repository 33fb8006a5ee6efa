//! Where a request comes from: the socket's address, or what trusted proxies say of it.
//!
//! `Forwarded` (RFC 7239) and `X-Forwarded-For` are read only when the socket's address is a proxy
//! that the configuration names. They are read from the right, because whatever stands to the left of
//! what our own proxies wrote is anybody's word: the first hop that is no trusted proxy is the client.

use axum::http::{HeaderMap, HeaderName, header};
use ipnet::IpNet;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};

/// Hops that are looked at; a longer chain ends at the last trusted proxy.
const HOPS: usize = 32;

const X_FORWARDED_FOR: HeaderName = HeaderName::from_static("x-forwarded-for");

/// The address of the client of a request that came through a socket from `socket`.
///
/// What cannot be read (a name, a zone, leading zeros) ends the search: then the client is the last
/// trusted proxy that was met. So it is, too, when both headers are there and disagree, because then
/// one of them was not written by the proxy.
pub fn client(socket: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let socket = socket.to_canonical();
    if !trusts(trusted, socket) {
        return socket;
    }
    let told = |name: &HeaderName, hop: fn(&str) -> Option<IpAddr>| {
        headers.contains_key(name).then(|| behind(socket, headers, name, hop, trusted))
    };
    match (told(&header::FORWARDED, forwarded_hop), told(&X_FORWARDED_FOR, plain_hop)) {
        (Some(one), Some(other)) if one != other => socket,
        (Some(told), _) | (None, Some(told)) => told,
        (None, None) => socket,
    }
}

/// Walks from the socket leftwards through the hops of a header.
fn behind(
    socket: IpAddr,
    headers: &HeaderMap,
    name: &HeaderName,
    hop: fn(&str) -> Option<IpAddr>,
    trusted: &[IpNet],
) -> IpAddr {
    let mut last = socket;
    let lines = headers.get_all(name).iter().collect::<Vec<_>>();
    // A comma never stands inside an address, so that an open quote to the left hides nothing.
    let hops = lines.iter().rev().flat_map(|line| line.to_str().unwrap_or("?").rsplit(','));
    for text in hops.take(HOPS) {
        match hop(text.trim()) {
            Some(address) if trusts(trusted, address) => last = address,
            Some(address) => return address,
            None => return last,
        }
    }
    last
}

fn trusts(trusted: &[IpNet], address: IpAddr) -> bool {
    let within = |net: &IpNet| match (net, address) {
        (IpNet::V6(net), IpAddr::V4(v4)) => net.contains(&v4.to_ipv6_mapped()),
        _ => net.contains(&address),
    };
    trusted.iter().any(within)
}

/// A hop of `X-Forwarded-For`: an address, some proxies add a port.
fn plain_hop(text: &str) -> Option<IpAddr> {
    read(text).or_else(|| with_port(text))
}

/// A hop of `Forwarded`: `for=192.0.2.43`, `for="[2001:db8::1]:4711"`, among other pairs.
fn forwarded_hop(text: &str) -> Option<IpAddr> {
    let mut found = text.split(';').filter_map(|pair| {
        let (name, value) = pair.split_once('=')?;
        name.trim().eq_ignore_ascii_case("for").then_some(value.trim())
    });
    // Two of them in one hop: which one is meant would be anybody's guess.
    let (Some(value), None) = (found.next(), found.next()) else { return None };
    let value = match value.strip_prefix('"') {
        Some(quoted) => quoted.strip_suffix('"')?,
        None => value,
    };
    match value.strip_prefix('[').and_then(|rest| rest.strip_suffix(']')) {
        Some(v6) => read(v6),
        None => read(value).filter(IpAddr::is_ipv4).or_else(|| with_port(value)),
    }
}

fn with_port(text: &str) -> Option<IpAddr> {
    if text.contains('%') {
        return None;
    }
    text.parse::<SocketAddr>().ok().map(|both| both.ip().to_canonical())
}

/// An address in its usual form: no zone, no leading zeros in IPv4; a mapped IPv4 address is that address.
fn read(text: &str) -> Option<IpAddr> {
    text.parse::<IpAddr>().ok().map(|address| address.to_canonical())
}

/// What counts as one place when requests are counted: an IPv4 address, or the /64 of an IPv6 address,
/// because whoever has one of those has them all.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub struct Origin(IpAddr);

impl Origin {
    /// Of an address. A request without one (through no socket of the network) counts with all others of its kind.
    pub fn of(address: Option<IpAddr>) -> Self {
        Self(match address.map(|a| a.to_canonical()) {
            Some(IpAddr::V6(v6)) => masked(v6, 64),
            Some(v4) => v4,
            None => IpAddr::V6(Ipv6Addr::UNSPECIFIED),
        })
    }

    /// The network around it: a /16 of IPv4, a /32 of IPv6. For times in which too many places ask at once.
    #[must_use]
    pub fn network(self) -> Self {
        Self(match self.0 {
            IpAddr::V4(v4) => IpAddr::V4((v4.to_bits() & 0xffff_0000).into()),
            IpAddr::V6(v6) => masked(v6, 32),
        })
    }
}

impl std::fmt::Display for Origin {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        self.0.fmt(f)
    }
}

fn masked(address: Ipv6Addr, bits: u32) -> IpAddr {
    IpAddr::V6((address.to_bits() & (u128::MAX << (128 - bits))).into())
}

#[cfg(test)]
mod tests {
    use super::*;
    use axum::http::HeaderValue;

    fn seen(socket: &str, lines: &[(&'static str, &str)], trusted: &[&str]) -> String {
        let mut headers = HeaderMap::new();
        for (name, value) in lines {
            headers.append(*name, HeaderValue::from_str(value).expect("a header"));
        }
        let trusted: Vec<IpNet> = trusted.iter().map(|net| net.parse().expect("a network")).collect();
        client(socket.parse().expect("an address"), &headers, &trusted).to_string()
    }

    const PROXY: &[&str] = &["10.0.0.0/8"];
    const XFF: &str = "x-forwarded-for";

    #[test]
    fn headers_count_from_trusted_proxies_only() {
        for name in [XFF, "forwarded"] {
            let value = if name == XFF { "1.2.3.4" } else { "for=1.2.3.4" };
            assert_eq!(seen("9.9.9.9", &[(name, value)], PROXY), "9.9.9.9");
            assert_eq!(seen("9.9.9.9", &[(name, value)], &[]), "9.9.9.9");
            assert_eq!(seen("10.0.0.1", &[(name, value)], PROXY), "1.2.3.4");
        }
        assert_eq!(seen("10.0.0.1", &[], PROXY), "10.0.0.1");
        assert_eq!(seen("10.0.0.1", &[("x-real-ip", "1.2.3.4")], PROXY), "10.0.0.1");
    }

    #[test]
    fn the_rightmost_hop_that_is_not_trusted_is_the_client() {
        let told = |value: &str| seen("10.0.0.1", &[(XFF, value)], PROXY);
        assert_eq!(told("6.6.6.6, 1.2.3.4"), "1.2.3.4");
        assert_eq!(told("6.6.6.6, 1.2.3.4, 10.0.0.2,10.0.0.3"), "1.2.3.4");
        assert_eq!(told("10.0.0.9, 10.0.0.2"), "10.0.0.9", "the first of our own, where all are");
        assert_eq!(seen("10.0.0.1", &[(XFF, "6.6.6.6"), (XFF, "1.2.3.4")], PROXY), "1.2.3.4");
        let long = vec!["10.0.0.2"; 1_000].join(",");
        assert_eq!(told(&format!("1.2.3.4,{long}")), "10.0.0.2");
    }

    #[test]
    fn n73_an_address_has_one_form() {
        let told = |value: &str| seen("10.0.0.1", &[(XFF, value)], PROXY);
        assert_eq!(told("::ffff:1.2.3.4"), "1.2.3.4");
        assert_eq!(told("[::ffff:102:304]:80"), "1.2.3.4");
        assert_eq!(seen("::ffff:10.0.0.1", &[(XFF, "1.2.3.4")], PROXY), "1.2.3.4");
        assert_eq!(seen("10.0.0.1", &[(XFF, "1.2.3.4")], &["::ffff:10.0.0.0/104"]), "1.2.3.4");
        assert_eq!(told("2001:DB8:0::1"), "2001:db8::1");
        assert_eq!(told("1.2.3.4:5678"), "1.2.3.4");
        // What has no one meaning ends the search at our own proxy; nothing further to the left is believed.
        for odd in [
            "01.2.3.4",
            "1.2.3.004",
            "0x1.2.3.4",
            "1.2.3",
            "16909060",
            "1.2.3.4/32",
            "fe80::1%eth0",
            "[fe80::1%1]:80",
            "[2001:db8::1",
            "2001:db8::1]",
            "unknown",
            "_hidden",
            "",
            "localhost",
            "1.2.3.4:",
            "1.2.3.4:99999",
        ] {
            assert_eq!(told(&format!("6.6.6.6, {odd}")), "10.0.0.1", "{odd}");
            assert_eq!(told(&format!("6.6.6.6, {odd}, 10.0.0.2")), "10.0.0.2", "{odd}");
        }
    }

    #[test]
    fn forwarded_is_read_as_its_standard_says() {
        let told = |value: &str| seen("10.0.0.1", &[("forwarded", value)], PROXY);
        assert_eq!(told("for=192.0.2.60;proto=http;by=203.0.113.43"), "192.0.2.60");
        assert_eq!(told("for=6.6.6.6, For=\"[2001:db8:cafe::17]:4711\";host=x"), "2001:db8:cafe::17");
        assert_eq!(told("for=\"192.0.2.60:80\""), "192.0.2.60");
        assert_eq!(told("for=6.6.6.6, for=1.2.3.4;for=5.6.7.8"), "10.0.0.1");
        assert_eq!(told("for=6.6.6.6, proto=https"), "10.0.0.1");
        assert_eq!(told("for=6.6.6.6, for=unknown"), "10.0.0.1");
        assert_eq!(told("for=6.6.6.6, for=2001:db8::1"), "10.0.0.1", "IPv6 stands in brackets");
        assert_eq!(told("for=\"6.6.6.6, for=1.2.3.4"), "1.2.3.4", "an open quote hides nothing");
    }

    #[test]
    fn headers_that_disagree_say_nothing() {
        let both = |one: &str, other: &str| seen("10.0.0.1", &[("forwarded", one), (XFF, other)], PROXY);
        assert_eq!(both("for=1.2.3.4", "1.2.3.4"), "1.2.3.4");
        assert_eq!(both("for=6.6.6.6", "1.2.3.4"), "10.0.0.1");
        assert_eq!(both("nonsense", "1.2.3.4"), "10.0.0.1");
    }

    #[test]
    fn a_place_is_an_address_or_a_64() {
        let of = |text: &str| Origin::of(Some(text.parse().expect("an address")));
        assert_eq!(of("2001:db8::1"), of("2001:db8::ffff:1"));
        assert_ne!(of("2001:db8::1"), of("2001:db8:0:1::1"));
        assert_eq!(of("::ffff:1.2.3.4"), of("1.2.3.4"));
        assert_ne!(of("1.2.3.4"), of("1.2.3.5"));
        assert_eq!(of("1.2.3.4").network(), of("1.2.9.9").network());
        assert_eq!(of("2001:db8:1::1").network(), of("2001:db8:2::1").network());
    }
}
