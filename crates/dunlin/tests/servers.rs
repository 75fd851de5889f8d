//! Several servers, tried in turn; and URL, credentials and will that are made anew before each try.

mod scene;

use std::{
    future::pending,
    io,
    net::TcpListener,
    sync::{
        Arc, Mutex,
        atomic::{AtomicUsize, Ordering},
    },
    time::Duration,
};

use dunlin::{
    Client, ConnectOptions, ConnectionError, Credentials, Drain, Event, Events, NetworkError, OptionsError, Provider,
    ProviderError, UrlError, Will,
};
use dunlin_testkit::Server;
use scene::{event, text, to_server, within};

/// What the next event about a connection tells: of which server, and how it went.
async fn told(events: &mut Events) -> (Box<str>, Result<(), ConnectionError>) {
    let wanted = |event: &Event| matches!(event, Event::Connected(_) | Event::ConnectFailed { .. });
    match event(events, wanted).await {
        Event::Connected(connected) => (connected.server, Ok(())),
        Event::ConnectFailed { server, error, .. } => (server, Err(error)),
        other => panic!("{other:?}"),
    }
}

/// The URL of a server that is not there.
fn nowhere() -> String {
    let free = TcpListener::bind("127.0.0.1:0").unwrap().local_addr().unwrap();
    format!("mqtt://{free}")
}

fn first(url: &str) -> ConnectOptions {
    ConnectOptions::from_url(url).unwrap().reconnect(Duration::from_millis(1), Duration::from_millis(20))
}

#[tokio::test]
async fn servers_are_tried_in_turn_and_the_one_that_worked_is_preferred() {
    let (one, other) = (Server::start().await.unwrap(), Server::start().await.unwrap());
    let dead = nowhere();
    let options = first(&dead).or_url(&one.url()).unwrap().or_url(&other.url()).unwrap();
    let (client, driver) = Client::with_driver(options.client_id("c")).unwrap();
    let mut events = client.events();
    let driver = tokio::spawn(driver);

    let (server, ended) = told(&mut events).await;
    assert_eq!(*server, *dead);
    assert!(matches!(ended, Err(ConnectionError::Network(NetworkError::PortClosed(_)))), "{ended:?}");
    assert_eq!(told(&mut events).await, (one.url().into(), Ok(())));
    one.cut("c");
    assert_eq!(told(&mut events).await, (one.url().into(), Ok(())), "it worked, and is asked again");

    let gone = one.url();
    drop(one);
    let (server, ended) = told(&mut events).await;
    assert!(*server == *gone && ended.is_err(), "{server}: {ended:?}");
    assert_eq!(told(&mut events).await, (other.url().into(), Ok(())), "then those behind it");
    within(client.close(Drain::ALL)).await;
    within(driver).await.unwrap();
}

#[tokio::test]
async fn connect_fails_when_all_of_them_did() {
    let urls = [nowhere(), nowhere()];
    let (client, driver) = Client::with_driver(first(&urls[0]).or_url(&urls[1]).unwrap()).unwrap();
    let mut events = client.events();
    let driver = tokio::spawn(driver);
    let wait = |event| match event {
        Event::ConnectFailed { retry_in: Some(wait), .. } => wait,
        other => panic!("{other:?}"),
    };
    let failed = |event: &Event| matches!(event, Event::ConnectFailed { .. });
    assert!(wait(event(&mut events, failed).await).is_zero(), "the next server is tried at once");
    wait(event(&mut events, failed).await);
    within(client.abort()).await;
    within(driver).await.unwrap();

    let error = within(Client::connect(first(&urls[0]).or_url(&urls[1]).unwrap())).await.unwrap_err();
    let last = urls[1].strip_prefix("mqtt://").unwrap();
    assert!(error.to_string().contains(last), "{error}");
    let server = Server::start().await.unwrap();
    let client = within(Client::connect(first(&urls[0]).or_url(&server.url()).unwrap())).await.unwrap();
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn each_server_is_told_its_own_credentials() {
    let one = Server::options().credentials("anna", "1").start().await.unwrap();
    let other = Server::options().credentials("carl", "2").start().await.unwrap();
    let with = |server: &Server, who: &str| server.url().replace("mqtt://", &format!("mqtt://{who}@"));
    let options = first(&with(&one, "anna:wrong")).or_url(&with(&other, "carl:2")).unwrap();
    let client = within(Client::connect(options)).await.unwrap();
    within(client.close(Drain::ALL)).await;
    // Without any in its URL: those of the options.
    let options = first(&with(&one, "carl:2")).or_url(&other.url()).unwrap();
    let client = within(Client::connect(options)).await.unwrap();
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn the_url_is_made_anew_before_each_try() {
    let one = Server::options().credentials("anna", "1").start().await.unwrap();
    let other = Server::options().credentials("carl", "2").start().await.unwrap();
    let urls = [one.url().replace("mqtt://", "mqtt://anna:1@"), "http://anna:secret@nowhere".to_owned(), other.url()];
    let next = Arc::new(Mutex::new(urls.into_iter()));
    let options = ConnectOptions::new("replaced").user_name("carl").password("2").client_id("c").url_from(move || {
        let url = next.lock().unwrap().next().ok_or(io::Error::from(io::ErrorKind::NotFound));
        async move { url }
    });
    let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(20));
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    one.cut("c");
    let (_, failed) = told(&mut events).await;
    assert_eq!(failed, Err(ConnectionError::Options(OptionsError::Url(UrlError::Scheme))));
    assert_eq!(told(&mut events).await, (other.url().into(), Ok(())), "with the credentials of the options");
    other.cut("c");
    let (_, failed) = told(&mut events).await;
    let Err(ConnectionError::Provider(ProviderError::Failed { provider: Provider::Url, text })) = failed else {
        panic!("{failed:?}");
    };
    assert_eq!(*text, *io::Error::from(io::ErrorKind::NotFound).to_string());
    within(client.abort()).await;
}

#[tokio::test]
async fn the_will_is_made_anew_before_each_try() {
    let server = Arc::new(Server::start().await.unwrap());
    let watcher = within(Client::connect(to_server(&server))).await.unwrap();
    let mut wills = within(watcher.subscribe("wills")).await.unwrap();
    let tries = Arc::new(AtomicUsize::new(0));
    let options = to_server(&server).client_id("c").will_from(move || {
        let number = tries.fetch_add(1, Ordering::Relaxed);
        async move { Will::new("wills", number.to_string()).map(Some) }
    });
    let client = within(Client::connect(options)).await.unwrap();
    let mut events = client.events();
    for number in 0..3 {
        server.cut("c");
        assert_eq!(text(&mut wills).await, number.to_string());
        assert_eq!(told(&mut events).await.1, Ok(()));
    }
    within(client.close(Drain::ALL)).await;
}

#[tokio::test(start_paused = true)]
async fn a_provider_that_hangs_is_dropped_after_the_connect_timeout() {
    let options = ConnectOptions::new("server").connect_timeout(Duration::from_secs(7));
    let options = options.credentials_from(pending::<Result<Credentials, io::Error>>);
    let began = tokio::time::Instant::now();
    let error = within(Client::connect(options)).await.unwrap_err();
    let expected = ProviderError::TimedOut { provider: Provider::Credentials };
    assert_eq!(error, ConnectionError::Provider(expected));
    assert_eq!(began.elapsed().as_secs(), 7);
}

#[tokio::test]
async fn closing_does_not_wait_for_a_provider() {
    let options = ConnectOptions::new("server").url_from(pending::<Result<String, io::Error>>);
    let client = Client::start(options).unwrap();
    within(client.close(Drain::ALL)).await;
}

#[tokio::test]
async fn a_list_of_servers_excludes_a_url_that_is_made_anew() {
    let options = ConnectOptions::new("a").or_url("mqtt://b").unwrap();
    let options = options.url_from(|| async { Ok::<_, io::Error>("mqtt://c".to_owned()) });
    assert_eq!(Client::start(options).unwrap_err(), OptionsError::ServersTwice);
}
