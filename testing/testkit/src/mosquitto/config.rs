use std::fs;
use std::path::{Path, PathBuf};
use std::process::{Command, Stdio};

use super::options::{MosquittoOptions, TlsVersions};
use super::process::find;
use super::{Certificates, MosquittoError, Ports};
use crate::certificates::Authority;

/// The files in a Mosquitto's directory.
#[derive(Debug)]
pub(super) struct Files {
    pub(super) config: PathBuf,
    /// Set only where OpenSSL itself must be told something.
    pub(super) openssl_config: Option<PathBuf>,
    pub(super) certificates: Certificates,
    directory: PathBuf,
    server_certificate: PathBuf,
    server_key: PathBuf,
    passwords: Option<PathBuf>,
}

impl Files {
    /// Writes all but the configuration itself, which needs the ports.
    pub(super) fn write(options: &MosquittoOptions, directory: &Path) -> Result<Self, MosquittoError> {
        let authority = match &options.authority {
            Some(authority) => authority.clone(),
            None => Authority::new("dunlin testkit")?,
        };
        let server = match &options.server_identity {
            Some(identity) => identity.clone(),
            None => authority.server(&["localhost", "127.0.0.1"])?,
        };
        let client = authority.client("sensor-17")?;

        let authority_file = directory.join("authority.crt");
        write_file(&authority_file, authority.certificate_pem())?;
        let refused =
            |error: std::io::Error| MosquittoError::file_system("write the certificates", directory.to_owned(), &error);
        let (server_certificate, server_key) = server.write(directory, "server").map_err(refused)?;
        let (client_certificate_file, client_key_file) = client.write(directory, "client").map_err(refused)?;

        let openssl_config = match options.tls_versions {
            TlsVersions::OnlyV1_2 => {
                let path = directory.join("openssl.cnf");
                write_file(&path, OPENSSL_AT_MOST_1_2)?;
                Some(path)
            }
            TlsVersions::V1_2AndV1_3 | TlsVersions::OnlyV1_3 => None,
        };

        Ok(Self {
            config: directory.join("mosquitto.conf"),
            openssl_config,
            certificates: Certificates { authority, client, authority_file, client_certificate_file, client_key_file },
            directory: directory.to_owned(),
            server_certificate,
            server_key,
            passwords: write_passwords(options, directory)?,
        })
    }

    pub(super) fn write_config(&self, options: &MosquittoOptions, ports: &Ports) -> Result<(), MosquittoError> {
        write_file(&self.config, &self.config_text(options, ports))
    }

    fn config_text(&self, options: &MosquittoOptions, ports: &Ports) -> String {
        let mut text = Text::default();
        // Root would become the user mosquitto, who cannot read the keys; others stay who they are.
        text.line("user root");
        text.line("log_dest stderr");
        for kind in ["error", "warning", "notice", "information"] {
            text.line(&format!("log_type {kind}"));
        }
        let anonymous = options.anonymous.unwrap_or(options.users.is_empty());
        text.line(&format!("allow_anonymous {anonymous}"));
        if let Some(passwords) = &self.passwords {
            text.path("password_file", passwords);
        }
        if options.persistence {
            text.line("persistence true");
            // The slash at its end: Mosquitto puts the file name right behind it.
            text.path("persistence_location", &self.directory.join(""));
        }
        let queued = options.max_queued_messages;
        text.line(&format!("max_queued_messages {queued}"));
        if let Some(messages) = options.max_inflight_messages {
            text.line(&format!("max_inflight_messages {messages}"));
        }
        text.lines(&options.lines);

        text.listener(ports.plain, options);
        text.listener(ports.tls, options);
        self.tls(&mut text, options);
        text.listener(ports.mutual_tls, options);
        self.tls(&mut text, options);
        text.path("cafile", &self.certificates.authority_file);
        text.line("require_certificate true");
        if options.identity_as_user_name {
            text.line("use_identity_as_username true");
        }
        if options.websockets {
            text.listener(ports.websocket, options);
            text.line("protocol websockets");
            text.listener(ports.websocket_tls, options);
            text.line("protocol websockets");
            self.tls(&mut text, options);
        }
        if options.unix_socket {
            text.path("listener 0", &self.socket());
            text.lines(&options.listener_lines);
        }
        text.0
    }

    pub(super) fn socket(&self) -> PathBuf {
        self.directory.join(SOCKET)
    }

    fn tls(&self, text: &mut Text, options: &MosquittoOptions) {
        text.path("certfile", &self.server_certificate);
        text.path("keyfile", &self.server_key);
        // A lower bound; the upper one can only be set in OpenSSL's own configuration.
        text.line(match options.tls_versions {
            TlsVersions::OnlyV1_3 => "tls_version tlsv1.3",
            TlsVersions::V1_2AndV1_3 | TlsVersions::OnlyV1_2 => "tls_version tlsv1.2",
        });
    }
}

#[derive(Default)]
struct Text(String);

impl Text {
    fn line(&mut self, line: &str) {
        self.0.push_str(line);
        self.0.push('\n');
    }

    fn path(&mut self, key: &str, path: &Path) {
        self.line(&format!("{key} {}", path.display()));
    }

    fn lines(&mut self, lines: &[String]) {
        for line in lines {
            self.line(line);
        }
    }

    fn listener(&mut self, port: u16, options: &MosquittoOptions) {
        self.line(&format!("listener {port} 127.0.0.1"));
        self.lines(&options.listener_lines);
    }
}

/// Has the password file written by Mosquitto's own program: which hashes it takes is its affair
/// and changes between versions.
fn write_passwords(options: &MosquittoOptions, directory: &Path) -> Result<Option<PathBuf>, MosquittoError> {
    if options.users.is_empty() {
        return Ok(None);
    }
    let path = directory.join("passwords");
    write_file(&path, "")?;
    for (name, password) in &options.users {
        let unusable = |text: &str| text.is_empty() || text.contains(['\r', '\n']);
        if unusable(name) || unusable(password) || name.contains(':') {
            return Err(MosquittoError::UnusableUser { name: name.clone() });
        }
        add_password(&path, name, password)?;
    }
    Ok(Some(path))
}

/// One by one on the command line, where others on the machine can see it: turning a whole file
/// of plain text (`-U`) would cut passwords at a colon.
fn add_password(path: &Path, name: &str, password: &str) -> Result<(), MosquittoError> {
    let program = find("mosquitto_passwd")?;
    let output = Command::new(&program)
        .arg("-b")
        .arg(path)
        .args([name, password])
        .stdin(Stdio::null())
        .output()
        .map_err(|error| MosquittoError::CannotRun { program, kind: error.kind() })?;
    if output.status.success() {
        return Ok(());
    }
    Err(MosquittoError::Password {
        name: name.to_owned(),
        reason: String::from_utf8_lossy(&output.stderr).trim_end().to_owned(),
    })
}

fn write_file(path: &Path, text: &str) -> Result<(), MosquittoError> {
    fs::write(path, text)
        .and_then(|()| keep_private(path))
        .map_err(|error| MosquittoError::file_system("write a file", path.to_owned(), &error))
}

/// Newer versions of Mosquitto refuse a password file that others can read.
#[cfg(unix)]
fn keep_private(path: &Path) -> std::io::Result<()> {
    use std::os::unix::fs::PermissionsExt as _;
    fs::set_permissions(path, fs::Permissions::from_mode(0o600))
}

#[cfg(not(unix))]
fn keep_private(_path: &Path) -> std::io::Result<()> {
    Ok(())
}

const SOCKET: &str = "mosquitto.sock";

const OPENSSL_AT_MOST_1_2: &str = "\
openssl_conf = all
[all]
ssl_conf = tls
[tls]
system_default = versions
[versions]
MaxProtocol = TLSv1.2
";
