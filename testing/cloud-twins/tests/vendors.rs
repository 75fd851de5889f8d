//! The vendors' own device clients work against the twins, so that these are not an opinion of ours alone.
//!
//! `cargo xtask vendors` runs it: it needs a Python with `azure-iot-device` and `awsiotsdk`, named by `DUNLIN_CLOUD_PYTHON`,
//! and a network namespace where ports 443 and 8883 are free and the names of the services lead here.

use std::{path::PathBuf, process::Stdio, time::Duration};

use base64::{Engine, engine::general_purpose::STANDARD as BASE64};
use dunlin_cloud::SymmetricKey;
use dunlin_cloud_twins::{AccessKey, AwsTwin, AzureTwin, ProvisioningTwin};
use dunlin_codec::Qos;
use tokio::{process::Command, time::timeout};

const HUB: &str = "myhub.azure-devices.net";
const SCOPE: &str = "0ne00000000";
const ENDPOINT: &str = "a1-ats.iot.eu-west-1.amazonaws.com";
const KEY: &[u8] = b"the device's own key";

/// Runs a program of the vendor's library, and says what that said if it failed.
async fn run(script: &str, arguments: &[&str]) {
    let python = std::env::var("DUNLIN_CLOUD_PYTHON").expect("DUNLIN_CLOUD_PYTHON names a Python");
    let path = PathBuf::from(env!("CARGO_MANIFEST_DIR")).join("tests/vendors").join(script);
    let mut command = Command::new(python);
    command
        .arg(path)
        .args(arguments)
        .stdin(Stdio::null())
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .kill_on_drop(true);
    let output = timeout(Duration::from_secs(120), command.output()).await.expect("it ends").unwrap();
    assert!(output.status.success(), "{arguments:?}: {}", String::from_utf8_lossy(&output.stderr));
}

/// A folder of this test's own.
fn folder(name: &str) -> PathBuf {
    let folder = std::env::temp_dir().join(format!("dunlin-vendors-{}-{name}", std::process::id()));
    std::fs::create_dir_all(&folder).unwrap();
    folder
}

#[tokio::test]
#[ignore = "needs the vendors' libraries and a network namespace"]
async fn azure_iot_device_registers_sends_reports_and_is_called() {
    let key = || SymmetricKey::new(KEY).unwrap();
    let hub = AzureTwin::start(HUB, key()).await.unwrap();
    let provisioning = ProvisioningTwin::start(SCOPE).await.unwrap();
    provisioning.enrol("dev1", key(), HUB);
    provisioning.answer_after(2, 1);
    for port in [8883, 443] {
        hub.listen(port, ("127.0.0.1", port)).await.unwrap();
        provisioning.listen(port, ("127.0.0.2", port)).await.unwrap();
    }
    let folder = folder("azure");
    let trusted = folder.join("ca.pem");
    let both = [hub.authority().certificate_pem(), provisioning.authority().certificate_pem()].concat();
    std::fs::write(&trusted, both).unwrap();
    let (key, trusted) = (BASE64.encode(KEY), trusted.to_str().unwrap());
    for (round, way) in ["mqtt", "websocket"].into_iter().enumerate() {
        let before = 3 * round as u64;
        let cloud = async {
            hub.server()
                .wait_for(|server| server.received().iter().filter(|one| one.message.text() == "ready").count() > round)
                .await;
            hub.desire("dev1", r#"{"rate":5}"#);
            let answer = hub.call("dev1", "reboot", r#"{"in":5}"#).await.expect("the device answers");
            assert_eq!(answer.0, 200);
            let topic = "devices/dev1/messages/devicebound/k=v%20w";
            hub.server().publish(topic, "hello", Qos::AtLeastOnce, false).unwrap();
        };
        let arguments = [HUB, &key, trusted, SCOPE, way];
        tokio::join!(run("azure_hub.py", &arguments), cloud);
        let telemetry =
            |text: &str| hub.server().received().iter().filter(|one| one.message.text() == text).count() as u64;
        assert!(telemetry("done") == round as u64 + 1 && hub.server().received_total() >= before + 3);
    }
    hub.server().assert_no_breaches();
    std::fs::remove_dir_all(folder).unwrap();
}

#[tokio::test]
#[ignore = "needs the vendors' libraries and a network namespace"]
async fn awsiotsdk_comes_by_certificate_and_by_signature() {
    let twin = AwsTwin::start(ENDPOINT).await.unwrap();
    twin.add_access_key(AccessKey::new("AKID", "secret/+").session_token("to/k+en="));
    twin.add_job("pump-3", "j-1", r#"{"do":"x"}"#);
    for port in [8883, 443] {
        twin.listen(port, ("127.0.0.3", port)).await.unwrap();
    }
    let folder = folder("aws");
    let (certificate, key) = twin.authority().client("pump-3").unwrap().write(&folder, "pump-3").unwrap();
    let trusted = folder.join("ca.pem");
    std::fs::write(&trusted, twin.authority().certificate_pem()).unwrap();
    let text = |path: &PathBuf| path.to_str().unwrap().to_owned();
    for way in ["8883", "443", "websocket"] {
        run("aws_iot.py", &[way, ENDPOINT, &text(&trusted), &text(&certificate), &text(&key)]).await;
    }
    let plain = |one: &dunlin_testkit::Received| one.message.topic() == "plant/3";
    let ways: Vec<_> = twin.server().received().iter().filter(|one| plain(one)).map(|one| one.message.text()).collect();
    assert_eq!(ways, ["8883", "443", "websocket"]);
    assert_eq!(twin.job_status("pump-3", "j-1").as_deref(), Some("SUCCEEDED"));
    twin.server().assert_no_breaches();
    std::fs::remove_dir_all(folder).unwrap();
}
