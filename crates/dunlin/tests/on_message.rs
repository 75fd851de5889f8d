//! A subscription with a handler: the driver calls it for each message, outside every lock, and the message is acknowledged
//! when it returns.

mod scene;

use std::{sync::Arc, time::Duration};

use dunlin::{Client, Drain, Event, Message, Qos};
use dunlin_testkit::{ReasonCode, Script, Scripted, Server, ServerOptions};
use scene::{EVERY_QOS, VERSIONS, event, to_script, to_server, within};
use tokio::sync::mpsc::{UnboundedReceiver, unbounded_channel};

/// What a handler was called with.
fn told() -> (impl FnMut(&Message) + Send + 'static, UnboundedReceiver<String>) {
    let (tell, told) = unbounded_channel();
    (move |message: &Message| tell.send(message.text().unwrap().to_owned()).unwrap(), told)
}

#[tokio::test(start_paused = true)]
async fn every_message_is_handled_in_its_order_and_acknowledged() {
    for version in VERSIONS {
        for qos in EVERY_QOS {
            let server = Arc::new(Server::start().await.unwrap());
            let client = within(Client::connect(to_server(&server).version(version).client_id("it"))).await.unwrap();
            let (handler, mut handled) = told();
            let subscription = within(client.subscribe("a/#").qos(qos).on_message(handler)).await.unwrap();
            // Beside it, one that takes its messages itself.
            let mut beside = within(client.subscribe("a/+").qos(qos)).await.unwrap();
            for number in 0..300 {
                server.publish("a/b", number.to_string(), qos, false).unwrap();
            }
            for number in 0..300 {
                assert_eq!(within(handled.recv()).await, Some(number.to_string()), "{version:?} {qos:?}");
                assert_eq!(scene::text(&mut beside).await, number.to_string());
            }
            assert!(beside.try_next().is_none());
            within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
            assert_eq!((client.statistics().received, client.statistics().unread_bytes), (300, 0));
            drop(subscription);
            within(client.close(Drain::ALL)).await;
            server.assert_no_breaches();
        }
    }
}

#[tokio::test(start_paused = true)]
async fn a_message_is_acknowledged_when_its_handler_has_returned_and_not_by_the_application() {
    let publish = |id| vec![0x32, 7, 0, 1, b't', 0, id, 0, b'x'];
    let script = Script::new().expect_packet().send(*b"\x20\x03\0\0\0").expect_packet().send(*b"\x90\x04\0\x01\0\x01");
    let script = script.send([publish(1), publish(2)].concat());
    // Acknowledgements go before what the handler publishes, as they do before all messages.
    let script = script.expect([0x40, 2, 0, 1, 0x40, 2, 0, 2]).expect([0x30, 5, 0, 1, b'u', 0, b'x'].repeat(2));
    let (server, connector) = Scripted::in_memory([script.expect([0xE0, 0]).expect_close()]);
    let client = within(Client::connect(to_script(connector).topic_aliases(0))).await.unwrap();
    let speaker = client.clone();
    let subscribe = client.subscribe("t").qos(Qos::AtLeastOnce).manual_acknowledgement();
    let subscribe = subscribe.on_message(move |message| {
        speaker.publish("u", message.payload()).post().unwrap();
        message.acknowledge();
    });
    let subscription = within(subscribe).await.unwrap();
    tokio::time::sleep(Duration::from_secs(1)).await;
    within(client.close(Drain::ALL)).await;
    within(server.finish()).await.unwrap();
    drop(subscription);
}

#[tokio::test(start_paused = true)]
async fn messages_that_came_before_the_subscription_was_made_again_are_handled() {
    for version in VERSIONS {
        let server = Arc::new(Server::start().await.unwrap());
        let options = to_server(&server).version(version).client_id("it").session_expiry(Duration::from_secs(3_600));
        let client = within(Client::connect(options)).await.unwrap();
        drop(within(client.subscribe("a").qos(Qos::ExactlyOnce)).await.unwrap());
        let mut events = client.events();
        server.reconfigure(|options| options.refuse(ReasonCode::SERVER_BUSY));
        server.cut("it");
        event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
        server.publish("a", "1", Qos::ExactlyOnce, false).unwrap();
        server.publish("a", "2", Qos::AtLeastOnce, false).unwrap();
        server.reconfigure(ServerOptions::refuse_none);
        event(&mut events, |event| matches!(event, Event::PublishReceived(_))).await;
        event(&mut events, |event| matches!(event, Event::PublishReceived(_))).await;
        let (handler, mut handled) = told();
        let _subscription = within(client.subscribe("a").qos(Qos::ExactlyOnce).on_message(handler)).await.unwrap();
        assert_eq!([within(handled.recv()).await, within(handled.recv()).await], [Some("1".into()), Some("2".into())]);
        within(server.wait_for(|server| server.clients()[0].in_flight == 0)).await;
        within(client.close(Drain::ALL)).await;
    }
}

#[tokio::test(start_paused = true)]
async fn a_subscription_that_is_dropped_calls_nobody_any_more() {
    let server = Arc::new(Server::start().await.unwrap());
    let client = within(Client::connect(to_server(&server))).await.unwrap();
    let (handler, mut handled) = told();
    let mut subscription = within(client.subscribe("a").on_message(handler)).await.unwrap();
    server.publish("a", "1", Qos::AtMostOnce, false).unwrap();
    assert_eq!(within(handled.recv()).await.as_deref(), Some("1"));
    assert!(subscription.try_next().is_none(), "the handler had it");
    drop(subscription);
    within(server.wait_for(|server| server.clients()[0].subscriptions.is_empty())).await;
    assert_eq!(within(handled.recv()).await, None, "the handler is gone");
    within(client.close(Drain::ALL)).await;
}
