//! The address of a client: proxies that are trusted say for whom they ask, and nobody else is believed.

use std::net::IpAddr;

use actix_web::http::header::{HeaderMap, X_FORWARDED_FOR};
use ipnet::{IpNet, Ipv6Net};

/// One household has this much of IPv6, and can change within it at will.
const HOUSEHOLD_BITS: u8 = 64;

/// Goes back over the proxies, as long as they are trusted, to the first who is not.
pub(super) fn of(peer: IpAddr, headers: &HeaderMap, trusted: &[IpNet]) -> IpAddr {
    let is_trusted = |address: &IpAddr| trusted.iter().any(|net| net.contains(address));
    let mut client = peer;
    // Each proxy adds at the end whom it was asked by; two lines of the header are one, in their order.
    let named: Vec<_> = headers.get_all(X_FORWARDED_FOR).filter_map(|value| value.to_str().ok()).collect();
    for name in named.iter().rev().flat_map(|line| line.rsplit(',')) {
        if !is_trusted(&client) {
            break;
        }
        // What a trusted proxy cannot name stays the proxy's own.
        let Some(address) = read(name.trim()) else { break };
        client = address;
    }
    client
}

/// An address, also with a port, as some proxies write it.
fn read(name: &str) -> Option<IpAddr> {
    let address = name.parse().ok().or_else(|| name.parse().ok().map(|socket: std::net::SocketAddr| socket.ip()));
    let address = address.or_else(|| name.strip_prefix('[')?.strip_suffix(']')?.parse().ok());
    address.map(|address| address.to_canonical())
}

/// What is counted together.
pub(super) fn text(address: IpAddr) -> String {
    match address {
        IpAddr::V4(address) => address.to_string(),
        IpAddr::V6(address) => {
            Ipv6Net::new(address, HOUSEHOLD_BITS).map_or_else(|_| address.to_string(), |net| net.trunc().to_string())
        }
    }
}

#[cfg(test)]
mod tests {
    use actix_web::http::header::HeaderValue;

    use super::*;

    #[test]
    fn only_trusted_proxies_say_for_whom_they_ask() {
        let trusted: Vec<IpNet> = vec!["10.0.0.0/8".parse().expect("a net"), "fd00::/8".parse().expect("a net")];
        let client = |peer: &str, lines: &[&'static str]| {
            let mut headers = HeaderMap::new();
            for line in lines {
                headers.append(X_FORWARDED_FOR, HeaderValue::from_static(line));
            }
            of(peer.parse().expect("an address"), &headers, &trusted).to_string()
        };
        for (peer, lines, is) in [
            ("203.0.113.7", &[][..], "203.0.113.7"),
            ("203.0.113.7", &["198.51.100.1"], "203.0.113.7"),
            ("10.0.0.1", &["198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1, 198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1, 198.51.100.1, 10.0.0.2"], "198.51.100.1"),
            ("10.0.0.1", &["192.0.2.1", "198.51.100.1"], "198.51.100.1"),
            ("10.0.0.1", &["198.51.100.1, unknown"], "10.0.0.1"),
            ("10.0.0.1", &["10.0.0.3"], "10.0.0.3"),
            ("10.0.0.1", &["198.51.100.1:4711"], "198.51.100.1"),
            ("fd00::1", &["[2001:db8::9]"], "2001:db8::9"),
            ("fd00::1", &["::ffff:198.51.100.1"], "198.51.100.1"),
        ] {
            assert_eq!(client(peer, lines), is, "{peer} {lines:?}");
        }
    }

    #[test]
    fn a_household_is_counted_together() {
        let text = |address: &str| text(address.parse().expect("an address"));
        assert_eq!(text("2001:db8:1:2:3::4"), text("2001:db8:1:2:ffff::1"));
        assert_ne!(text("2001:db8:1:2::1"), text("2001:db8:1:3::1"));
        assert_ne!(text("192.0.2.1"), text("192.0.2.2"));
    }
}
