use dunlin_cloud_twins::{GoogleTwin, PublicKey};

use super::{file, reach};
use crate::program::{Dunlin, dunlin};

const HOST: &str = "europe-west1-mqtt.clearblade.com";

/// A registry with a device, and the file with the device's key.
async fn registry(name: &str) -> (GoogleTwin, String) {
    let twin = GoogleTwin::start(HOST, "my-project", "europe-west1", "r").await.unwrap();
    let pair = rcgen::KeyPair::generate().unwrap();
    twin.add_device("d", PublicKey::from_pem(&pair.public_key_pem()).unwrap());
    (twin, file(&format!("{name}.pem"), &pair.serialize_pem()))
}

fn google(what: &str, key: &str) -> Dunlin {
    let names = ["--host", HOST, "--location", "europe-west1", "--registry", "r", "--device", "d"];
    dunlin(["cloud", "google", what, "--project", "my-project", "--private-key", key]).args(names)
}

#[tokio::test]
async fn a_token_is_all_that_is_printed_and_settings_tell_the_rest() {
    let (_, key) = registry("google-token").await;
    let token = dunlin(["cloud", "google", "token", "--project", "my-project", "--private-key", &key]);
    let ended = token.run().await.assert_success();
    let parts: Vec<_> = ended.text().trim_end().split('.').collect();
    // {"alg":"ES256","typ":"JWT"}
    assert_eq!((parts.len(), parts[0]), (3, "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9"), "{ended:?}");

    let ended = google("settings", &key).run().await.assert_success();
    let client = "client id  projects/my-project/locations/europe-west1/registries/r/devices/d\n";
    assert!(ended.text().contains(client) && ended.text().contains("user name  unused\n"), "{}", ended.text());
    assert!(!ended.text().contains(parts[0]), "{}", ended.text());
}

#[tokio::test]
async fn telemetry_and_state_arrive_and_configuration_and_commands_are_printed() {
    let (twin, key) = registry("google-all").await;
    twin.configure("d", "v1");
    let way = reach("google-all", twin.authority(), twin.listen(8883, "127.0.0.1:0").await.unwrap());
    let mut watching = google("watch", &key).args(["-C", "3", "-v"]).args(&way).start().await;
    assert_eq!(watching.prints().await.trim_end(), r#"{"event":"configuration","payload":"v1"}"#);
    twin.configure("d", "v2");
    assert_eq!(watching.prints().await.trim_end(), r#"{"event":"configuration","payload":"v2"}"#);
    twin.command("d", "reboot");
    assert_eq!(watching.prints().await.trim_end(), r#"{"event":"command","folder":"","payload":"reboot"}"#);
    watching.end().await.assert_success();

    google("publish", &key).args(["--folder", "alerts", "hot"]).args(&way).run().await.assert_success();
    google("report", &key).args(["on"]).args(&way).run().await.assert_success();
    let received = twin.server().received();
    let topics: Vec<_> = received.iter().map(|received| received.message.topic()).collect();
    assert_eq!(topics, ["/devices/d/events/alerts", "/devices/d/state"]);
    twin.server().assert_no_breaches();
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let (twin, key) = registry("google-wrong").await;
    let way = reach("google-wrong", twin.authority(), twin.listen(8883, "127.0.0.1:0").await.unwrap());
    let no_key = file("google-no-key.pem", "hello\n");
    let ended = google("publish", &no_key).args(["x"]).args(&way).run().await;
    assert_eq!(ended.code, Some(3));
    assert_eq!(ended.stderr[0], "error: --private-key: there is no private key in this PEM");

    let other = file("google-other.pem", &rcgen::KeyPair::generate().unwrap().serialize_pem());
    let ended = google("publish", &other).args(["x"]).args(&way).run().await;
    assert_eq!(ended.code, Some(30), "{ended:?}");

    let ended = google("publish", &key).args(["--valid-for", "90000", "x"]).args(&way).run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr[0].contains("86400"), "{ended:?}");
    assert_eq!(twin.server().received_total(), 0);
}
