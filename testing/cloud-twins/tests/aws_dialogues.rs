//! Shadows, jobs, provisioning: what AWS answers on its own topics.

mod reach;

use dunlin::{Client, Drain, Message, Qos, Subscription};
use dunlin_cloud::aws::{
    Certificates, Endpoint, Exchange, JobExecution, JobTopic, Jobs, PayloadFormat, Provisioning, Shadow, ShadowAnswer,
    ShadowTopic, ShadowUpdate, ThingName,
};
use dunlin_cloud_twins::AwsTwin;
use reach::thing_tls;

const HOST: &str = "a1-ats.iot.eu-west-1.amazonaws.com";

async fn connect() -> (AwsTwin, Client) {
    let twin = AwsTwin::start(HOST).await.unwrap();
    let options = Endpoint::new(HOST).unwrap().with_certificate("pump-3", thing_tls(twin.authority())).unwrap();
    let client = Client::connect(options.connector(twin.connector(8883))).await.unwrap();
    (twin, client)
}

fn thing() -> ThingName<'static> {
    ThingName::new("pump-3").unwrap()
}

/// The topic's last words, and the answer.
fn read(message: &Message) -> (ShadowTopic, ShadowAnswer<'_>) {
    (Shadow::of_topic(message.topic()).unwrap().1, ShadowAnswer::read(message.text().unwrap()))
}

async fn next(answers: &mut Subscription) -> Message {
    answers.next().await.unwrap()
}

#[tokio::test(start_paused = true)]
async fn a_shadow_is_updated_told_apart_by_version_and_deleted() {
    let (twin, client) = connect().await;
    for shadow in [Shadow::classic(thing()), Shadow::named(thing(), "cfg").unwrap()] {
        let topic = |what| shadow.topic(what).to_string();
        let ask = async |what, payload: &str| {
            client.publish(&topic(what), payload).qos(Qos::AtLeastOnce).await.unwrap();
        };
        let mut answers = client.subscribe(&topic(ShadowTopic::GetAccepted)).await.unwrap();
        let mut rejected =
            client.subscribe(&topic(ShadowTopic::GetRejected)).and(&topic(ShadowTopic::UpdateRejected)).await.unwrap();
        let mut updates = client
            .subscribe(&topic(ShadowTopic::UpdateAccepted))
            .and(&topic(ShadowTopic::UpdateDelta))
            .and(&topic(ShadowTopic::DeleteAccepted))
            .await
            .unwrap();

        ask(ShadowTopic::Get, r#"{"clientToken":"t0"}"#).await;
        let answer = next(&mut rejected).await;
        assert_eq!((read(&answer).1.code, read(&answer).1.client_token), (Some(404), Some("t0")));

        let mut room = [0; 256];
        let update =
            ShadowUpdate { reported: Some(r#"{"on":true}"#), client_token: Some("t1"), ..ShadowUpdate::default() };
        ask(ShadowTopic::Update, update.write(&mut room).unwrap()).await;
        let answer = next(&mut updates).await;
        assert_eq!(read(&answer).0, ShadowTopic::UpdateAccepted);
        assert_eq!((read(&answer).1.version, read(&answer).1.client_token), (Some(1), Some("t1")));

        twin.update_shadow("pump-3", shadow.name(), r#"{"state":{"desired":{"on":false}}}"#);
        assert_eq!(read(&next(&mut updates).await).0, ShadowTopic::UpdateAccepted);
        let delta = next(&mut updates).await;
        assert_eq!(read(&delta).0, ShadowTopic::UpdateDelta);
        assert_eq!((read(&delta).1.version, read(&delta).1.state), (Some(2), Some(r#"{"on":false}"#)));

        let late = ShadowUpdate { version: Some(1), client_token: Some("t2"), ..update };
        ask(ShadowTopic::Update, late.write(&mut room).unwrap()).await;
        let answer = next(&mut rejected).await;
        assert_eq!((read(&answer).1.code, read(&answer).1.client_token), (Some(409), Some("t2")));

        ask(ShadowTopic::Get, "").await;
        let document = next(&mut answers).await;
        assert_eq!(read(&document).1.version, Some(2));
        assert!(read(&document).1.state.unwrap().contains(r#""delta":{"on":false}"#));

        ask(ShadowTopic::Delete, "").await;
        assert_eq!(read(&next(&mut updates).await).0, ShadowTopic::DeleteAccepted);
        assert_eq!(twin.shadow("pump-3", shadow.name()), None);
        for subscription in [answers, rejected, updates] {
            subscription.unsubscribe().await.unwrap();
        }
    }
    client.close(Drain::ALL).await;
    twin.server().assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn what_is_wrong_with_an_update_is_told_by_a_number() {
    let (_twin, client) = connect().await;
    let shadow = Shadow::classic(thing());
    let mut rejected = client.subscribe(&shadow.topic(ShadowTopic::UpdateRejected).to_string()).await.unwrap();
    let deep = r#"{"state":{"reported":[[[[[[[[[1]]]]]]]]]}}"#.to_owned();
    let large = format!(r#"{{"state":{{"reported":{{"a":"{}"}}}}}}"#, "x".repeat(8 << 10));
    for (update, code) in [("{", 400), ("{}", 400), (&deep, 400), (&large, 413)] {
        client.publish(&shadow.topic(ShadowTopic::Update).to_string(), update).qos(Qos::AtLeastOnce).await.unwrap();
        let answer = rejected.next().await.unwrap();
        assert_eq!(read(&answer).1.code, Some(code), "{update}");
    }
    client.close(Drain::ALL).await;
}

/// An answer reaches whoever asked, subscribed or not: here one who subscribes to nothing and takes what nobody claims.
#[tokio::test(start_paused = true)]
async fn a_job_is_told_begun_and_done() {
    let (twin, client) = connect().await;
    let jobs = Jobs::new(thing());
    let topic = |what| jobs.topic(what).unwrap().to_string();
    let mut unclaimed = client.unclaimed();
    let mut told = client.subscribe(&topic(JobTopic::NotifyNext)).qos(Qos::AtLeastOnce).await.unwrap();
    twin.add_job("pump-3", "j-1", r#"{"do":"reboot"}"#);
    let message = told.next().await.unwrap();
    let job = JobExecution::read(message.text().unwrap()).unwrap();
    assert_eq!((job.job_id, job.status, job.document), ("j-1", "QUEUED", Some(r#"{"do":"reboot"}"#)));

    client.publish(&topic(JobTopic::StartNext), "{}").qos(Qos::AtLeastOnce).await.unwrap();
    let message = unclaimed.next().await.unwrap();
    assert_eq!(message.topic(), jobs.answer(JobTopic::StartNext, true).unwrap().to_string());
    assert_eq!(JobExecution::read(message.text().unwrap()).unwrap().status, "IN_PROGRESS");

    let done = r#"{"status":"SUCCEEDED","expectedVersion":"1"}"#;
    client.publish(&topic(JobTopic::Update("j-1")), done).qos(Qos::AtLeastOnce).await.unwrap();
    let message = unclaimed.next().await.unwrap();
    assert_eq!(message.topic(), jobs.answer(JobTopic::Update("j-1"), false).unwrap().to_string());
    let done = r#"{"status":"SUCCEEDED","expectedVersion":"2"}"#;
    client.publish(&topic(JobTopic::Update("$next")), done).qos(Qos::AtLeastOnce).await.unwrap();
    assert!(unclaimed.next().await.unwrap().topic().ends_with("/$next/update/accepted"));
    assert_eq!(twin.job_status("pump-3", "j-1").as_deref(), Some("SUCCEEDED"));
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_device_becomes_a_thing_by_a_template() {
    let (twin, client) = connect().await;
    twin.add_template("T1");
    let topic = |what| Certificates::Create.topic(PayloadFormat::Json, what).to_string();
    let mut made = client.subscribe(&topic(Exchange::Accepted)).and(&topic(Exchange::Rejected)).await.unwrap();
    client.publish(&topic(Exchange::Request), "{}").qos(Qos::AtLeastOnce).await.unwrap();
    let message = made.next().await.unwrap();
    assert_eq!(message.topic(), topic(Exchange::Accepted));
    let told: serde_json::Value = serde_json::from_str(message.text().unwrap()).unwrap();
    assert!(told["privateKey"].as_str().unwrap().starts_with("-----BEGIN PRIVATE KEY-----"));

    let by = Provisioning::new("T1").unwrap();
    let topic = |what| by.topic(PayloadFormat::Json, what).to_string();
    let mut answers = client.subscribe(&topic(Exchange::Accepted)).and(&topic(Exchange::Rejected)).await.unwrap();
    let token = told["certificateOwnershipToken"].as_str().unwrap();
    let claim = format!(r#"{{"certificateOwnershipToken":"{token}","parameters":{{"SerialNumber":"7"}}}}"#);
    // A token is good once.
    for what in [Exchange::Accepted, Exchange::Rejected] {
        client.publish(&topic(Exchange::Request), claim.as_str()).qos(Qos::AtLeastOnce).await.unwrap();
        assert_eq!(answers.next().await.unwrap().topic(), topic(what));
    }

    // With the certificate that was made it is let in.
    let tls = reach::tls(twin.authority())
        .client_certificate_pem(told["certificatePem"].as_str().unwrap(), told["privateKey"].as_str().unwrap());
    let options = Endpoint::new(HOST).unwrap().with_certificate("7", tls).unwrap();
    let new = Client::connect(options.connector(twin.connector(8883))).await.unwrap();
    new.close(Drain::ALL).await;
    client.close(Drain::ALL).await;
}

#[tokio::test(start_paused = true)]
async fn a_report_to_device_defender_is_taken() {
    let (_twin, client) = connect().await;
    let topic = |what| thing().defender(PayloadFormat::Json, what).to_string();
    let mut answers = client.subscribe(&topic(Exchange::Accepted)).and(&topic(Exchange::Rejected)).await.unwrap();
    for (report, what) in [(r#"{"header":{"report_id":1}}"#, Exchange::Accepted), ("{}", Exchange::Rejected)] {
        client.publish(&topic(Exchange::Request), report).qos(Qos::AtLeastOnce).await.unwrap();
        assert_eq!(answers.next().await.unwrap().topic(), topic(what));
    }
    client.close(Drain::ALL).await;
}
