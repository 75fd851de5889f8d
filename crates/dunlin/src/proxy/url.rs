use super::{Kind, Proxy, ProxyUrlProblem};
use crate::options::{
    UrlError,
    url::{split_port, unescape},
};

pub(super) fn parse(url: &str) -> Result<Proxy, ProxyUrlProblem> {
    let (scheme, rest) = url.split_once("://").unwrap_or(("http", url));
    let kind = match scheme.to_ascii_lowercase().as_str() {
        "http" => Kind::Http,
        "socks5" | "socks5h" => Kind::Socks5,
        _ => return Err(ProxyUrlProblem::Scheme),
    };
    let (credentials, address) = match rest.rsplit_once('@') {
        Some((credentials, address)) => (Some(credentials), address),
        None => (None, rest),
    };
    let (host, port) = split_port(address.strip_suffix('/').unwrap_or(address))?;
    if host.contains(['/', '?', '#']) {
        return Err(ProxyUrlProblem::Host);
    }
    let credentials = credentials.map(|credentials| {
        let (user_name, password) = credentials.split_once(':').unwrap_or((credentials, ""));
        Ok::<_, ProxyUrlProblem>((text(user_name)?, text(password)?))
    });
    Ok(Proxy { kind, host: host.to_owned(), port: port.unwrap_or(PORT), credentials: credentials.transpose()? })
}

fn text(escaped: &str) -> Result<String, ProxyUrlProblem> {
    String::from_utf8(unescape(escaped)?).map_err(|_| ProxyUrlProblem::Escape)
}

impl From<UrlError> for ProxyUrlProblem {
    fn from(error: UrlError) -> Self {
        match error {
            UrlError::Port => Self::Port,
            UrlError::Escape => Self::Escape,
            _ => Self::Host,
        }
    }
}

/// As curl has it, for every kind.
const PORT: u16 = 1080;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_url_says_which_proxy_and_who_we_are_to_it() {
        for (url, expected) in [
            ("http://proxy:3128", Proxy::http("proxy", 3128)),
            ("proxy", Proxy::http("proxy", 1080)),
            ("10.0.0.1:8080/", Proxy::http("10.0.0.1", 8080)),
            ("SOCKS5H://[::1]:9050/", Proxy::socks5("::1", 9050)),
            ("socks5://anna:s3%40:cret@proxy", Proxy::socks5("proxy", 1080).credentials("anna", "s3@:cret")),
            ("http://anna@proxy:1", Proxy::http("proxy", 1).credentials("anna", "")),
        ] {
            assert_eq!(parse(url), Ok(expected), "{url}");
        }
    }

    #[test]
    fn a_url_that_is_none_of_a_proxy_says_why() {
        for (url, expected) in [
            ("https://proxy", ProxyUrlProblem::Scheme),
            ("socks4://proxy", ProxyUrlProblem::Scheme),
            ("http://", ProxyUrlProblem::Host),
            ("http://proxy/path", ProxyUrlProblem::Host),
            ("http://[::1", ProxyUrlProblem::Host),
            ("proxy:port", ProxyUrlProblem::Port),
            ("http://proxy:0", ProxyUrlProblem::Port),
            ("http://a%:b@proxy", ProxyUrlProblem::Escape),
            ("http://%FF@proxy", ProxyUrlProblem::Escape),
        ] {
            assert_eq!(parse(url), Err(expected), "{url}");
        }
    }

    #[test]
    fn neither_user_name_nor_password_is_shown() {
        let shown = format!("{:?}", parse("http://anna:secret@proxy:1").unwrap());
        assert!(shown.contains("http://proxy:1") && !shown.contains("anna") && !shown.contains("secret"), "{shown}");
    }
}
