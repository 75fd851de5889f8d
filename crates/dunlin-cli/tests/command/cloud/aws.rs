use dunlin_cloud_twins::{AccessKey, AwsTwin};

use super::{file, path, reach, shows};
use crate::program::{Dunlin, dunlin};

const HOST: &str = "a1b2-ats.iot.eu-west-1.amazonaws.com";

async fn service() -> AwsTwin {
    AwsTwin::start(HOST).await.unwrap()
}

fn aws(what: &str) -> Dunlin {
    dunlin(["cloud", "aws", what]).env("DUNLIN_AWS_ENDPOINT", HOST)
}

fn with_keys(command: Dunlin) -> Dunlin {
    command.env("AWS_ACCESS_KEY_ID", "AKID").env("AWS_SECRET_ACCESS_KEY", "the secret")
}

#[tokio::test]
async fn a_signed_url_is_all_that_is_printed() {
    let ended = with_keys(aws("url")).run().await.assert_success();
    let url = ended.text().strip_suffix('\n').unwrap();
    let start =
        "wss://a1b2-ats.iot.eu-west-1.amazonaws.com/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential=AKID%2F";
    assert!(url.starts_with(start) && url.contains("&X-Amz-Signature=") && !url.contains("secret"), "{url}");

    let profiles = file("aws-credentials", "[pump]\naws_access_key_id = OTHER\naws_secret_access_key = s\n");
    let by_profile = || with_keys(aws("url")).env("AWS_SHARED_CREDENTIALS_FILE", &profiles);
    let ended = by_profile().args(["--profile", "pump"]).run().await.assert_success();
    assert!(ended.text().contains("X-Amz-Credential=OTHER%2F"), "{ended:?}");
    let ended = by_profile().args(["--profile", "none"]).run().await;
    assert_eq!(ended.code, Some(3), "{ended:?}");
    assert_eq!(ended.stderr[0], "error: the file of AWS credentials has no such profile");
}

#[tokio::test]
async fn settings_tell_what_each_way_needs() {
    let settings = |by: &'static str| with_keys(aws("settings")).args(["--thing", "pump-3", "--by", by]);
    for (by, lines) in [
        ("certificate", &["port       8883\n", "proof      the client certificate\n"][..]),
        ("certificate443", &["port       443\n", "ALPN       x-amzn-mqtt-ca\n"]),
        ("sigv4", &["path       /mqtt\n", "URL        signed now, good until "]),
        ("authorizer", &["ALPN       mqtt\n", "user name  ?x-amz-customauthorizer-name=gate\n"]),
    ] {
        let ended = settings(by).args(["--authorizer", "gate"]).run().await.assert_success();
        let common = ["host       a1b2-ats.iot.eu-west-1.amazonaws.com\n", "client id  pump-3\n"];
        for line in common.iter().chain(lines) {
            assert!(ended.text().contains(line), "{by}: {line}{}", ended.text());
        }
    }
    let ended = settings("sigv4").args(["--json", "--secrets"]).run().await.assert_success();
    assert!(ended.text().contains(r#""url":"wss://a1b2-ats.iot.eu-west-1.amazonaws.com/mqtt?"#), "{ended:?}");
}

#[tokio::test]
async fn telemetry_arrives_by_each_way_in() {
    let service = service().await;
    service.add_access_key(AccessKey::new("AKID", "the secret"));
    service.authorize(|shown| shown.user == "pump" && shown.authorizer == Some("gate") && shown.password == b"open");
    let shown = shows("aws-pump", &service.authority().client("pump-3").unwrap());
    let password = file("aws-password", "open\n");
    let authorizer = ["--user", "pump", "--authorizer", "gate", "--password-file", &password].map(str::to_owned);
    let ways: [(&str, u16, &[String]); 5] = [
        ("certificate", 8883, &shown),
        ("certificate443", 443, &shown),
        ("sigv4", 443, &[]),
        ("authorizer", 443, &authorizer),
        ("authorizer-websocket", 443, &authorizer),
    ];
    for (by, port, proof) in ways {
        let way = reach("aws-publish", service.authority(), service.listen(port, "127.0.0.1:0").await.unwrap());
        let publish = with_keys(aws("publish")).args(["--thing", "pump-3", "--by", by, "plant/3", by]);
        publish.args(proof).args(&way).run().await.assert_success();
    }
    let received = service.server().received();
    let payloads: Vec<_> = received.iter().map(|received| received.message.text()).collect();
    assert_eq!(payloads, ways.map(|(by, ..)| by.to_owned()));
}

#[tokio::test]
async fn a_rule_is_reached_directly_and_what_is_never_answered_is_refused() {
    let service = service().await;
    let way = reach("aws-rule", service.authority(), service.listen(8883, "127.0.0.1:0").await.unwrap());
    let shown = shows("aws-rule", &service.authority().client("pump-3").unwrap());
    let publish = |order: &[&str]| aws("publish").args(["--thing", "pump-3"]).args(order).args(&shown).args(&way);

    publish(&["--rule", "store", "plant/3", "x"]).run().await.assert_success();
    assert_eq!(service.server().received()[0].message.topic(), "$aws/rules/store/plant/3");
    let ended = publish(&["-q", "2", "plant/3", "x"]).run().await;
    assert_eq!(ended.code, Some(40));
    assert!(ended.stderr[0].starts_with("error: AWS IoT Core does not take QoS 2"), "{ended:?}");
    assert_eq!(service.server().received_total(), 1);
}

/// It takes a hundred in a second, and answers none that is above.
#[tokio::test]
async fn many_lines_go_out_as_fast_as_the_service_takes_them() {
    let service = service().await;
    let way = reach("aws-pace", service.authority(), service.listen(8883, "127.0.0.1:0").await.unwrap());
    let shown = shows("aws-pace", &service.authority().client("pump-3").unwrap());
    let lines: String = (0..250).map(|number| format!("{number}\n")).collect();
    let publish = aws("publish").args(["--thing", "pump-3", "plant/3", "--lines"]).args(&shown).args(&way);
    publish.stdin(lines).run().await.assert_success();
    assert_eq!((service.server().received_total(), service.throttled()), (250, 0));
}

#[tokio::test]
async fn a_shadow_is_watched_and_read_again_after_a_reconnect() {
    let service = service().await;
    let way = reach("aws-watch", service.authority(), service.listen(8883, "127.0.0.1:0").await.unwrap());
    let shown = shows("aws-watch", &service.authority().client("pump-3").unwrap());
    let at_shadow = |what: &str| aws(what).args(["--thing", "pump-3", "--shadow", "fan"]).args(&shown).args(&way);
    let mut watching = at_shadow("watch").args(["-C", "3", "-v"]).start().await;
    assert_eq!(watching.prints().await, "{\"event\":\"shadow\",\"state\":null}\n");

    let report = at_shadow("report").args(["-i", "reporter", r#"{"fan": "off"}"#]).run().await.assert_success();
    assert_eq!(report.text(), "{\"version\":1}\n");
    // The cloud desires something else.
    let desire =
        ["--thing", "cloud", "$aws/things/pump-3/shadow/name/fan/update", r#"{"state":{"desired":{"fan":"on"}}}"#];
    aws("publish").args(desire).args(&shown).args(&way).run().await.assert_success();
    let difference = "{\"event\":\"delta\",\"version\":2,\"state\":{\"fan\":\"on\"}}\n";
    assert_eq!(watching.prints().await, difference);

    service.server().cut("pump-3");
    watching.says("connected again").await;
    let again = watching.prints().await;
    assert!(
        again.starts_with("{\"event\":\"shadow\",\"version\":2,\"state\":{") && again.contains("\"delta\""),
        "{again}"
    );
    watching.end().await.assert_success();
}

#[tokio::test]
async fn a_device_becomes_a_thing_and_no_file_is_overwritten() {
    let service = service().await;
    service.add_template("pumps");
    let way = reach("aws-provision", service.authority(), service.listen(8883, "127.0.0.1:0").await.unwrap());
    let claim = shows("aws-claim", &service.authority().client("claim").unwrap());
    let (certificate, key) = (path("aws-new.crt"), path("aws-new.key"));
    let _ = (std::fs::remove_file(&certificate), std::fs::remove_file(&key));
    let provision = |template: &str| {
        let files = ["--certificate-out", &certificate, "--key-out", &key];
        let order = ["--template", template, "--parameter", "SerialNumber=pump-3"];
        aws("provision").args(order).args(files).args(&claim).args(&way)
    };
    let ended = provision("fans").run().await;
    let (error, hint) = ended.assert_error(40);
    assert!(error.contains("ResourceNotFound: There is no such template") && hint.contains("names"), "{error}");
    assert!(!std::path::Path::new(&key).exists(), "a file for nothing");

    let ended = provision("pumps").args(["--json"]).run().await.assert_success();
    assert!(ended.text().starts_with(r#"{"thing":"pump-3","certificate_id":"#), "{ended:?}");
    assert!(ended.text().ends_with("\"configuration\":{}}\n"), "{ended:?}");
    #[cfg(unix)]
    assert_eq!(std::os::unix::fs::MetadataExt::mode(&std::fs::metadata(&key).unwrap()) & 0o777, 0o600);

    // With what it was given it is let in.
    let new = ["--thing", "pump-3", "--cert", &certificate, "--key", &key, "plant/3", "hello"];
    aws("publish").args(new).args(&way).run().await.assert_success();

    let ended = provision("pumps").run().await;
    let (error, hint) = ended.assert_error(3);
    assert!(error.contains("aws-new.crt") && hint.contains("not there yet"), "{error}\n{hint}");
}

#[tokio::test]
async fn what_is_wrong_is_told_apart() {
    let ended = dunlin(["cloud", "aws", "url"]).run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("endpoint") && hint.contains("DUNLIN_AWS_ENDPOINT"), "{error}\n{hint}");

    let ended = aws("publish").args(["--thing", "pump-3", "t", "m"]).run().await;
    let (error, hint) = ended.assert_error(2);
    assert!(error.contains("proves itself") && hint.contains("--by"), "{error}\n{hint}");

    let old = "a1b2.iot.eu-west-1.amazonaws.com";
    let ended = with_keys(aws("url")).args(["--endpoint", old]).run().await;
    assert_eq!(ended.code, Some(3));
    assert!(ended.stderr[0].contains("'-ats'"), "{ended:?}");

    let service = service().await;
    let way = reach("aws-wrong", service.authority(), service.listen(443, "127.0.0.1:0").await.unwrap());
    let ended = with_keys(aws("publish")).args(["--thing", "x", "--by", "sigv4", "t", "m"]).args(&way).run().await;
    assert_eq!(ended.code, Some(30), "{ended:?}");

    // Nobody is there.
    let nobody = ["--connect-to", "127.0.0.1:1"];
    let ended = with_keys(aws("publish")).args(["--thing", "x", "--by", "sigv4", "t", "m"]).args(nobody).run().await;
    assert_eq!(ended.code, Some(11), "{ended:?}");
}
