//! The proxy of the environment's variables, by curl's rules.

use std::net::IpAddr;

use super::{Proxy, ProxyError, url};
use crate::options::Server;

/// The proxy that the variables name for this server. The first of them that is set decides; set and empty is none.
pub(super) fn proxy(
    server: &Server,
    variable: impl Fn(&'static str) -> Option<String>,
) -> Result<Option<Proxy>, ProxyError> {
    // `http_proxy` is for requests that a proxy passes on, and never for a connection through it.
    let of_scheme: &[&'static str] = if server.secure { &["https_proxy", "HTTPS_PROXY"] } else { &[] };
    let names = of_scheme.iter().copied().chain(["all_proxy", "ALL_PROXY"]);
    let set = |name| Some((name, variable(name)?));
    let Some((name, value)) = names.into_iter().find_map(set).filter(|(_, value)| !value.is_empty()) else {
        return Ok(None);
    };
    let exceptions = variable("no_proxy").or_else(|| variable("NO_PROXY")).unwrap_or_default();
    if is_here(&server.host) || is_excepted(&server.host, &exceptions) {
        return Ok(None);
    }
    let proxy = url::parse(&value).map_err(|problem| ProxyError::Url { variable: Some(name), problem })?;
    proxy.check().map(|()| Some(proxy))
}

/// A proxy would mean itself by it.
fn is_here(host: &str) -> bool {
    match host.parse::<IpAddr>() {
        Ok(address) => address.is_loopback(),
        Err(_) => is_below(host, "localhost"),
    }
}

fn is_excepted(host: &str, exceptions: &str) -> bool {
    let address = host.parse::<IpAddr>().ok();
    exceptions.split([',', ' ', '\t']).filter(|exception| !exception.is_empty()).any(|exception| match address {
        _ if exception == "*" => true,
        Some(address) => is_in(address, exception),
        None => is_below(host, exception.strip_prefix('.').unwrap_or(exception)),
    })
}

/// Whether a name is `domain` or ends in it.
fn is_below(name: &str, domain: &str) -> bool {
    let (name, domain) = (name.trim_end_matches('.'), domain.trim_end_matches('.'));
    let Some(start) = name.len().checked_sub(domain.len()) else { return false };
    let ends = name.as_bytes()[start..].eq_ignore_ascii_case(domain.as_bytes());
    ends && !domain.is_empty() && (start == 0 || name.as_bytes()[start - 1] == b'.')
}

/// Whether an address is the one, or in the network, that is written here.
fn is_in(address: IpAddr, network: &str) -> bool {
    let (base, bits) = match network.split_once('/') {
        Some((base, bits)) => (base, bits.parse::<u32>().ok()),
        None => (network, Some(128)),
    };
    let base = base.strip_prefix('[').and_then(|base| base.strip_suffix(']')).unwrap_or(base).parse();
    match (address, base, bits) {
        (IpAddr::V4(address), Ok(IpAddr::V4(base)), Some(bits)) => {
            (address.to_bits() ^ base.to_bits()).checked_shr(32_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        (IpAddr::V6(address), Ok(IpAddr::V6(base)), Some(bits)) => {
            (address.to_bits() ^ base.to_bits()).checked_shr(128_u32.saturating_sub(bits)).unwrap_or(0) == 0
        }
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{ConnectOptions, ProxyUrlProblem};

    fn chosen(url: &str, variables: &[(&str, &str)]) -> Result<Option<Proxy>, ProxyError> {
        let server = ConnectOptions::from_url(url).unwrap().settings().server.clone();
        proxy(&server, |name| variables.iter().find(|(set, _)| *set == name).map(|(_, value)| (*value).to_owned()))
    }

    fn is_direct(host: &str, exceptions: &str) -> bool {
        chosen(&format!("mqtt://{host}"), &[("ALL_PROXY", "p:1"), ("NO_PROXY", exceptions)]) == Ok(None)
    }

    #[test]
    fn which_variable_counts_for_which_url() {
        let all: &[_] = &[
            ("all_proxy", "a:1"),
            ("ALL_PROXY", "A:1"),
            ("https_proxy", "s:1"),
            ("HTTPS_PROXY", "S:1"),
            ("http_proxy", "h:1"),
            ("HTTP_PROXY", "H:1"),
        ];
        let without = |names: &[&str]| -> Vec<(&str, &str)> {
            all.iter().copied().filter(|(name, _)| !names.contains(name)).collect()
        };
        for (left_out, plain, secure) in [
            (&[][..], Some("a"), Some("s")),
            (&["https_proxy"], Some("a"), Some("S")),
            (&["all_proxy", "https_proxy", "HTTPS_PROXY"], Some("A"), Some("A")),
            (&["all_proxy", "ALL_PROXY"], None, Some("s")),
            (&["all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"], None, None),
        ] {
            let variables = without(left_out);
            let expected = |host: Option<&str>| Ok(host.map(|host| Proxy::http(host, 1)));
            for url in ["mqtt://broker", "ws://broker"] {
                assert_eq!(chosen(url, &variables), expected(plain), "{url} without {left_out:?}");
            }
            for url in ["mqtts://broker", "wss://broker"] {
                assert_eq!(chosen(url, &variables), expected(secure), "{url} without {left_out:?}");
            }
        }
        let empty = [("https_proxy", ""), ("ALL_PROXY", "a:1")];
        assert_eq!(chosen("mqtts://broker", &empty), Ok(None), "set and empty switches the others off");
    }

    #[test]
    fn what_needs_no_proxy() {
        for (host, exceptions) in [
            ("localhost", ""),
            ("a.LOCALHOST.", ""),
            ("127.1.2.3", ""),
            ("[::1]", ""),
            ("broker.example", "*"),
            ("broker.example", "a, broker.example"),
            ("Broker.Example.", "broker.example"),
            ("broker.example", "example"),
            ("broker.example", "a .example b"),
            ("10.1.2.3", "10.1.2.3"),
            ("10.1.2.3", "a,10.0.0.0/8"),
            ("10.1.2.3", "1.1.1.1/0"),
            ("[fd00::1]", "[fd00::1]"),
            ("[fd00::1]", "fd00::/8"),
        ] {
            assert!(is_direct(host, exceptions), "{host} by {exceptions:?}");
        }
    }

    #[test]
    fn what_goes_through_it_all_the_same() {
        for (host, exceptions) in [
            ("broker.example", ""),
            ("broker.example", ",,"),
            ("broker.example", "roker.example"),
            ("broker.example", "other.example,a.broker.example"),
            ("broker.example", "."),
            ("notlocalhost", ""),
            ("10.1.2.3", "10.1.2.4"),
            ("10.1.2.3", "10.1.2.4/31x"),
            ("10.1.2.3", "11.0.0.0/8"),
            ("10.1.2.3", "2.3"),
            ("[fd00::1]", "fc00::/8"),
        ] {
            assert!(!is_direct(host, exceptions), "{host} by {exceptions:?}");
        }
    }

    #[test]
    fn a_variable_that_names_no_proxy_is_named_without_what_it_says() {
        let error = chosen("mqtt://broker", &[("ALL_PROXY", "https://anna:secret@proxy")]).unwrap_err();
        assert_eq!(error, ProxyError::Url { variable: Some("ALL_PROXY"), problem: ProxyUrlProblem::Scheme });
        assert!(error.to_string().contains("ALL_PROXY") && !error.to_string().contains("secret"), "{error}");
    }
}
