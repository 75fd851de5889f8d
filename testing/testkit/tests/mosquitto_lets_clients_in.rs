//! Each listener of a real Mosquitto lets in whom it should, judged by Mosquitto's own clients.

use std::process::{Command, Output};

use dunlin_testkit::{Leaf, Mosquitto, Validity};

/// Runs `mosquitto_pub` with `arguments`, with one retained message.
fn publish(arguments: &[&str]) -> Output {
    Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-t", "plant/7/temp", "-m", "21.5", "-r", "-q", "1"])
        .args(arguments)
        .output()
        .expect("this test needs mosquitto_pub (Debian: apt install mosquitto-clients)")
}

/// Runs `mosquitto_sub` with `arguments` until it has one message, at most 5 s.
fn receive(arguments: &[&str]) -> Output {
    Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-t", "plant/+/temp", "-C", "1", "-W", "5"])
        .args(arguments)
        .output()
        .expect("this test needs mosquitto_sub (Debian: apt install mosquitto-clients)")
}

#[track_caller]
fn assert_received(output: &Output) {
    assert_eq!(String::from_utf8_lossy(&output.stdout), "21.5\n", "{output:?}");
}

#[test]
fn anybody_over_plain_tcp() {
    let mosquitto = Mosquitto::start().unwrap();
    let port = mosquitto.port().to_string();
    assert!(publish(&["-p", &port]).status.success(), "{}", mosquitto.log());
    assert_received(&receive(&["-p", &port]));
    mosquitto.wait_for_log("New client connected").unwrap();
}

#[test]
fn anybody_who_trusts_the_authority_over_tls() {
    let mosquitto = Mosquitto::start().unwrap();
    let port = mosquitto.tls_port().to_string();
    let authority = mosquitto.certificates().authority_file().to_str().unwrap();
    assert!(publish(&["-p", &port, "--cafile", authority]).status.success(), "{}", mosquitto.log());
    assert_received(&receive(&["-p", &port, "--cafile", authority]));
}

#[test]
fn only_holders_of_a_certificate_over_mutual_tls() {
    let mosquitto = Mosquitto::start().unwrap();
    let port = mosquitto.mutual_tls_port().to_string();
    let files = mosquitto.certificates();
    let authority = files.authority_file().to_str().unwrap();
    let certificate = files.client_certificate_file().to_str().unwrap();
    let key = files.client_key_file().to_str().unwrap();

    let without = publish(&["-p", &port, "--cafile", authority]);
    assert!(!without.status.success(), "let in without a certificate");

    let with = ["-p", &port, "--cafile", authority, "--cert", certificate, "--key", key];
    assert!(publish(&with).status.success(), "{}", mosquitto.log());
    assert_received(&receive(&with));
}

#[test]
fn the_name_in_the_certificate_is_the_user() {
    let mosquitto = Mosquitto::options().identity_as_user_name(true).start().unwrap();
    let port = mosquitto.mutual_tls_port().to_string();
    let files = mosquitto.certificates();
    let authority = files.authority_file().to_str().unwrap();
    let certificate = files.client_certificate_file().to_str().unwrap();
    let key = files.client_key_file().to_str().unwrap();
    let output = publish(&["-p", &port, "--cafile", authority, "--cert", certificate, "--key", key]);
    assert!(output.status.success(), "{}", mosquitto.log());
    mosquitto.wait_for_log("u'sensor-17'").unwrap();
}

#[test]
fn only_users_with_their_password() {
    let mosquitto = Mosquitto::options().user("anna", "secret: 1").user("ben", "other").start().unwrap();
    let port = mosquitto.port().to_string();
    assert!(publish(&["-p", &port, "-u", "anna", "-P", "secret: 1"]).status.success(), "{}", mosquitto.log());
    assert!(publish(&["-p", &port, "-u", "ben", "-P", "other"]).status.success(), "{}", mosquitto.log());
    assert!(!publish(&["-p", &port, "-u", "ben", "-P", "secret: 1"]).status.success());
    assert!(!publish(&["-p", &port]).status.success(), "let in without a name");
}

#[test]
fn users_and_anybody_where_anonymous_is_allowed() {
    let mosquitto = Mosquitto::options().user("anna", "secret").anonymous(true).start().unwrap();
    let port = mosquitto.port().to_string();
    assert!(publish(&["-p", &port]).status.success(), "{}", mosquitto.log());
}

#[test]
fn nobody_who_checks_a_bad_server_certificate() {
    let expired = |authority: &dunlin_testkit::Authority| {
        authority.issue(&Leaf::server(&["127.0.0.1"]).validity(Validity::Expired)).unwrap()
    };
    let authority = dunlin_testkit::Authority::new("Plant 7").unwrap();
    let mosquitto = Mosquitto::options().server_identity(expired(&authority)).authority(authority).start().unwrap();
    let port = mosquitto.tls_port().to_string();
    let file = mosquitto.certificates().authority_file().to_str().unwrap();
    assert!(!publish(&["-p", &port, "--cafile", file]).status.success());
    mosquitto.wait_for_log("certificate expired").unwrap();
}

#[test]
fn extra_lines_reach_the_server_and_its_listeners() {
    let mosquitto = Mosquitto::options()
        .line("log_type all")
        .listener_line("max_topic_alias 3")
        .max_inflight_messages(5)
        .start()
        .unwrap();
    let port = mosquitto.port().to_string();
    assert!(publish(&["-p", &port]).status.success());
    mosquitto.wait_for_log("Received PUBLISH from").unwrap();
}
