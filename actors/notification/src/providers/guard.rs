//! The guard: which addresses a webhook may be posted to.
//!
//! Whoever may create an endpoint makes this process speak to an address of their choice. So it speaks only to what
//! anybody could reach from outside: not to itself, its network, or the metadata service of its cloud. A name is judged
//! by the addresses it has at the moment of the connection, because it may have others a second later.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use hyper_util::client::legacy::connect::dns::{GaiResolver, Name as HostName};
use reqwest::dns::{Addrs, Name, Resolve, Resolving};
use tower_service::Service as _;

/// Where webhooks may go.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Doors {
    /// Only to public addresses, and only by https.
    #[default]
    Public,
    /// Anywhere, by http too: for development, and for networks that are closed themselves.
    Any,
}

impl Doors {
    /// Whether a URL may be an endpoint's at all, as far as it says so itself.
    #[must_use]
    pub fn admit(self, url: &str) -> bool {
        let Ok(url) = reqwest::Url::parse(url) else { return false };
        if !url.username().is_empty() || url.password().is_some() {
            return false;
        }
        match self {
            Doors::Any => matches!(url.scheme(), "http" | "https") && url.host_str().is_some(),
            Doors::Public => {
                let Some(host) = url.host_str() else { return false };
                let host = host.trim_end_matches('.').trim_start_matches('[').trim_end_matches(']');
                let named = host.eq_ignore_ascii_case("localhost")
                    || [".localhost", ".local", ".internal"].iter().any(|end| host.to_lowercase().ends_with(end));
                url.scheme() == "https" && !named && host.parse::<IpAddr>().map_or(true, is_public)
            }
        }
    }
}

/// Whether an address is one that anybody could reach from outside.
#[must_use]
pub fn is_public(address: IpAddr) -> bool {
    match address {
        IpAddr::V4(address) => is_public_v4(address),
        IpAddr::V6(address) => is_public_v6(address),
    }
}

/// The registry of special addresses (RFC 6890 and its updates), as far as none of them is on the open network.
fn is_public_v4(address: Ipv4Addr) -> bool {
    let [a, b, c, _] = address.octets();
    !(a == 0
        || address.is_private()
        || address.is_loopback()
        || address.is_link_local()
        || address.is_multicast()
        || address.is_broadcast()
        || address.is_documentation()
        || (a == 100 && (64..128).contains(&b))
        || (a, b, c) == (192, 0, 0)
        || (a == 198 && (b == 18 || b == 19))
        || a >= 240)
}

fn is_public_v6(address: Ipv6Addr) -> bool {
    if let Some(inner) = address.to_ipv4_mapped() {
        return is_public_v4(inner);
    }
    let [a, b, ..] = address.segments();
    match (a, b) {
        // 6to4 and the two NAT64 prefixes carry an IPv4 address, by which a private one could be reached.
        (0x2002, _) | (0x64, 0xff9b) => false,
        // Teredo, benchmarks, ORCHID and documentation are no hosts.
        (0x2001, 0..=0x1ff | 0xdb8) | (0x3fff, _) => false,
        // All that is given out today lies in 2000::/3.
        _ => a & 0xe000 == 0x2000,
    }
}

/// Resolves names to public addresses only.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct PublicOnly;

/// A name that leads nowhere outside.
#[derive(Debug, thiserror::Error)]
#[error("the name has no public address")]
pub(super) struct NotPublic;

impl Resolve for PublicOnly {
    fn resolve(&self, name: Name) -> Resolving {
        Box::pin(async move {
            let found = lookup(name.as_str().to_owned()).await?;
            let public: Vec<SocketAddr> = found.into_iter().filter(|found| is_public(found.ip())).collect();
            if public.is_empty() {
                return Err(Box::new(NotPublic) as Box<dyn std::error::Error + Send + Sync>);
            }
            Ok(Box::new(public.into_iter()) as Addrs)
        })
    }
}

async fn lookup(host: String) -> Result<Vec<SocketAddr>, std::io::Error> {
    let name: HostName = host.parse().map_err(std::io::Error::other)?;
    Ok(GaiResolver::new().call(name).await?.collect())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_what_is_outside_is_public() {
        let inside = [
            "0.0.0.0",
            "10.1.2.3",
            "100.64.0.1",
            "127.0.0.1",
            "169.254.169.254",
            "172.16.0.1",
            "192.0.0.8",
            "192.0.2.1",
            "192.168.1.1",
            "198.18.0.1",
            "203.0.113.9",
            "224.0.0.1",
            "255.255.255.255",
            "::",
            "::1",
            "fe80::1",
            "fc00::1",
            "ff02::1",
            "::ffff:127.0.0.1",
            "::ffff:10.0.0.1",
            "2002:7f00:1::",
            "64:ff9b::7f00:1",
            "2001:db8::1",
        ];
        for address in inside {
            assert!(!is_public(address.parse().expect("an address")), "{address}");
        }
        for address in ["1.1.1.1", "8.8.8.8", "100.128.0.1", "172.32.0.1", "2606:4700::1111", "2a00:1450:4001::1"] {
            assert!(is_public(address.parse().expect("an address")), "{address}");
        }
    }

    #[test]
    fn a_url_is_judged_by_what_it_says_itself() {
        let refused = [
            "http://shop.example/hook",
            "https://127.0.0.1/",
            "https://[::1]/",
            "https://localhost/",
            "https://LOCALHOST./",
            "https://db.internal/",
            "https://printer.local/",
            "https://2130706433/",
            "https://0x7f.1/",
            "https://u:p@shop.example/",
            "ftp://shop.example/",
            "nonsense",
            "https://[::ffff:10.0.0.1]/",
        ];
        for url in refused {
            assert!(!Doors::Public.admit(url), "{url}");
        }
        assert!(Doors::Public.admit("https://shop.example/hook"));
        assert!(Doors::Public.admit("https://1.1.1.1:8443/hook"));
        assert!(Doors::Any.admit("http://127.0.0.1:9/hook"));
        assert!(!Doors::Any.admit("ftp://shop.example/"));
    }
}
