use dunlin_cloud::{
    aws::{JobExecution, Shadow, ShadowAnswer},
    azure::{
        ConnectionString, DesiredChanged, DeviceSecret, Identity, Method, PropertyText, RegistrationAnswer, Twin,
        TwinAnswer,
    },
};
use serde_json::Value;

/// The bytes are a topic, a line break and a payload, as a service sends them; or a connection string.
///
/// What is read of JSON is what another reader finds there. A topic that is read is written the same again, texts are
/// unescaped into the room they take escaped, and a key is not shown.
pub fn cloud(data: &[u8]) {
    let Ok(text) = std::str::from_utf8(data) else { return };
    connection_string(text);
    let (topic, payload) = text.split_once('\n').unwrap_or((text, ""));
    topics(topic);
    documents(topic, payload);
}

fn connection_string(text: &str) {
    let Ok(device) = ConnectionString::parse(text) else { return };
    assert!(!device.identity.client_id().to_string().is_empty());
    if let DeviceSecret::Key(key) = &device.secret {
        let mut key = key.clone();
        let token = device.identity.token().write(&mut [0; 4_096], &mut key, u64::MAX).map(str::to_owned);
        assert!(token.is_ok_and(|token| token.starts_with("SharedAccessSignature sr=")));
        let shown = format!("{:?}", device.secret);
        assert_eq!(shown, format!("Key(SymmetricKey({} bytes))", key.as_bytes().len()));
    }
}

fn topics(topic: &str) {
    if let Some((shadow, what)) = Shadow::of_topic(topic) {
        assert_eq!(shadow.topic(what).to_string(), topic);
    }
    if let Some(method) = Method::of_topic(topic) {
        unescaped(method.name);
        assert!(method.answer(i32::MIN).to_string().ends_with(&format!("/-2147483648/?$rid={}", method.request)));
    }
    let Ok(device) = Identity::device("hub", "d") else { return };
    for (name, value) in device.read_message(topic).into_iter().flatten() {
        unescaped(name);
        value.into_iter().for_each(unescaped);
    }
    let _ = (TwinAnswer::of_topic(topic), DesiredChanged::of_topic(topic));
}

fn unescaped(text: PropertyText<'_>) {
    let mut room = vec![0; text.escaped().len()];
    match text.write(&mut room) {
        Ok(Some(plain)) => assert!(text.is(plain), "{plain:?} of {:?}", text.escaped()),
        Ok(None) => {}
        Err(error) => panic!("{error} for {:?}", text.escaped()),
    }
}

fn documents(topic: &str, payload: &str) {
    let _ = RegistrationAnswer::read(topic, payload);
    let (answer, desired) = (ShadowAnswer::read(payload), Twin::desired_version(payload));
    let execution = JobExecution::read(payload);
    // A name that comes twice, or with an escape in it, is read in another way.
    let Ok(Value::Object(all)) = serde_json::from_str(payload) else { return };
    let all = Value::Object(all);
    if payload.contains('\\') || payload.matches('"').count() != quotation_marks(&all) {
        return;
    }
    let number = |of: Option<&Value>| of.and_then(Value::as_u64);
    assert_eq!(answer.version, number(all.get("version")), "{payload}");
    assert_eq!(answer.code, number(all.get("code")).and_then(|code| u16::try_from(code).ok()), "{payload}");
    assert_eq!(answer.client_token, all.get("clientToken").and_then(Value::as_str), "{payload}");
    let parsed = answer.state.map(|state| serde_json::from_str::<Value>(state).ok());
    assert_eq!(parsed, all.get("state").map(|state| Some(state.clone())), "{payload}");
    if let Some(of) = all.get("desired").filter(|desired| desired.is_object()) {
        assert_eq!(desired, number(of.get("$version")), "{payload}");
    }
    if let Some(execution) = execution {
        assert_eq!(Some(execution.job_id), all["execution"]["jobId"].as_str(), "{payload}");
        assert_eq!(Some(execution.status), all["execution"]["status"].as_str(), "{payload}");
    }
}

/// Without escapes: there are more in the text if a name comes twice.
fn quotation_marks(value: &Value) -> usize {
    match value {
        Value::Object(members) => 2 * members.len() + members.values().map(quotation_marks).sum::<usize>(),
        Value::Array(values) => values.iter().map(quotation_marks).sum(),
        Value::String(_) => 2,
        _ => 0,
    }
}
