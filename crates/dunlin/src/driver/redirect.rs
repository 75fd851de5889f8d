use dunlin_codec::ReasonCode;

use crate::{ConnectOptions, ConnectionError};

/// Where the server sends the client [U5-3.2.2.3.16-a], if the client may go there.
#[derive(Debug, Default)]
pub(super) struct Redirects {
    /// The server to come back to, while we are at another one for once.
    home: Option<Box<(String, Option<u16>)>>,
    /// Redirects since the last connection that was accepted and not redirected.
    in_a_row: u8,
}

impl Redirects {
    /// A connection ended with this error. True: the options name the server to go to at once. Otherwise they name the
    /// one to try next in due time.
    pub(super) fn handle_ended(&mut self, error: &ConnectionError, options: &mut ConnectOptions) -> bool {
        let has_addresses = options.settings().connector.is_none() && options.settings().server.unix.is_none();
        let target = target(error).filter(|_| options.settings().follow_redirects && has_addresses);
        match target {
            Some((for_once, server)) if self.in_a_row < MOST => {
                let here = options.edit().server.set_address(server);
                if for_once {
                    self.home.get_or_insert_with(|| Box::new(here));
                }
                self.in_a_row += 1;
                true
            }
            _ => {
                self.in_a_row = 0;
                if let Some(home) = self.home.take() {
                    options.edit().server.set_address(*home);
                }
                false
            }
        }
    }
}

/// The server that is named, and whether for once.
fn target(error: &ConnectionError) -> Option<(bool, (String, Option<u16>))> {
    let ConnectionError::Server(refusal) = error else { return None };
    let for_once = match refusal.reason {
        ReasonCode::USE_ANOTHER_SERVER => true,
        ReasonCode::SERVER_MOVED => false,
        _ => return None,
    };
    Some((for_once, parse(refusal.server_reference.as_deref()?)?))
}

/// The first reference of a list: a name or an address, an IPv6 one in brackets, and perhaps a port.
fn parse(references: &str) -> Option<(String, Option<u16>)> {
    let reference = references.split_whitespace().next()?;
    let (host, port) = match reference.strip_prefix('[') {
        Some(rest) => {
            let (host, rest) = rest.split_once(']')?;
            (host, rest.strip_prefix(':'))
        }
        // Colons of an address without brackets belong to it.
        None => match reference.split_once(':') {
            Some((_, rest)) if rest.contains(':') => (reference, None),
            Some((host, port)) => (host, Some(port)),
            None => (reference, None),
        },
    };
    let port = match port {
        Some(port) => Some(port.parse().ok().filter(|port| *port != 0)?),
        None => None,
    };
    (!host.is_empty()).then(|| (host.to_owned(), port))
}

/// A server that sends the client in circles is tried again like one that is busy.
const MOST: u8 = 5;

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ServerRefusal;

    #[test]
    fn references_are_names_or_addresses_with_or_without_a_port() {
        for (reference, expected) in [
            ("other.example", Some(("other.example", None))),
            ("other.example:8883", Some(("other.example", Some(8883)))),
            (" a.example:1 b.example:2", Some(("a.example", Some(1)))),
            ("10.0.0.7:1883", Some(("10.0.0.7", Some(1883)))),
            ("[fe80::7]:1883", Some(("fe80::7", Some(1883)))),
            ("[::1]", Some(("::1", None))),
            ("fe80::7", Some(("fe80::7", None))),
            ("", None),
            (":1883", None),
            ("a:0", None),
            ("a:port", None),
            ("[::1", None),
        ] {
            assert_eq!(parse(reference), expected.map(|(host, port)| (host.to_owned(), port)), "{reference:?}");
        }
    }

    fn refusal(reason: ReasonCode, reference: Option<&str>) -> ConnectionError {
        let server_reference = reference.map(Into::into);
        ConnectionError::Server(ServerRefusal {
            reason,
            code: reason.get(),
            text: None,
            server_reference,
            to_connect: true,
        })
    }

    #[test]
    fn another_server_is_for_once_and_one_that_moved_is_for_good() {
        let mut options = ConnectOptions::new("home").port(1).follow_redirects(true);
        let mut redirects = Redirects::default();
        assert!(redirects.handle_ended(&refusal(ReasonCode::USE_ANOTHER_SERVER, Some("other:2")), &mut options));
        assert_eq!(options.settings().server.authority(), "other:2");
        assert!(!redirects.handle_ended(&ConnectionError::ClosedByServer, &mut options));
        assert_eq!(options.settings().server.authority(), "home:1");
        assert!(redirects.handle_ended(&refusal(ReasonCode::SERVER_MOVED, Some("new:3")), &mut options));
        assert!(!redirects.handle_ended(&ConnectionError::ClosedByServer, &mut options));
        assert_eq!(options.settings().server.authority(), "new:3");
    }

    #[test]
    fn a_circle_ends_and_nothing_is_followed_unless_it_is_allowed() {
        let mut options = ConnectOptions::new("home").follow_redirects(true);
        let mut redirects = Redirects::default();
        let error = refusal(ReasonCode::USE_ANOTHER_SERVER, Some("other"));
        let followed = (0..12).map(|_| redirects.handle_ended(&error, &mut options)).collect::<Vec<_>>();
        assert_eq!(followed.iter().filter(|followed| **followed).count(), 10, "{followed:?}");
        assert!(!followed[5] && !followed[11]);
        assert_eq!(options.settings().server.authority(), "home:1883");
        for error in [refusal(ReasonCode::SERVER_MOVED, None), refusal(ReasonCode::SERVER_BUSY, Some("other"))] {
            assert!(!redirects.handle_ended(&error, &mut options));
        }
        let mut options = options.follow_redirects(false);
        assert!(!redirects.handle_ended(&error, &mut options));
    }
}
