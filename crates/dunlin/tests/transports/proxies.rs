//! What is said to a proxy, byte by byte, and what is said about one that does not do as it should.

use std::{net::TcpListener, time::Duration};

use dunlin::{Client, ConnectOptions, ConnectionError, Event, NetworkError, Proxy, ProxyAnswer, ProxyError};
use dunlin_testkit::{Mosquitto, ProxyServer, Script, Scripted};

use crate::scene::{event, options, within};

async fn proxy_error(options: ConnectOptions) -> ProxyError {
    match within(Client::connect(options)).await.unwrap_err() {
        ConnectionError::Proxy(error) => error,
        other => panic!("{other:?}"),
    }
}

/// What a try to reach `url` through a proxy that plays this script ends with.
async fn with_script(url: &str, script: Script, proxy: impl Fn(u16) -> Proxy) -> ProxyError {
    let (server, address) = Scripted::listen([script.expect_close()]).await.unwrap();
    let options = ConnectOptions::from_url(url).unwrap().proxy(proxy(address.port()));
    let error = proxy_error(options).await;
    within(server.finish()).await.unwrap();
    error
}

#[tokio::test]
async fn a_socks_proxy_is_told_the_name_of_the_server_which_nobody_looks_up_here() {
    let script = Script::new().expect([5, 1, 0]).send([5, 0]);
    let script = script.expect(b"\x05\x01\x00\x03\x0ebroker.invalid\x07\x5b").send([5, 4, 0, 1, 0, 0, 0, 0, 0, 0]);
    let error = with_script("mqtt://broker.invalid", script, |port| Proxy::socks5("127.0.0.1", port)).await;
    let ProxyError::Refused { answer, .. } = &error else { panic!("{error:?}") };
    assert_eq!(*answer, ProxyAnswer::Reply(4));
    assert!(error.to_string().contains("its name is not known"), "{error}");
}

#[tokio::test]
async fn a_socks_proxy_is_told_addresses_as_such_and_who_we_are() {
    for (url, request) in [
        ("mqtt://10.1.2.3:1000", &b"\x05\x01\x00\x01\x0a\x01\x02\x03\x03\xe8"[..]),
        ("mqtts://[::1]", b"\x05\x01\x00\x04\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\x01\x22\xb3"),
    ] {
        let script = Script::new().expect([5, 2, 0, 2]).send([5, 2]).expect(b"\x01\x04anna\x06secret").send([1, 0]);
        let script = script.expect(request).send([5, 2, 0, 1, 0, 0, 0, 0, 0, 0]);
        let proxy = |port| Proxy::socks5("127.0.0.1", port).credentials("anna", "secret");
        let error = with_script(url, script, proxy).await;
        assert!(matches!(error, ProxyError::Refused { answer: ProxyAnswer::Reply(2), .. }), "{error:?}");
        assert!(error.hint().unwrap().contains("rules") && !format!("{error} {error:?}").contains("secret"));
    }
}

#[tokio::test]
async fn an_http_proxy_is_told_the_server_and_who_we_are() {
    let request = b"CONNECT [fe80::7]:8083 HTTP/1.1\r\nHost: [fe80::7]:8083\r\n\
                    Proxy-Authorization: Basic YW5uYTpzZWNyZXQ=\r\n\r\n";
    let script = Script::new().expect(request).send(b"HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    let proxy = |port| Proxy::http("127.0.0.1", port).credentials("anna", "secret");
    let error = with_script("ws://[fe80::7]:8083", script, proxy).await;
    assert!(matches!(error, ProxyError::Refused { answer: ProxyAnswer::Status(403), .. }), "{error:?}");
}

#[tokio::test]
async fn what_is_no_such_proxy_is_told_so() {
    let http = |port| Proxy::http("127.0.0.1", port);
    let socks = |port| Proxy::socks5("127.0.0.1", port);
    let connect = b"CONNECT broker:1883 HTTP/1.1\r\nHost: broker:1883\r\n\r\n";
    for answer in [&b"\x05\x00"[..], b"SSH-2.0-x\r\n", b"HTTP/1.1 200 OK\r\n\r\nhello"] {
        let error = with_script("mqtt://broker", Script::new().expect(connect).send(answer), http).await;
        assert!(matches!(error, ProxyError::NotSpoken { .. }), "{error:?}");
    }
    for answer in [&b"HTTP/1.1 400 Bad Request\r\n\r\n"[..], &[5, 7], &[4, 0], &[5, 2]] {
        let error = with_script("mqtt://broker", Script::new().expect([5, 1, 0]).send(answer), socks).await;
        assert!(matches!(error, ProxyError::NotSpoken { .. }), "{error:?}");
    }
}

#[tokio::test]
async fn a_proxy_that_closes_or_is_silent_or_not_there_is_named() {
    let (server, address) =
        Scripted::listen([Script::new().expect([5, 1, 0]).close(), Script::new().expect([5, 1, 0]).expect_close()])
            .await
            .unwrap();
    let to = |port| ConnectOptions::new("broker.invalid").proxy(Proxy::socks5("127.0.0.1", port).clone());
    let error = proxy_error(to(address.port())).await;
    assert!(matches!(error, ProxyError::Closed { .. }), "{error:?}");
    let error = proxy_error(to(address.port()).connect_timeout(Duration::from_millis(200))).await;
    let ProxyError::Network { proxy, error: NetworkError::TimedOut(_) } = error else { panic!("{error:?}") };
    assert_eq!(*proxy, *format!("socks5://127.0.0.1:{}", address.port()));
    within(server.finish()).await.unwrap();

    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    let error = proxy_error(to(free.port())).await;
    assert!(
        matches!(&error, ProxyError::Network { error: NetworkError::PortClosed(at), .. } if *at == free),
        "{error}"
    );
}

#[tokio::test]
async fn real_proxies_want_the_right_password_and_say_where_nothing_listens() {
    let http = ProxyServer::http(Some(("anna", "right"))).expect("this test needs tinyproxy");
    let socks = ProxyServer::socks5(Some(("anna", "right"))).expect("this test needs microsocks");
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap().port();
    for proxy in [http.url(), socks.url()] {
        for (url, given) in [(proxy.replace("right", "wrong"), true), (proxy.replace("anna:right@", ""), false)] {
            let error = proxy_error(options(free).proxy(Proxy::from_url(&url).unwrap())).await;
            assert!(matches!(error, ProxyError::Credentials { given: told, .. } if told == given), "{url}: {error:?}");
        }
        let error = proxy_error(options(free).proxy(Proxy::from_url(&proxy).unwrap())).await;
        let expected = match proxy.starts_with("http") {
            true => ProxyAnswer::Status(500),
            false => ProxyAnswer::Reply(5),
        };
        assert!(matches!(error, ProxyError::Refused { answer, .. } if answer == expected), "{error:?}");
    }
}

#[tokio::test]
async fn what_goes_through_a_proxy_ends_with_it() {
    let mosquitto = Mosquitto::start().expect("this test needs Mosquitto");
    for mut proxy in [ProxyServer::http(None).unwrap(), ProxyServer::socks5(None).unwrap()] {
        let options = options(mosquitto.port()).proxy(Proxy::from_url(&proxy.url()).unwrap());
        let client = within(Client::connect(options)).await.unwrap();
        let mut events = client.events();
        proxy.kill();
        event(&mut events, |event| matches!(event, Event::Disconnected { .. })).await;
        let failed = event(&mut events, |event| matches!(event, Event::ConnectFailed { .. })).await;
        let Event::ConnectFailed { error: ConnectionError::Proxy(error), .. } = failed else { panic!("{failed:?}") };
        assert!(matches!(error, ProxyError::Network { .. }), "{error:?}");
        within(client.abort()).await;
    }
}

#[tokio::test]
async fn what_a_proxy_cannot_be_told_is_refused() {
    for proxy in [
        Proxy::socks5("proxy", 1).credentials("", "secret"),
        Proxy::socks5("proxy", 1).credentials("anna", "x".repeat(256)),
        Proxy::http("proxy", 1).credentials("an:na", "secret"),
    ] {
        let error = Client::connect(ConnectOptions::new("broker").proxy(proxy)).await.unwrap_err();
        assert!(error.to_string().contains("user name or password of the proxy"), "{error}");
    }
}
