//! A real Mosquitto speaks the TLS versions it was told to, judged by `openssl s_client`.

use std::process::{Command, Stdio};

use dunlin_testkit::{Mosquitto, TlsVersions};

/// Whether a handshake with just this version succeeds on `port`.
fn speaks(mosquitto: &Mosquitto, port: u16, version: &str) -> bool {
    let output = Command::new("openssl")
        .args(["s_client", "-brief", "-verify_return_error", version])
        .args(["-connect", &format!("127.0.0.1:{port}")])
        .arg("-CAfile")
        .arg(mosquitto.certificates().authority_file())
        .stdin(Stdio::null())
        .output()
        .expect("this test needs openssl (Debian: apt install openssl)");
    output.status.success()
}

#[track_caller]
fn assert_speaks(versions: TlsVersions, v1_2: bool, v1_3: bool) {
    let mosquitto = Mosquitto::options().tls_versions(versions).start().unwrap();
    let port = mosquitto.tls_port();
    assert_eq!(speaks(&mosquitto, port, "-tls1_2"), v1_2, "TLS 1.2\n{}", mosquitto.log());
    assert_eq!(speaks(&mosquitto, port, "-tls1_3"), v1_3, "TLS 1.3\n{}", mosquitto.log());
}

#[test]
fn both_by_default() {
    assert_speaks(TlsVersions::default(), true, true);
}

#[test]
fn only_1_2() {
    assert_speaks(TlsVersions::OnlyV1_2, true, false);
}

#[test]
fn only_1_3() {
    assert_speaks(TlsVersions::OnlyV1_3, false, true);
}
