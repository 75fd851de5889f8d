//! A real Mosquitto is stopped, killed and started again on its ports.

use std::net::TcpStream;
use std::process::Command;

use dunlin_testkit::Mosquitto;

fn publish_retained(mosquitto: &Mosquitto) {
    let status = Command::new("mosquitto_pub")
        .args(["-h", "127.0.0.1", "-p", &mosquitto.port().to_string()])
        .args(["-t", "plant/7/set", "-m", "kept", "-r", "-q", "1"])
        .status()
        .expect("this test needs mosquitto_pub (Debian: apt install mosquitto-clients)");
    assert!(status.success(), "{}", mosquitto.log());
}

/// The retained message, or nothing after a second.
fn retained(mosquitto: &Mosquitto) -> String {
    let output = Command::new("mosquitto_sub")
        .args(["-h", "127.0.0.1", "-p", &mosquitto.port().to_string()])
        .args(["-t", "plant/7/set", "-C", "1", "-W", "1"])
        .output()
        .expect("this test needs mosquitto_sub (Debian: apt install mosquitto-clients)");
    String::from_utf8_lossy(&output.stdout).into_owned()
}

#[test]
fn a_retained_message_survives_a_restart_with_persistence() {
    let mut mosquitto = Mosquitto::options().persistence(true).start().unwrap();
    let before = (mosquitto.port(), mosquitto.tls_port(), mosquitto.mutual_tls_port());
    publish_retained(&mosquitto);

    mosquitto.restart().unwrap();

    let after = (mosquitto.port(), mosquitto.tls_port(), mosquitto.mutual_tls_port());
    assert_eq!(before, after);
    assert_eq!(retained(&mosquitto), "kept\n", "{}", mosquitto.log());
}

#[test]
fn it_does_not_survive_without_persistence() {
    let mut mosquitto = Mosquitto::start().unwrap();
    publish_retained(&mosquitto);
    mosquitto.restart().unwrap();
    assert_eq!(retained(&mosquitto), "");
}

#[test]
fn it_does_not_survive_a_kill() {
    let mut mosquitto = Mosquitto::options().persistence(true).start().unwrap();
    publish_retained(&mosquitto);
    mosquitto.kill().unwrap();
    mosquitto.start_again().unwrap();
    assert_eq!(retained(&mosquitto), "");
}

#[test]
fn a_stopped_one_is_away_and_stopping_it_again_changes_nothing() {
    let mut mosquitto = Mosquitto::start().unwrap();
    assert!(mosquitto.is_running());
    mosquitto.stop().unwrap();
    assert!(!mosquitto.is_running());
    assert!(TcpStream::connect(mosquitto.address()).is_err());
    mosquitto.stop().unwrap();
    mosquitto.kill().unwrap();

    mosquitto.start_again().unwrap();
    mosquitto.start_again().unwrap();
    assert!(mosquitto.is_running());
    TcpStream::connect(mosquitto.address()).unwrap();
    assert_eq!(mosquitto.log().matches(" running\n").count(), 2, "{}", mosquitto.log());
    mosquitto.wait_for_log("terminating").unwrap();
}

#[test]
fn waiting_for_what_a_stopped_one_never_logged_ends_at_once() {
    let mut mosquitto = Mosquitto::start().unwrap();
    mosquitto.stop().unwrap();
    let error = mosquitto.wait_for_log("no such words").unwrap_err();
    assert!(error.to_string().contains("did not log \"no such words\""), "{error}");
    assert!(error.to_string().contains("terminating"), "{error}");
}

#[test]
fn nothing_is_left_of_a_dropped_one() {
    let mosquitto = Mosquitto::start().unwrap();
    let address = mosquitto.address();
    let directory = mosquitto.certificates().authority_file().parent().unwrap().to_owned();
    assert!(directory.is_dir());

    drop(mosquitto);

    assert!(!directory.exists());
    assert!(TcpStream::connect(address).is_err());
}

#[test]
fn a_port_taken_meanwhile_is_told() {
    let mut mosquitto = Mosquitto::start().unwrap();
    mosquitto.stop().unwrap();
    let _thief = std::net::TcpListener::bind(mosquitto.address()).unwrap();
    let error = mosquitto.start_again().unwrap_err();
    assert!(error.to_string().contains("another program holds mosquitto's ports"), "{error}");
}

#[test]
fn a_wrong_line_is_told_with_the_log() {
    let error = Mosquitto::options().line("lisstener 1").start().unwrap_err();
    let text = error.to_string();
    assert!(text.contains("ended right after its start"), "{text}");
    assert!(text.contains("Unknown configuration variable \"lisstener\""), "{text}");
}

#[test]
fn a_user_that_no_password_file_can_hold_is_refused() {
    for (name, password) in [("a:b", "secret"), ("", "secret"), ("anna", "se\ncret")] {
        let error = Mosquitto::options().user(name, password).start().unwrap_err();
        assert!(error.to_string().contains("cannot hold the user"), "{error}");
        assert!(!error.to_string().contains("secret"), "{error}");
    }
}
