use clap::Args;
use dunlin_cloud::{Service, ServiceLimits};

use crate::failure::Failure;
use crate::json::Object;
use crate::printer::Printer;
use crate::timestamp::Timestamp;

/// How settings are printed.
#[derive(Args, Debug)]
pub(super) struct Form {
    /// Print a line of JSON
    #[arg(long)]
    json: bool,
    /// Print the password or the signed URL, too: whoever reads it can connect as this device until it ends
    #[arg(long)]
    secrets: bool,
}

/// What any MQTT client must be told to connect as this device.
#[derive(Debug)]
pub(super) struct Settings {
    pub(super) service: Service,
    pub(super) host: String,
    pub(super) port: u16,
    /// Of WebSocket, which is spoken then.
    pub(super) path: Option<String>,
    pub(super) alpn: Option<&'static str>,
    pub(super) client_id: String,
    pub(super) user_name: Option<String>,
    pub(super) proof: Proof,
}

/// By what the service knows the device.
#[derive(Debug)]
pub(super) enum Proof {
    Certificate,
    /// A password, and for tokens until when it holds, in seconds since 1970.
    Password {
        text: String,
        until: Option<u64>,
    },
    /// A signature in the URL.
    Url {
        text: String,
        until: u64,
    },
    /// Whatever the authorizer of the account wants.
    Authorizer,
}

impl Settings {
    pub(super) async fn print(&self, form: &Form, printer: &mut Printer) -> Result<(), Failure> {
        let text = if form.json { self.json(form.secrets) } else { self.lines(form.secrets) };
        printer.data(text.as_bytes());
        printer.flush().await
    }

    fn lines(&self, secrets: bool) -> String {
        let limits = self.service.limits();
        let mut rows = vec![
            ("service", self.service.to_string()),
            ("host", self.host.clone()),
            ("port", self.port.to_string()),
            ("transport", if self.path.is_some() { "WebSocket over TLS" } else { "MQTT over TLS" }.to_owned()),
        ];
        rows.extend(self.path.clone().map(|path| ("path", path)));
        rows.extend(self.alpn.map(|alpn| ("ALPN", alpn.to_owned())));
        rows.push(("MQTT", if limits.v5 { "5.0 or 3.1.1" } else { "3.1.1" }.to_owned()));
        rows.push(("client id", self.client_id.clone()));
        rows.extend(self.user_name.clone().map(|name| ("user name", name)));
        rows.push(self.proof.row(secrets));
        rows.push(("limits", words(&limits)));
        let line = |(name, value): &(&str, String)| format!("{name:<10} {value}\n");
        rows.iter().map(line).collect()
    }

    fn json(&self, secrets: bool) -> String {
        let limits = self.service.limits();
        let mut object = Object::new()
            .text("service", &self.service.to_string())
            .text("host", &self.host)
            .plain("port", self.port)
            .text("transport", if self.path.is_some() { "wss" } else { "mqtts" });
        if let Some(path) = &self.path {
            object = object.text("path", path);
        }
        if let Some(alpn) = self.alpn {
            object = object.text("alpn", alpn);
        }
        object = object.text("mqtt", if limits.v5 { "5.0" } else { "3.1.1" }).text("client_id", &self.client_id);
        if let Some(name) = &self.user_name {
            object = object.text("user_name", name);
        }
        object = match &self.proof {
            Proof::Certificate => object.text("proof", "certificate"),
            Proof::Authorizer => object.text("proof", "authorizer"),
            Proof::Password { text, until } => {
                let object = until_when(object.text("proof", "password"), *until);
                if secrets { object.text("password", text) } else { object }
            }
            Proof::Url { text, until } => {
                let object = until_when(object.text("proof", "url"), Some(*until));
                if secrets { object.text("url", text) } else { object }
            }
        };
        object.object("limits", numbers(&limits)).finish() + "\n"
    }
}

impl Proof {
    fn row(&self, secrets: bool) -> (&'static str, String) {
        let shown = |text: &str, what: &str, until: Option<u64>| match (secrets, until) {
            (true, _) => text.to_owned(),
            (false, Some(until)) => format!("{what}, good until {} (--secrets shows it)", Timestamp::of_seconds(until)),
            (false, None) => format!("{what} (--secrets shows it)"),
        };
        match self {
            Self::Certificate => ("proof", "the client certificate".to_owned()),
            Self::Authorizer => ("proof", "what the authorizer wants, in user name and password".to_owned()),
            Self::Password { text, until } => {
                ("password", shown(text, if until.is_some() { "a token" } else { "given" }, *until))
            }
            Self::Url { text, until } => ("URL", shown(text, "signed now", Some(*until))),
        }
    }
}

fn until_when(object: Object, until: Option<u64>) -> Object {
    match until {
        Some(until) => object.text("until", &Timestamp::of_seconds(until).to_string()),
        None => object,
    }
}

fn words(limits: &ServiceLimits) -> String {
    let mut words = vec![format!("QoS up to {}", limits.maximum_qos as u8)];
    words.extend(limits.payload.map(|bytes| format!("{bytes} bytes a message")));
    words.extend(limits.topic.map(|bytes| format!("{bytes} bytes a topic")));
    words.extend(limits.subscriptions.map(|count| format!("{count} subscriptions")));
    words.extend(limits.publishes_per_second.map(|count| format!("{count} messages a second")));
    if *limits.keep_alive.end() < u16::MAX {
        words.push(format!("keep alive up to {} s", limits.keep_alive.end()));
    }
    if !limits.retain {
        words.push("no retained messages".to_owned());
    }
    words.join(", ")
}

fn numbers(limits: &ServiceLimits) -> Object {
    let mut object = Object::new().plain("qos", limits.maximum_qos as u8).plain("retain", limits.retain);
    for (name, number) in [
        ("payload_bytes", limits.payload),
        ("topic_bytes", limits.topic),
        ("topic_slashes", limits.slashes),
        ("client_id_bytes", limits.client_id),
        ("filters_per_subscribe", limits.filters_per_subscribe),
        ("subscriptions", limits.subscriptions),
        ("unacknowledged", limits.unacknowledged.map(usize::from)),
        ("publishes_per_second", limits.publishes_per_second.map(|count| count as usize)),
    ] {
        if let Some(number) = number {
            object = object.plain(name, number);
        }
    }
    object.plain("keep_alive_from", limits.keep_alive.start()).plain("keep_alive_to", limits.keep_alive.end())
}
