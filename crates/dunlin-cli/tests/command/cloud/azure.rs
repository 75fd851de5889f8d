use dunlin_cloud::SymmetricKey;
use dunlin_cloud::azure::Registration;
use dunlin_cloud_twins::{AzureTwin, ProvisioningTwin};

use super::{file, reach, shows};
use crate::program::{Dunlin, dunlin};

const HUB: &str = "myhub.azure-devices.net";
/// Of "the device's own key".
const KEY: &str = "dGhlIGRldmljZSdzIG93biBrZXk=";
const STRING: &str = "HostName=myhub.azure-devices.net;DeviceId=dev1;SharedAccessKey=dGhlIGRldmljZSdzIG93biBrZXk=";

async fn hub() -> AzureTwin {
    AzureTwin::start(HUB, SymmetricKey::new(b"the device's own key").unwrap()).await.unwrap()
}

fn azure(what: &str) -> Dunlin {
    dunlin(["cloud", "azure", what]).env("IOTHUB_DEVICE_CONNECTION_STRING", STRING)
}

#[tokio::test]
async fn a_token_is_all_that_is_printed() {
    let ended = azure("token").run().await.assert_success();
    let token = ended.text().strip_suffix('\n').unwrap();
    assert!(token.starts_with("SharedAccessSignature sr=myhub.azure-devices.net%2Fdevices%2Fdev1&sig="), "{token}");
    assert!(token.lines().count() == 1 && ended.stderr.is_empty(), "{ended:?}");

    // The same by names and a file.
    let key = file("device.key", &format!("{KEY}\n"));
    let names = ["--hub", HUB, "--device", "dev1", "--module", "m", "--device-key-file", &key];
    let ended = dunlin(["cloud", "azure", "token"]).args(names).run().await.assert_success();
    assert!(ended.text().contains("sr=myhub.azure-devices.net%2Fdevices%2Fdev1%2Fmodules%2Fm&"), "{ended:?}");
}

#[tokio::test]
async fn settings_are_told_and_secrets_on_demand_alone() {
    let ended = azure("settings").run().await.assert_success();
    for line in [
        "host       myhub.azure-devices.net\n",
        "port       8883\n",
        "MQTT       3.1.1\n",
        "client id  dev1\n",
        "user name  myhub.azure-devices.net/dev1/?api-version=2021-04-12\n",
        "password   a token, good until ",
    ] {
        assert!(ended.text().contains(line), "{line}{}", ended.text());
    }
    assert!(!ended.text().contains("sig="));

    let ended = azure("settings").args(["--json", "--secrets", "--websocket"]).run().await.assert_success();
    let text = ended.text();
    let start = r#"{"service":"Azure IoT Hub","host":"myhub.azure-devices.net","port":443,"transport":"wss","path":"/$iothub/websocket?iothub-no-client-cert=true","mqtt":"3.1.1","client_id":"dev1","#;
    assert!(text.starts_with(start) && text.contains(r#""password":"SharedAccessSignature sr="#), "{text}");
    assert!(text.contains(r#""limits":{"qos":1,"retain":false,"payload_bytes":262144,"#), "{text}");
    assert_eq!(text.lines().count(), 1);
}

#[tokio::test]
async fn telemetry_arrives_with_its_properties_over_both_transports() {
    let hub = hub().await;
    for (port, websocket) in [(8883, &[][..]), (443, &["--websocket"][..])] {
        let way = reach("azure-publish", hub.authority(), hub.listen(port, "127.0.0.1:0").await.unwrap());
        let order = ["--as-json", "--property", "unit=°C", "--json", "{\"temp\":21.5}"];
        let ended = azure("publish").args(order).args(websocket).args(&way).run().await.assert_success();
        let outcome = r#""number":1,"bytes":13,"qos":1,"retain":false,"outcome":"delivered""#;
        assert!(ended.text().contains(outcome), "{ended:?}");
    }
    let received = hub.server().received();
    assert_eq!(received.len(), 2);
    let topic = "devices/dev1/messages/events/%24.ct=application%2Fjson%3Bcharset%3Dutf-8&%24.ce=utf-8&unit=%C2%B0C";
    assert_eq!((received[0].message.topic(), received[0].message.text().as_str()), (topic, "{\"temp\":21.5}"));
}

#[tokio::test]
async fn lines_are_published_one_by_one_and_what_the_hub_would_punish_is_refused() {
    let hub = hub().await;
    let way = reach("azure-lines", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    azure("publish").args(["--lines"]).args(&way).stdin("1\n2\n3\n").run().await.assert_success();
    assert_eq!(hub.server().received_total(), 3);
    let ended = azure("publish").args(["-q", "2", "x"]).args(&way).run().await;
    assert_eq!(ended.code, Some(40));
    assert_eq!(ended.stderr[0], "error: Azure IoT Hub does not take QoS 2: use at most QoS 1");
    assert_eq!(hub.server().received_total(), 3);
}

/// What is piped in can be read once.
#[cfg(unix)]
#[tokio::test]
async fn a_connection_string_may_come_from_a_pipe() {
    let hub = hub().await;
    let way = reach("azure-pipe", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    for (what, order) in [("publish", &["x"][..]), ("report", &["{}"]), ("watch", &["-C", "1"]), ("settings", &[])] {
        let command = dunlin(["cloud", "azure", what, "--connection-string-file", "/dev/stdin"]).args(order);
        let command = if what == "settings" { command } else { command.args(&way) };
        command.stdin(STRING).run().await.assert_success();
    }
    assert_eq!(hub.server().received()[0].message.text(), "x");
}

#[tokio::test]
async fn a_device_with_a_certificate_needs_no_key() {
    let hub = hub().await;
    hub.add_certificate("dev2");
    let way = reach("azure-certificate", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    let device = shows("azure-dev2", &hub.authority().client("dev2").unwrap());
    let names = ["--hub", HUB, "--device", "dev2"];
    let publish = dunlin(["cloud", "azure", "publish", "x"]).args(names).args(&device).args(&way);
    publish.run().await.assert_success();
    assert_eq!(hub.server().received_total(), 1);

    let ended = dunlin(["cloud", "azure", "token"]).args(names).run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("certificate") && hint.contains("--device-key-file"), "{error}\n{hint}");
}

#[tokio::test]
async fn a_twin_is_watched_and_read_again_after_a_reconnect() {
    let hub = hub().await;
    let way = reach("azure-watch", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    let mut watching = azure("watch").args(["-C", "4", "-v"]).args(&way).start().await;
    let first = r#"{"event":"twin","twin":{"desired":{"$version":1},"reported":{"$version":1}}}"#;
    assert_eq!(watching.prints().await.trim_end(), first);
    hub.desire("dev1", r#"{"fan": "on"}"#);
    let change = r#"{"event":"desired","version":2,"desired":{"$version":2,"fan":"on"}}"#;
    assert_eq!(watching.prints().await.trim_end(), change);

    hub.server().cut("dev1");
    watching.says("connected again").await;
    let again = r#"{"event":"twin","twin":{"desired":{"$version":2,"fan":"on"},"reported":{"$version":1}}}"#;
    assert_eq!(watching.prints().await.trim_end(), again);

    let from_cloud = "devices/dev1/messages/devicebound/%24.mid=7&unit=%C2%B0C";
    hub.server().publish(from_cloud, "hello", dunlin::Qos::AtLeastOnce, false).unwrap();
    let message = r#"{"event":"message","properties":[["$.mid","7"],["unit","°C"]],"payload":"hello"}"#;
    assert_eq!(watching.prints().await.trim_end(), message);
    watching.end().await.assert_success();
}

#[tokio::test]
async fn what_is_reported_is_in_the_twin() {
    let hub = hub().await;
    let way = reach("azure-report", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    let ended = azure("report").args([r#"{"fan":"on"}"#]).args(&way).run().await.assert_success();
    assert_eq!(ended.text(), "{\"version\":2}\n");
    assert!(hub.device_twin("dev1").contains(r#""fan":"on""#));
    let ended = azure("report").args(["fan=on"]).args(&way).run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("JSON object") && hint.contains("quote"), "{error}\n{hint}");
}

#[tokio::test]
async fn a_device_is_given_its_hub_by_whatever_proves_it() {
    let service = ProvisioningTwin::start("0ne0000").await.unwrap();
    let key = SymmetricKey::new(b"the device's own key").unwrap();
    service.enrol("pump-1", key.clone(), HUB);
    service.enrol_group(key, "other.azure-devices.net");
    service.enrol_certificate("pump-3", HUB);
    service.answer_after(1, 1);
    assert_eq!(service.host(), Registration::HOST);
    let way = reach("dps", service.authority(), service.listen(8883, "127.0.0.1:0").await.unwrap());
    let key = file("dps.key", KEY);
    let shown = shows("dps-pump-3", &service.authority().client("pump-3").unwrap());
    let provision =
        |id: &str| dunlin(["cloud", "azure", "provision", "--scope", "0ne0000", "--registration-id", id]).args(&way);

    let ended = provision("pump-1").args(["--device-key-file", &key]).run().await.assert_success();
    assert_eq!(ended.text(), "hub     myhub.azure-devices.net\ndevice  pump-1\n");
    let ended = provision("pump-2").args(["--group-key-file", &key, "--json"]).run().await.assert_success();
    assert_eq!(ended.text(), "{\"hub\":\"other.azure-devices.net\",\"device\":\"pump-2\"}\n");
    let ended = provision("pump-3").args(&shown).run().await.assert_success();
    assert_eq!(ended.text(), "hub     myhub.azure-devices.net\ndevice  pump-3\n");

    let ended = provision("pump-4").run().await;
    let (_, hint) = ended.assert_error(2);
    assert!(hint.contains("--group-key-file"), "{hint}");
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let hub = hub().await;
    let way = reach("azure-wrong", hub.authority(), hub.listen(8883, "127.0.0.1:0").await.unwrap());
    let publish = || dunlin(["cloud", "azure", "publish", "x"]).args(&way);

    let ended = publish().run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("which device") && hint.contains("IOTHUB_DEVICE_CONNECTION_STRING"), "{error}\n{hint}");

    let service = "HostName=h;SharedAccessKeyName=iothubowner;SharedAccessKey=c2VjcmV0";
    let ended = publish().env("IOTHUB_DEVICE_CONNECTION_STRING", service).run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert!(ended.stderr[0].contains("that of a service") && !ended.stderr[0].contains("c2VjcmV0"), "{ended:?}");

    let other = STRING.replace(KEY, "b3RoZXI=");
    let ended = publish().env("IOTHUB_DEVICE_CONNECTION_STRING", &other).run().await;
    assert_eq!(ended.code, Some(30), "{ended:?}");

    let ended = publish().args(["--connection-string-file", "/nowhere"]).run().await;
    let (error, _) = ended.assert_error(3);
    assert!(error.contains("the connection string /nowhere"), "{error}");
    assert_eq!(hub.server().received_total(), 0);
}
