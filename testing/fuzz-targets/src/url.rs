use dunlin::ConnectOptions;

/// The bytes are a URL to connect to.
///
/// It is taken exactly if a plain reading takes it, for the same server; what `Debug` shows holds neither user name nor
/// password, and is itself a URL for that server.
pub fn url(data: &[u8]) {
    let Ok(url) = std::str::from_utf8(data) else { return };
    if let Some(rest) = after_socket_scheme(url) {
        return socket(url, rest);
    }
    let plain = Plain::of(url);
    match (ConnectOptions::from_url(url), &plain) {
        (Ok(options), Some(plain)) => {
            let (shown, server) = (shown(options), plain.server());
            assert!(shown.contains(&format!("server: {server}, ")), "{url:?}: {shown}");
            // With other secrets it looks the same.
            let Plain { scheme, address, target, .. } = plain;
            let other = format!("{scheme}://{}{address}{target}", plain.other_credentials());
            assert_eq!(self::shown(taken(&other)), shown, "{url:?} as {other:?}");
            assert!(self::shown(taken(&server)).contains(&format!("server: {server}, ")));
        }
        (Err(error), None) => assert!(!error.to_string().is_empty()),
        (options, plain) => panic!("{url:?}: {options:?}, plainly {plain:?}"),
    }
}

/// What follows the scheme of a socket of the file system.
fn after_socket_scheme(url: &str) -> Option<&str> {
    let (scheme, rest) = url.split_once("://")?;
    ["unix", "mqtt+unix"].iter().any(|socket| scheme.eq_ignore_ascii_case(socket)).then_some(rest)
}

/// The same for a socket, which is named by its path.
fn socket(url: &str, rest: &str) {
    let (credentials, path) = match rest.split_once("@/") {
        Some((credentials, path)) if !rest.starts_with('/') => (Some(credentials), format!("/{path}")),
        _ => (None, rest.to_owned()),
    };
    let (user_name, password) =
        credentials.unwrap_or_default().split_once(':').unwrap_or((credentials.unwrap_or_default(), ""));
    let text = |escaped| String::from_utf8(unescaped(escaped)?).ok();
    let plain = (path.starts_with('/') && !path.contains(['?', '#'])).then(|| {
        text(user_name)?;
        unescaped(password)?;
        text(&path)
    });
    match (ConnectOptions::from_url(url), plain.flatten()) {
        (Ok(options), Some(path)) => {
            let shown = shown(options);
            assert!(shown.contains(&format!("server: mqtt+unix://{path}, ")), "{url:?}: {shown}");
        }
        (Err(error), None) => assert!(!error.to_string().is_empty()),
        (options, plain) => panic!("{url:?}: {options:?}, plainly {plain:?}"),
    }
}

fn taken(url: &str) -> ConnectOptions {
    ConnectOptions::from_url(url).unwrap_or_else(|error| panic!("{error}: {url:?}"))
}

/// With the one thing set that is different every time.
fn shown(options: ConnectOptions) -> String {
    format!("{:?}", options.client_id("client"))
}

/// A URL taken apart.
#[derive(Debug)]
struct Plain<'a> {
    scheme: &'a str,
    usual_port: u16,
    credentials: Option<(&'a str, Option<&'a str>)>,
    address: &'a str,
    host: &'a str,
    port: Option<u16>,
    target: &'a str,
}

impl<'a> Plain<'a> {
    /// `None` if it is no URL to connect to.
    fn of(url: &'a str) -> Option<Self> {
        let (scheme, rest) = url.split_once("://")?;
        let (usual_port, websocket) = match scheme.to_ascii_lowercase().as_str() {
            "mqtt" | "tcp" => (1883, false),
            "mqtts" | "ssl" => (8883, false),
            "ws" => (80, true),
            "wss" => (443, true),
            "mqtt-quic" | "quic" => (14567, false),
            _ => return None,
        };
        let target_at = if websocket { rest.find(['/', '?', '#']) } else { None };
        let (rest, target) = rest.split_at(target_at.unwrap_or(rest.len()));
        let (credentials, address) = match rest.rfind('@') {
            Some(at) => (Some(&rest[..at]), &rest[at + 1..]),
            None => (None, rest),
        };
        let address = address.strip_suffix('/').unwrap_or(address);
        if address.contains(['/', '?', '#']) || target.contains('#') {
            return None;
        }
        let (host, port) = match address.strip_prefix('[') {
            Some(bracketed) => {
                let (host, port) = bracketed.split_once(']')?;
                host.parse::<std::net::Ipv6Addr>().ok()?;
                (host, port)
            }
            None => address.split_at(address.find(':').unwrap_or(address.len())),
        };
        let port = match port.strip_prefix(':') {
            Some(digits) if digits.chars().all(|digit| digit.is_ascii_digit()) => Some(digits.parse().ok()?),
            Some(_) => return None,
            None if port.is_empty() => None,
            None => return None,
        };
        let credentials = credentials.map(|text| match text.split_once(':') {
            Some((user_name, password)) => (user_name, Some(password)),
            None => (text, None),
        });
        if let Some((user_name, password)) = credentials {
            String::from_utf8(unescaped(user_name)?).ok()?;
            unescaped(password.unwrap_or_default())?;
        }
        let is_host = !host.is_empty() && !host.contains(char::is_whitespace);
        (is_host && port != Some(0)).then_some(Self { scheme, usual_port, credentials, address, host, port, target })
    }

    /// How `Debug` shows it.
    fn server(&self) -> String {
        let scheme = match self.usual_port {
            1883 => "mqtt",
            8883 => "mqtts",
            14567 => "mqtt-quic",
            80 => "ws",
            _ => "wss",
        };
        let port = self.port.unwrap_or(self.usual_port);
        let path = match self.target.split(['?']).next().unwrap_or_default() {
            "" if scheme.starts_with("ws") => "/mqtt",
            path => path,
        };
        match self.host.contains(':') {
            true => format!("{scheme}://[{}]:{port}{path}", self.host),
            false => format!("{scheme}://{}:{port}{path}", self.host),
        }
    }

    /// As many as it has.
    fn other_credentials(&self) -> &'static str {
        match self.credentials {
            None => "",
            Some((_, None)) => "another@",
            Some(("", Some(_))) => ":secret@",
            Some((_, Some(_))) => "another:secret@",
        }
    }
}

fn unescaped(text: &str) -> Option<Vec<u8>> {
    let mut parts = text.split('%');
    let mut bytes = parts.next()?.as_bytes().to_vec();
    for part in parts {
        let digits = part.get(..2).filter(|digits| digits.bytes().all(|digit| digit.is_ascii_hexdigit()))?;
        bytes.push(u8::from_str_radix(digits, 16).ok()?);
        bytes.extend(&part.as_bytes()[2..]);
    }
    Some(bytes)
}
