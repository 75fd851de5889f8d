//! The in-memory server judged by clients that others wrote: `mosquitto_pub`, `mosquitto_sub` and `mosquitto_rr`.

use std::process::{Child, Command, Output, Stdio};
use std::time::Duration;

use dunlin_testkit::{Authority, Qos, Server};
use tokio::time::timeout;

const VERSIONS: [&str; 2] = ["mqttv311", "mqttv5"];

fn client(server: &Server, program: &str, arguments: &[&str]) -> Child {
    Command::new(program)
        .args(["-h", "127.0.0.1", "-p", &server.port().to_string()])
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap_or_else(|error| panic!("cannot start {program}: {error}; install Debian's mosquitto-clients"))
}

/// Waits for the client's end off the runtime's threads, and for its success.
async fn end(child: Child) -> String {
    let waiting = tokio::task::spawn_blocking(move || child.wait_with_output());
    let output: Output = timeout(PATIENCE, waiting).await.expect("the client ends").unwrap().unwrap();
    assert!(output.status.success(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

async fn soon(waiting: impl Future<Output = ()>) {
    timeout(PATIENCE, waiting).await.expect("it happens in time");
}

#[tokio::test(flavor = "multi_thread")]
async fn every_qos_goes_from_client_to_client_in_both_versions() {
    let server = Server::start().await.unwrap();
    for version in VERSIONS {
        for qos in ["0", "1", "2"] {
            let topic = format!("{version}/{qos}");
            let arguments = ["-V", version, "-t", &topic, "-q", qos, "-C", "20", "-F", "%q %p"];
            let subscriber = client(&server, "mosquitto_sub", &arguments);
            soon(server.wait_for_subscription(&topic)).await;
            let arguments = ["-V", version, "-t", &topic, "-q", qos, "-m", "hello", "--repeat", "20"];
            end(client(&server, "mosquitto_pub", &arguments)).await;
            assert_eq!(end(subscriber).await, format!("{qos} hello\n").repeat(20));
        }
    }
    assert_eq!(server.received_total(), 120);
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn retained_messages_and_empty_ones() {
    let server = Server::start().await.unwrap();
    for version in VERSIONS {
        end(client(&server, "mosquitto_pub", &["-V", version, "-t", "t", "-m", "kept", "-r", "-q", "1"])).await;
        let told = end(client(&server, "mosquitto_sub", &["-V", version, "-t", "#", "-C", "1", "-F", "%r %p"])).await;
        assert_eq!(told, "1 kept\n");
        end(client(&server, "mosquitto_pub", &["-V", version, "-t", "t", "-n", "-r"])).await;
    }
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn the_will_of_a_client_that_is_killed_is_published() {
    let server = Server::start().await.unwrap();
    for version in VERSIONS {
        let watcher = client(&server, "mosquitto_sub", &["-V", version, "-t", "wills/+", "-q", "2", "-C", "1", "-v"]);
        soon(server.wait_for_subscription("wills/+")).await;
        let will = ["--will-topic", "wills/a", "--will-payload", "gone", "--will-qos", "2"];
        let mut doomed =
            client(&server, "mosquitto_sub", &[&["-V", version, "-t", "x", "-i", "doomed"], &will[..]].concat());
        soon(server.wait_for_client("doomed")).await;
        doomed.kill().unwrap();
        doomed.wait().unwrap();
        assert_eq!(end(watcher).await, "wills/a gone\n");
        soon(server.wait_for(|server| server.clients().is_empty())).await;
    }
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_session_waits_for_its_client() {
    let server = Server::start().await.unwrap();
    for (version, expiry) in [("mqttv311", &[][..]), ("mqttv5", &["-x", "60"])] {
        let arguments = [&["-V", version, "-t", "t", "-q", "2", "-c", "-i", version], expiry].concat();
        end(client(&server, "mosquitto_sub", &[&arguments[..], &["-E"]].concat())).await;
        soon(server.wait_for_departure(version)).await;
        for payload in ["1", "2", "3"] {
            server.publish("t", payload, Qos::ExactlyOnce, false).unwrap();
        }
        let told = end(client(&server, "mosquitto_sub", &[&arguments[..], &["-C", "3"]].concat())).await;
        assert_eq!(told, "1\n2\n3\n");
        assert!(server.connects().last().unwrap().session_present);
    }
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn shared_subscriptions_share() {
    let server = Server::start().await.unwrap();
    let arguments = ["-V", "mqttv5", "-t", "$share/g/t", "-q", "1", "-C", "3"];
    let members = [client(&server, "mosquitto_sub", &arguments), client(&server, "mosquitto_sub", &arguments)];
    let are_two = |server: &Server| server.clients().iter().filter(|it| !it.subscriptions.is_empty()).count() == 2;
    soon(server.wait_for(are_two)).await;
    end(client(&server, "mosquitto_pub", &["-V", "mqttv5", "-t", "t", "-q", "1", "-m", "x", "--repeat", "6"])).await;
    for member in members {
        assert_eq!(end(member).await, "x\n".repeat(3));
    }
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn a_request_is_answered_under_its_response_topic() {
    let server = Server::start().await.unwrap();
    let arguments = ["-V", "mqttv5", "-t", "ask", "-e", "answers/1", "-m", "how warm?", "-q", "1"];
    let asking = client(&server, "mosquitto_rr", &arguments);
    soon(server.wait_for_messages(1)).await;
    let request = server.received().remove(0).message;
    assert_eq!((request.topic(), request.text().as_str()), ("ask", "how warm?"));
    assert!(format!("{:?}", request.properties()).contains("ResponseTopic(\"answers/1\")"));
    server.publish("answers/1", "21.5", Qos::AtLeastOnce, false).unwrap();
    assert_eq!(end(asking).await, "21.5\n");
    server.assert_no_breaches();
}

#[tokio::test(flavor = "multi_thread")]
async fn over_tls_with_a_password() {
    let authority = Authority::new("for this test").unwrap();
    let config = authority.server(&["127.0.0.1", "localhost"]).unwrap().server_config(None).unwrap();
    let server = Server::options().tls(config).credentials("user", "secret").start().await.unwrap();
    assert!(server.url().starts_with("mqtts://127.0.0.1:"));
    let file = std::env::temp_dir().join(format!("dunlin-testkit-{}.crt", server.port()));
    std::fs::write(&file, authority.certificate_pem()).unwrap();

    let secure = ["--cafile", file.to_str().unwrap(), "-t", "t", "-m", "x", "-q", "2"];
    end(client(&server, "mosquitto_pub", &[&secure[..], &["-u", "user", "-P", "secret"]].concat())).await;
    let refused = client(&server, "mosquitto_pub", &[&secure[..], &["-u", "user", "-P", "wrong"]].concat());
    let output = tokio::task::spawn_blocking(move || refused.wait_with_output()).await.unwrap().unwrap();
    std::fs::remove_file(&file).unwrap();
    assert!(!output.status.success());
    assert_eq!(server.received_total(), 1);
    assert!(!format!("{:?}", server.connects()).contains("secret"));
    server.assert_no_breaches();
}

const PATIENCE: Duration = Duration::from_secs(20);
