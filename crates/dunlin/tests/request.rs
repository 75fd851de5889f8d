//! Requests and responses (5.0), on a stopped clock.

mod scene;

use std::{
    future::{Future, IntoFuture},
    sync::Arc,
    task::{Context, Waker},
    time::Duration,
};

use dunlin::{
    Client, ConnectOptions, Drain, NoResponseTopic, PublishError, Qos, ReasonCode, RequestError, SubscribeError,
    Version,
};
use dunlin_testkit::{Script, Scripted, Server};
use scene::{to_script, to_server, within};
use tokio::time::Instant;

async fn connect(options: ConnectOptions) -> Client {
    within(Client::connect(options)).await.unwrap()
}

/// Answers each request on `ask` with what it says, in reverse order of `at_once`.
async fn respond(client: Client, at_once: usize) {
    let mut requests = within(client.subscribe("ask").qos(Qos::AtLeastOnce)).await.unwrap();
    drop(tokio::spawn(async move {
        let mut waiting = Vec::new();
        while let Some(request) = requests.next().await {
            waiting.push(request);
            if waiting.len() == at_once {
                for request in waiting.drain(..).rev() {
                    client.respond(&request, format!("you said {}", request.text().unwrap())).unwrap().post().unwrap();
                }
            }
        }
    }));
}

#[tokio::test(start_paused = true)]
async fn a_request_is_answered() {
    let server = Arc::new(Server::start().await.unwrap());
    let (asks, answers) = (connect(to_server(&server)).await, connect(to_server(&server)).await);
    respond(answers, 1).await;
    for number in 0..3 {
        let payload = number.to_string();
        let response = within(asks.request("ask", &payload)).await.unwrap();
        assert_eq!(response.text(), Some(format!("you said {number}").as_str()));
    }
    assert_eq!((asks.statistics().unread_bytes, asks.statistics().unclaimed), (0, 0));
    server.assert_no_breaches();
}

#[tokio::test(start_paused = true)]
async fn many_are_under_way_and_each_gets_its_own_response() {
    let server = Arc::new(Server::start().await.unwrap());
    let (asks, answers) = (connect(to_server(&server)).await, connect(to_server(&server)).await);
    respond(answers, 100).await;
    let requests = (0..100).map(|number: u32| {
        let asks = asks.clone();
        tokio::spawn(async move { (number, asks.request("ask", number.to_string()).await.unwrap()) })
    });
    for request in requests.collect::<Vec<_>>() {
        let (number, response) = within(request).await.unwrap();
        assert_eq!(response.text(), Some(format!("you said {number}").as_str()));
    }
}

#[tokio::test(start_paused = true)]
async fn no_response_in_time_is_an_error_connected_or_not() {
    let server = Arc::new(Server::start().await.unwrap());
    let (client, driver) = Client::with_driver(to_server(&server)).unwrap();
    drop(tokio::spawn(driver));
    let begun = Instant::now();
    within(client.connected()).await.unwrap();
    let _nobody_answers = within(client.subscribe("ask")).await.unwrap();
    let short = client.request("ask", "x").timeout(Duration::from_secs(2)).into_future();
    let long = client.request("ask", "x").timeout(Duration::from_secs(5)).qos(Qos::AtMostOnce).into_future();
    let (short, long) = tokio::join!(within(short), within(long));
    assert_eq!((short.unwrap_err(), long.unwrap_err()), (RequestError::TimedOut, RequestError::TimedOut));
    assert!((5_000..5_100).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
    drop(server);

    let nowhere =
        ConnectOptions::new("nowhere").connector(std::future::pending::<std::io::Result<tokio::io::DuplexStream>>);
    let client = Client::start(nowhere).unwrap();
    let begun = Instant::now();
    let error = within(client.request("ask", "x").timeout(Duration::from_secs(3))).await.unwrap_err();
    assert_eq!(error, RequestError::TimedOut);
    assert!((3_000..3_100).contains(&begun.elapsed().as_millis()), "{:?}", begun.elapsed());
}

#[tokio::test(start_paused = true)]
async fn a_request_that_nobody_can_answer_is_an_error_at_once() {
    let server = Arc::new(Server::start().await.unwrap());
    let client = connect(to_server(&server)).await;
    let begun = Instant::now();
    assert_eq!(within(client.request("ask", "x")).await.unwrap_err(), RequestError::NoResponder);
    assert!(begun.elapsed().as_millis() < 100);
    let error = within(client.request("a+", "x")).await.unwrap_err();
    assert!(matches!(error, RequestError::Publish(PublishError::Topic(_))), "{error:?}");
}

#[tokio::test(start_paused = true)]
async fn in_3_1_1_it_is_refused_at_the_call() {
    let server = Arc::new(Server::start().await.unwrap());
    let client = connect(to_server(&server).version(Version::V3_1_1)).await;
    assert_eq!(within(client.request("ask", "x")).await.unwrap_err(), RequestError::NeedsV5);
    let mut subscription = within(client.subscribe("ask")).await.unwrap();
    within(client.publish("ask", "x")).await.unwrap();
    let message = within(subscription.next()).await.unwrap();
    assert_eq!(client.respond(&message, "y").map(drop).unwrap_err(), NoResponseTopic);
    assert_eq!(server.received().len(), 1);
}

#[tokio::test(start_paused = true)]
async fn a_request_that_is_dropped_leaves_nothing_behind() {
    let server = Arc::new(Server::start().await.unwrap());
    let (asks, answers) = (connect(to_server(&server)).await, connect(to_server(&server)).await);
    respond(answers, 2).await;
    let cx = &mut Context::from_waker(Waker::noop());
    drop(asks.request("ask", "never polled").into_future());
    let mut dropped = Box::pin(asks.request("ask", "dropped").into_future());
    assert!(dropped.as_mut().poll(cx).is_pending());
    drop(dropped);
    let response = within(asks.request("ask", "kept")).await.unwrap();
    assert_eq!(response.text(), Some("you said kept"));
    while asks.statistics().unclaimed == 0 {
        tokio::time::sleep(Duration::from_millis(1)).await;
    }
    assert_eq!((asks.statistics().unclaimed, asks.statistics().unread_bytes), (1, 0));
}

#[tokio::test(start_paused = true)]
async fn responses_come_where_the_options_or_the_server_say() {
    // "resp" as Response Information.
    let script = Script::new().expect_packet().send(*b"\x20\x0A\0\0\x07\x1A\0\x04resp");
    let script = script.expect_packet().send(*b"\x90\x04\0\x01\0\0").expect_packet().silence();
    let (server, connector) = Scripted::in_memory([script]);
    let client = connect(to_script(connector).request_response_information(true)).await;
    within(client.request("ask", "x").timeout(Duration::from_secs(1))).await.unwrap_err();
    let wire = String::from_utf8_lossy(&server.received()[0]).into_owned();
    assert_eq!(wire.matches("resp/dunlin").count(), 2, "in SUBSCRIBE and PUBLISH: {wire:?}");

    let server = Arc::new(Server::start().await.unwrap());
    let client = connect(to_server(&server).response_topic("mine").unwrap()).await;
    let mut asked = within(client.subscribe("ask")).await.unwrap();
    let (response, ()) = tokio::join!(within(client.request("ask", "x")), async {
        let request = within(asked.next()).await.unwrap();
        assert_eq!(request.response_topic(), Some("mine"));
        within(client.respond(&request, "y").unwrap()).await.unwrap();
    });
    assert_eq!(response.unwrap().text(), Some("y"));
    assert!(ConnectOptions::new("host").response_topic("a/#").is_err());
}

#[tokio::test(start_paused = true)]
async fn a_server_that_refuses_the_response_topic_is_an_error_and_is_asked_again() {
    let options = Server::options().deny_subscribe("mine", ReasonCode::NOT_AUTHORIZED).unwrap();
    let server = Arc::new(options.start().await.unwrap());
    let client = connect(to_server(&server).response_topic("mine").unwrap()).await;
    let _somebody = within(client.subscribe("ask")).await.unwrap();
    for _ in 0..2 {
        let error = within(client.request("ask", "x")).await.unwrap_err();
        let RequestError::Subscribe(SubscribeError::Refused { reason, .. }) = &error else { panic!("{error:?}") };
        assert_eq!(*reason, ReasonCode::NOT_AUTHORIZED);
    }
}

#[tokio::test(start_paused = true)]
async fn requests_go_on_after_a_reconnect_and_end_with_the_client() {
    let server = Arc::new(Server::start().await.unwrap());
    let (asks, answers) = (connect(to_server(&server).client_id("asks")).await, connect(to_server(&server)).await);
    respond(answers.clone(), 1).await;
    within(asks.request("ask", "1")).await.unwrap();
    server.cut("asks");
    let response = within(asks.request("ask", "2")).await.unwrap();
    assert_eq!(response.text(), Some("you said 2"));
    let _nobody_answers = within(answers.subscribe("other")).await.unwrap();
    let waiting = asks.clone();
    let waiting = tokio::spawn(async move { waiting.request("other", "x").await });
    tokio::time::sleep(Duration::from_secs(1)).await;
    within(asks.clone().close(Drain::NONE)).await;
    assert_eq!(within(waiting).await.unwrap().unwrap_err(), RequestError::Closed);
    assert_eq!(within(asks.request("ask", "x")).await.unwrap_err(), RequestError::Closed);
}

#[test]
fn the_errors_say_what_happened() {
    for (error, words) in [
        (RequestError::NeedsV5, "5.0"),
        (RequestError::Publish(PublishError::Full), "queue is full"),
        (RequestError::Subscribe(SubscribeError::Closed), "topic for responses"),
        (RequestError::NoResponder, "nobody"),
        (RequestError::TimedOut, "in time"),
        (RequestError::Closed, "closed"),
    ] {
        assert!(error.to_string().contains(words), "{error}");
    }
    assert!(NoResponseTopic.to_string().contains("no topic"));
}

#[test]
fn a_thread_that_blocks_may_ask_too() {
    let runtime = tokio::runtime::Builder::new_multi_thread().worker_threads(1).enable_all().build().unwrap();
    let server = runtime.block_on(Server::start()).unwrap();
    let client = dunlin::blocking::Client::connect(scene::options(server.port())).unwrap();
    let mut asked = client.subscribe("ask").wait().unwrap();
    std::thread::scope(|scope| {
        scope.spawn(|| {
            let request = asked.wait_next().unwrap();
            client.respond(&request, "y").unwrap().wait().unwrap();
        });
        assert_eq!(client.request("ask", "x").wait().unwrap().text(), Some("y"));
    });
    let short = client.request("ask", "x").timeout(Duration::from_millis(1)).wait();
    assert_eq!(short.unwrap_err(), RequestError::TimedOut);
    client.close(Drain::NONE);
}
