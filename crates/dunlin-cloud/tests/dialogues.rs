//! What the services say is read, and what is said to them is what they expect.

use dunlin_cloud::{
    HmacSha256, NameError, NoRoom, SignError, SymmetricKey,
    aws::{
        BasicIngest, Exchange, JobExecution, JobTopic, Jobs, Metrics, PayloadFormat, Presence, Shadow, ShadowAnswer,
        ShadowUpdate, ThingName,
    },
    azure::{DesiredChanged, Identity, Method, Properties, Registration, RegistrationAnswer, Twin, TwinAnswer},
    google::{Algorithm, Claims, Device, GatewayRequest, JwtSigner, SignatureBuffer},
};

#[test]
fn a_shadow_is_updated_with_token_and_version() {
    let update = ShadowUpdate {
        reported: Some(r#"{"temp":21.5}"#),
        client_token: Some("t-\"1\""),
        version: Some(7),
        ..ShadowUpdate::default()
    };
    let expected = r#"{"state":{"reported":{"temp":21.5}},"clientToken":"t-\"1\"","version":7}"#;
    assert_eq!(update.write(&mut [0; 128]), Ok(expected));
    assert_eq!(update.write(&mut [0; 16]), Err(NoRoom { needed: expected.len() }));
    let both = ShadowUpdate { desired: Some("null"), reported: Some("{}"), ..ShadowUpdate::default() };
    assert_eq!(both.write(&mut [0; 64]), Ok(r#"{"state":{"desired":null,"reported":{}}}"#));

    let deep = format!("{}1{}", "{\"a\":".repeat(9), "}".repeat(9));
    assert!(ShadowUpdate { desired: Some(&deep), ..update }.is_too_deep());
    assert!(!update.is_too_deep());
}

#[test]
fn answers_of_a_shadow_are_told_apart_by_their_token() {
    let accepted = r#"{"state":{"reported":{"clientToken":"no"}},"version":8,"timestamp":1,"clientToken":"t-1"}"#;
    let answer = ShadowAnswer::read(accepted);
    assert_eq!((answer.version, answer.client_token, answer.code), (Some(8), Some("t-1"), None));
    assert_eq!(answer.state, Some(r#"{"reported":{"clientToken":"no"}}"#));
    let rejected = ShadowAnswer::read(r#"{"code":409,"message":"Version conflict","clientToken":"t-1"}"#);
    assert_eq!((rejected.version, rejected.client_token, rejected.code), (None, Some("t-1"), Some(409)));
    assert_eq!(ShadowAnswer::read("no JSON").code, None);
}

#[test]
fn topics_of_others_are_no_shadows() {
    for topic in [
        "a",
        "$aws/things/t",
        "$aws/things/t/shadow",
        "$aws/things/t/shadow/",
        "$aws/things/t/shadow/name/n",
        "$aws/things/t/shadow/name/n/other",
        "$aws/things/t/jobs/get",
    ] {
        assert_eq!(Shadow::of_topic(topic), None, "{topic}");
    }
}

#[test]
fn names_are_checked_before_they_are_in_a_topic() {
    assert_eq!(ThingName::new(""), Err(NameError::Empty));
    assert_eq!(ThingName::new("a/b"), Err(NameError::Character('/')));
    assert_eq!(ThingName::new(&"x".repeat(129)), Err(NameError::TooLong { bytes: 129, most: 128 }));
    let thing = ThingName::new("t").unwrap();
    assert_eq!(Shadow::named(thing, "a.b"), Err(NameError::Character('.')));
    assert_eq!(Jobs::new(thing).topic(JobTopic::Update("a/+")).unwrap_err(), NameError::Character('/'));
    assert_eq!(BasicIngest::new("a-b"), Err(NameError::Character('-')));
    assert!(Identity::device("h", "a/b").is_err() && Identity::device("h", "a#").is_err());
    assert!(Identity::device("mqtts://h", "d").is_err() && Identity::module("h", "d", "").is_err());
    assert!(Registration::new("0ne", "a/b").is_err() && Device::new("p", "l", "r", "d/e").is_err());
}

#[test]
fn what_else_a_thing_has() {
    let thing = ThingName::new("t").unwrap();
    assert_eq!(
        thing.defender(PayloadFormat::Cbor, Exchange::Accepted).to_string(),
        "$aws/things/t/defender/metrics/cbor/accepted"
    );
    assert_eq!(thing.tunnels().to_string(), "$aws/things/t/tunnels/notify");
    assert_eq!(Presence::Disconnected.topic("c").to_string(), "$aws/events/presence/disconnected/c");
    assert_eq!(BasicIngest::new("store_it").unwrap().topic("plant/7").to_string(), "$aws/rules/store_it/plant/7");
    assert_eq!(
        Jobs::new(thing).answer(JobTopic::Update("$next"), false).unwrap().to_string(),
        "$aws/things/t/jobs/$next/update/rejected"
    );
    let metrics = Metrics { user: "u", sdk: "my sdk", version: "1.0", platform: "x/y" }.to_string();
    assert_eq!(
        metrics,
        format!("u?SDK=my%20sdk&Version=1.0&Platform=x%2Fy&MQTTLib=dunlin@{}", env!("CARGO_PKG_VERSION"))
    );
}

#[test]
fn a_job_is_read_and_its_document_not_shown() {
    let told = r#"{"timestamp":1,"execution":{"jobId":"j-1","status":"QUEUED","versionNumber":2,
        "jobDocument":{"url":"https://secret"}}}"#;
    let job = JobExecution::read(told).unwrap();
    assert_eq!((job.job_id, job.status, job.version_number), ("j-1", "QUEUED", Some(2)));
    assert_eq!(job.document, Some(r#"{"url":"https://secret"}"#));
    assert!(!format!("{job:?}").contains("secret"));
    assert_eq!(JobExecution::read(r#"{"timestamp":1}"#), None);
    assert_eq!(JobExecution::read(r#"{"execution":{}}"#), None);
}

#[test]
fn answers_of_a_twin_carry_the_number_of_the_request() {
    let reported = TwinAnswer::of_topic("$iothub/twin/res/204/?$rid=3&$version=7");
    assert_eq!(reported, Some(TwinAnswer { status: 204, request: 3, version: Some(7) }));
    for topic in ["$iothub/twin/res/", "$iothub/twin/res/x/?$rid=1", "$iothub/twin/res/200/?$version=1", "a"] {
        assert_eq!(TwinAnswer::of_topic(topic), None, "{topic}");
    }
    let changed = DesiredChanged::of_topic("$iothub/twin/PATCH/properties/desired/?$version=9");
    assert_eq!(changed, Some(DesiredChanged { version: Some(9) }));
    assert_eq!(DesiredChanged::of_topic("$iothub/twin/res/200/?$rid=1"), None);
    assert_eq!(Twin::desired_version(r#"{"desired":{"$version":4},"reported":{"$version":1}}"#), Some(4));
    assert_eq!(Twin::desired_version(r#"{"interval":5,"$version":5}"#), Some(5));
}

#[test]
fn a_method_is_answered_under_its_own_number() {
    let method = Method::of_topic("$iothub/methods/POST/reboot%20now/?$rid=a1").unwrap();
    assert!(method.name.is("reboot now"));
    assert_eq!(method.answer(200).to_string(), "$iothub/methods/res/200/?$rid=a1");
    assert_eq!(method.answer(i32::MIN).to_string(), "$iothub/methods/res/-2147483648/?$rid=a1");
    assert_eq!(Method::of_topic("$iothub/methods/POST/reboot"), None);
}

#[test]
fn messages_from_the_cloud_are_told_apart_from_those_of_others() {
    let device = Identity::device("h", "d").unwrap();
    let mut properties = device.read_message("devices/d/messages/devicebound/&a=1&&b&a=2").unwrap();
    assert!(properties.clone().value("a").flatten().is_some_and(|value| value.is("1")));
    assert_eq!(properties.clone().value("b"), Some(None));
    assert_eq!(properties.clone().value("c"), None);
    assert_eq!(properties.by_ref().count(), 3);
    assert_eq!(device.read_message("devices/d/messages/devicebound").unwrap().count(), 0);
    assert!(device.read_message("devices/dd/messages/devicebound/").is_none());
    assert!(device.read_message("devices/d/messages/devicebounded").is_none());
    let module = Identity::module("h", "d", "m").unwrap();
    let input = module.read_message("devices/d/modules/m/inputs/in1/x=y").unwrap();
    assert!(input.value("x").flatten().is_some_and(|value| value.is("y")));
    assert_eq!(module.read_message("devices/d/modules/m/inputs/in1").unwrap().count(), 0);
    assert!(device.read_message("devices/d/modules/m/inputs/in1/x=y").is_none());
}

#[test]
fn a_body_of_json_says_so_that_the_hub_can_route_by_it() {
    let device = Identity::device("h", "d").unwrap();
    assert_eq!(
        device.telemetry(Properties::JSON).to_string(),
        "devices/d/messages/events/%24.ct=application%2Fjson%3Bcharset%3Dutf-8&%24.ce=utf-8"
    );
}

#[test]
fn a_registration_waits_as_long_as_it_is_told_and_ends() {
    let device = Registration::new("0ne00000000", "dev1").unwrap();
    assert_eq!(device.client_id(), "dev1");
    assert_eq!(device.user_name().to_string(), "0ne00000000/registrations/dev1/api-version=2019-03-31");
    assert_eq!(device.write_payload(&mut [0; 64], None), Ok(r#"{"registrationId":"dev1"}"#));
    let custom = device.write_payload(&mut [0; 64], Some(r#"{"a":1}"#)).map(str::to_owned);
    assert_eq!(custom.as_deref(), Ok(r#"{"registrationId":"dev1","payload":{"a":1}}"#));

    let answer = |status, payload| {
        RegistrationAnswer::read(
            &format!("$dps/registrations/res/{status}/?$rid=1{}", if status == 202 { "&retry-after=5" } else { "" }),
            payload,
        )
    };
    let assigning = r#"{"operationId":"5.x","status":"assigning"}"#;
    assert_eq!(answer(202, assigning), Some(RegistrationAnswer::Wait { request: 1, operation: "5.x", retry_after: 5 }));
    assert_eq!(answer(200, assigning), Some(RegistrationAnswer::Wait { request: 1, operation: "5.x", retry_after: 3 }));
    let assigned = r#"{"operationId":"5.x","status":"assigned","registrationState":
        {"registrationId":"dev1","assignedHub":"h.azure-devices.net","deviceId":"d","status":"assigned"}}"#;
    let expected = RegistrationAnswer::Assigned { request: 1, hub: "h.azure-devices.net", device: "d" };
    assert_eq!(answer(200, assigned), Some(expected));
    let failed = |status, text| Some(RegistrationAnswer::Failed { request: 1, status, retry_after: None, text });
    assert_eq!(answer(401, r#"{"errorCode":401002,"message":"Unauthorized"}"#), failed(401, "Unauthorized"));
    let disabled = r#"{"operationId":"5.x","status":"disabled","registrationState":{}}"#;
    assert_eq!(answer(200, disabled), failed(200, "disabled"));
    assert_eq!(answer(500, ""), failed(500, ""));
    assert_eq!(RegistrationAnswer::read("a", assigned), None);
}

#[test]
fn a_device_of_google_and_the_ones_behind_it() {
    let device = Device::new("p", "europe-west1", "r", "d").unwrap();
    let client_id = device.client_id().to_string();
    assert_eq!(client_id, "projects/p/locations/europe-west1/registries/r/devices/d");
    for (topic, expected) in [
        (device.events(None), "/devices/d/events"),
        (device.events(Some("alerts")), "/devices/d/events/alerts"),
        (device.state(), "/devices/d/state"),
        (device.configuration(), "/devices/d/config"),
        (device.commands(), "/devices/d/commands/#"),
        (device.errors(), "/devices/d/errors"),
        (device.gateway(GatewayRequest::Attach), "/devices/d/attach"),
        (device.gateway(GatewayRequest::Detach), "/devices/d/detach"),
    ] {
        assert_eq!(topic.to_string(), expected);
    }
}

/// A key that must not be asked.
struct NotAsked;

impl HmacSha256 for NotAsked {
    type Error = &'static str;

    fn authenticate(&mut self, _: &[&[u8]]) -> Result<[u8; 32], Self::Error> {
        Err("asked")
    }
}

impl JwtSigner for NotAsked {
    type Error = &'static str;

    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, _: &[u8], _: &mut SignatureBuffer) -> Result<usize, Self::Error> {
        Err("asked")
    }
}

#[test]
fn a_key_is_not_asked_for_a_token_that_does_not_fit_and_it_is_told_what_would() {
    let device = Identity::device("myhub.azure-devices.net", "dev1").unwrap();
    let Err(SignError::NoRoom(NoRoom { needed })) = device.token().write(&mut [0; 10], &mut NotAsked, u64::MAX) else {
        panic!("not refused");
    };
    let mut key = SymmetricKey::new(b"k").unwrap();
    assert!(device.token().write(&mut vec![0; needed], &mut key, u64::MAX).is_ok());
    let asked = device.token().write(&mut vec![0; needed], &mut NotAsked, 1).unwrap_err();
    assert_eq!(asked.to_string(), "the token was not signed: asked");

    let claims = Claims { audience: "p", issued_at: 1, expires_at: 2 };
    let refused = claims.write(&mut [0; 10], &mut NotAsked).unwrap_err();
    let message = "eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9.eyJpYXQiOjEsImV4cCI6MiwiYXVkIjoicCJ9";
    assert_eq!(refused, SignError::NoRoom(NoRoom { needed: message.len() + 87 }));
    assert_eq!(claims.write(&mut [0; 200], &mut NotAsked), Err(SignError::Signer("asked")));
}
