//! The same stories over every way to a real Mosquitto: what is told in `stories` must not depend on what is below MQTT.

mod proxies;
mod quic;
#[path = "../scene.rs"]
mod scene;
mod sockets;
mod stories;
mod way;

use scene::VERSIONS;
use way::{Place, Way};

/// All of them, in both versions.
async fn every_story(way: Way) {
    let mut place = Place::of(way);
    for version in VERSIONS {
        stories::messages_go_both_ways_at_every_qos(&place, version).await;
        stories::many_and_large_ones_arrive_in_order(&place, version).await;
        stories::the_will_is_published_when_the_connection_breaks_and_not_when_it_is_closed(&place, version).await;
        stories::a_client_comes_back_after_the_server_was_killed(&mut place, version).await;
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_tcp() {
    every_story(Way::Tcp).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_tls() {
    every_story(Way::Tls).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_websocket() {
    every_story(Way::WebSocket).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_websocket_with_tls() {
    every_story(Way::WebSocketTls).await;
}

#[cfg(unix)]
#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_a_unix_socket() {
    every_story(Way::Unix).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_through_an_http_proxy() {
    every_story(Way::HttpProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_through_a_socks_proxy() {
    every_story(Way::SocksProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_websocket_with_tls_through_a_socks_proxy() {
    every_story(Way::AllThroughSocksProxy).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_story_over_quic() {
    every_story(Way::Quic).await;
}
