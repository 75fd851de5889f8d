use core::fmt;

/// How a client comes in: by which port, with which application protocol of TLS, and as what.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum Access {
    /// MQTT with a client certificate, on 8883.
    Certificate,
    /// MQTT with a client certificate, on 443, where firewalls let it through.
    CertificateOn443,
    /// MQTT with a custom authorizer.
    CustomAuthorizer,
    /// MQTT over WebSocket with a custom authorizer.
    CustomAuthorizerOverWebSocket,
    /// MQTT over WebSocket with a URL that is signed with AWS credentials.
    SigV4OverWebSocket,
}

impl Access {
    /// The port.
    pub const fn port(self) -> u16 {
        match self {
            Self::Certificate => 8883,
            _ => 443,
        }
    }

    /// The application protocol (ALPN) that TLS must name. With another one, or none, port 443 speaks HTTP.
    pub const fn alpn(self) -> Option<&'static str> {
        match self {
            Self::Certificate => None,
            Self::CertificateOn443 => Some("x-amzn-mqtt-ca"),
            Self::CustomAuthorizer => Some("mqtt"),
            Self::CustomAuthorizerOverWebSocket | Self::SigV4OverWebSocket => Some("http/1.1"),
        }
    }

    /// What the WebSocket request asks for; `None`: no WebSocket.
    pub const fn websocket_path(self) -> Option<&'static str> {
        match self {
            Self::CustomAuthorizerOverWebSocket | Self::SigV4OverWebSocket => Some("/mqtt"),
            _ => None,
        }
    }
}

/// Where an account's devices connect: `ACCOUNT-ats.iot.REGION.amazonaws.com`, or a domain of one's own.
///
/// The whole name must be given to TLS (SNI): the service refuses connections without, and finds custom domains by it.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Endpoint<'a> {
    host: &'a str,
    region: &'a str,
}

impl<'a> Endpoint<'a> {
    /// From the name that `aws iot describe-endpoint --endpoint-type iot:Data-ATS` tells, whose region stands in it.
    ///
    /// # Errors
    /// See [`EndpointError`]; the old endpoints without `-ats` are refused, too: no root that is trusted today signs their
    /// certificates.
    pub fn new(host: &'a str) -> Result<Self, EndpointError> {
        check_host(host)?;
        let (account, rest) = host.split_once(".iot.").ok_or(EndpointError::NoRegion)?;
        let (region, domain) = rest.split_once('.').ok_or(EndpointError::NoRegion)?;
        if !matches!(domain, "amazonaws.com" | "amazonaws.com.cn") {
            return Err(EndpointError::NoRegion);
        }
        // In China the usual certificates are on the endpoint without a suffix.
        if !account.ends_with("-ats") && domain == "amazonaws.com" {
            return Err(EndpointError::NotAts);
        }
        Ok(Self { host, region })
    }

    /// A domain of one's own, or a private endpoint of a VPC, whose region is not in its name.
    ///
    /// # Errors
    /// See [`EndpointError`].
    pub fn custom(host: &'a str, region: &'a str) -> Result<Self, EndpointError> {
        check_host(host)?;
        let is_region = !region.is_empty() && region.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'-');
        if is_region { Ok(Self { host, region }) } else { Err(EndpointError::NoRegion) }
    }

    /// The name to connect to.
    pub const fn host(self) -> &'a str {
        self.host
    }

    /// The region, such as `us-east-1`.
    pub const fn region(self) -> &'a str {
        self.region
    }
}

/// Why a name is no endpoint. The caller's doing.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[non_exhaustive]
pub enum EndpointError {
    /// It is no name of a host.
    NoHost,
    /// The region is neither in the name nor given.
    NoRegion,
    /// It is the endpoint with certificates of an authority that nobody trusts any more.
    NotAts,
}

impl fmt::Display for EndpointError {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::NoHost => "the endpoint is no host name: give the name alone, without scheme, port and path",
            Self::NoRegion => "the region is not in the endpoint's name: give it beside, as for a custom domain",
            Self::NotAts => "this endpoint's certificates are no longer trusted: take the one with '-ats' in its name",
        })
    }
}

impl core::error::Error for EndpointError {}

fn check_host(host: &str) -> Result<(), EndpointError> {
    let is_host = |byte: u8| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'.');
    let good = (1..=253).contains(&host.len()) && host.bytes().all(is_host) && !host.contains("..");
    if good { Ok(()) } else { Err(EndpointError::NoHost) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_region_stands_in_the_name_or_beside_it() {
        let endpoint = Endpoint::new("a1b2-ats.iot.eu-west-1.amazonaws.com").unwrap();
        assert_eq!((endpoint.host(), endpoint.region()), ("a1b2-ats.iot.eu-west-1.amazonaws.com", "eu-west-1"));
        assert_eq!(Endpoint::new("a1b2.iot.cn-north-1.amazonaws.com.cn").unwrap().region(), "cn-north-1");
        assert_eq!(Endpoint::custom("iot.example.com", "eu-west-1").unwrap().region(), "eu-west-1");
    }

    #[test]
    fn what_is_no_endpoint_is_refused() {
        for (host, error) in [
            ("", EndpointError::NoHost),
            ("mqtts://a-ats.iot.x.amazonaws.com", EndpointError::NoHost),
            ("a-ats.iot.x.amazonaws.com:8883", EndpointError::NoHost),
            ("iot.example.com", EndpointError::NoRegion),
            ("a-ats.iot.x.example.com", EndpointError::NoRegion),
            ("a1b2.iot.eu-west-1.amazonaws.com", EndpointError::NotAts),
        ] {
            assert_eq!(Endpoint::new(host), Err(error), "{host}");
        }
        assert_eq!(Endpoint::custom("iot.example.com", ""), Err(EndpointError::NoRegion));
        assert_eq!(Endpoint::custom("a/b", "x"), Err(EndpointError::NoHost));
    }

    #[test]
    fn ports_protocols_and_paths() {
        for (access, port, alpn, path) in [
            (Access::Certificate, 8883, None, None),
            (Access::CertificateOn443, 443, Some("x-amzn-mqtt-ca"), None),
            (Access::CustomAuthorizer, 443, Some("mqtt"), None),
            (Access::CustomAuthorizerOverWebSocket, 443, Some("http/1.1"), Some("/mqtt")),
            (Access::SigV4OverWebSocket, 443, Some("http/1.1"), Some("/mqtt")),
        ] {
            assert_eq!((access.port(), access.alpn(), access.websocket_path()), (port, alpn, path), "{access:?}");
        }
    }
}
