//! What a service sees of a client that a preset made: the name and the protocols that TLS is told, and CONNECT or the
//! WebSocket request.

use std::{
    sync::{
        Arc,
        atomic::{AtomicU32, Ordering},
    },
    time::Duration,
};

use dunlin::{Client, ConnectOptions, TlsOptions};
use dunlin_cloud::{
    AwsCredentials, PrivateKey, PrivateKeyError, Rule, SymmetricKey,
    aws::{CustomAuthorizer, Endpoint},
    azure::{ConnectionString, EventGrid, EventGridToken, HubAccess, Identity, IotOperations, Registration},
    emqx_serverless,
    google::{Algorithm, Device, JwtSigner},
    hivemq_cloud, home_assistant, thingsboard_device,
};
use dunlin_codec::{Connect, Property, Version};
use dunlin_testkit::Authority;
use tokio::{
    io::{AsyncReadExt, DuplexStream},
    sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel},
};
use tokio_rustls::{LazyConfigAcceptor, rustls};

const ENDPOINT: &str = "a1-ats.iot.eu-west-1.amazonaws.com";
const HUB: &str = "myhub.azure-devices.net";
const KEY: &str = "c2VjcmV0";

/// A service that looks at who comes, and then hangs up.
struct Door {
    authority: Authority,
    host: &'static str,
    wants_certificate: bool,
}

/// What it saw.
#[derive(Debug)]
struct Seen {
    server_name: Option<String>,
    protocols: Vec<String>,
    /// CONNECT without its fixed header, or a request of HTTP.
    said: Vec<u8>,
}

impl Door {
    fn of(host: &'static str) -> Self {
        Self { authority: Authority::new("the service's").unwrap(), host, wants_certificate: false }
    }

    /// For clients with a certificate alone.
    fn of_certificates(host: &'static str) -> Self {
        Self { wants_certificate: true, ..Self::of(host) }
    }

    /// Options of TLS that trust it, with a certificate for the client where it wants one.
    fn tls(&self) -> TlsOptions {
        let trusted = TlsOptions::new().ca_pem(self.authority.certificate_pem());
        match self.wants_certificate {
            true => {
                let client = self.authority.client("sensor").unwrap();
                trusted.client_certificate_pem(client.certificate_pem(), client.key_pem())
            }
            false => trusted,
        }
    }

    /// The first that it sees of a client with these options.
    async fn look(&self, options: ConnectOptions) -> Seen {
        let (client, mut seen) = self.open(options);
        let seen = next(&mut seen).await;
        client.abort().await;
        seen
    }

    fn open(&self, options: ConnectOptions) -> (Client, UnboundedReceiver<Seen>) {
        let (tell, told) = unbounded_channel();
        let authority = self.wants_certificate.then_some(&self.authority);
        let config = self.authority.server(&[self.host]).unwrap().server_config(authority).unwrap();
        let options = options.reconnect(Duration::from_millis(1), Duration::from_millis(1)).connector(move || {
            let (ours, theirs) = tokio::io::duplex(1 << 16);
            tokio::spawn(see(theirs, config.clone(), tell.clone()));
            core::future::ready(Ok(ours))
        });
        (Client::start(options).unwrap(), told)
    }
}

async fn see(stream: DuplexStream, config: Arc<rustls::ServerConfig>, tell: UnboundedSender<Seen>) {
    let start = LazyConfigAcceptor::new(rustls::server::Acceptor::default(), stream).await.unwrap();
    let hello = start.client_hello();
    let server_name = hello.server_name().map(str::to_owned);
    let alpn_protocols: Vec<_> = hello.alpn().into_iter().flatten().map(<[u8]>::to_vec).collect();
    let protocols = alpn_protocols.iter().map(|protocol| String::from_utf8_lossy(protocol).into_owned()).collect();
    let mut config = (*config).clone();
    config.alpn_protocols = alpn_protocols;
    let mut stream = start.into_stream(Arc::new(config)).await.unwrap();
    let said = match stream.read_u8().await.unwrap() {
        0x10 => {
            let mut len = 0;
            for shift in [0, 7, 14, 21] {
                let byte = stream.read_u8().await.unwrap();
                len |= usize::from(byte & 0x7F) << shift;
                if byte < 0x80 {
                    break;
                }
            }
            let mut body = vec![0; len];
            stream.read_exact(&mut body).await.unwrap();
            body
        }
        first => {
            let mut request = vec![first];
            while !request.ends_with(b"\r\n\r\n") {
                request.push(stream.read_u8().await.unwrap());
            }
            request
        }
    };
    // The client may be gone.
    let _ = tell.send(Seen { server_name, protocols, said });
}

async fn next(seen: &mut UnboundedReceiver<Seen>) -> Seen {
    let next = tokio::time::timeout(Duration::from_secs(60), seen.recv()).await;
    next.expect("nobody came").expect("the door is open")
}

impl Seen {
    fn connect(&self) -> Connect<'_> {
        Connect::decode(&self.said).unwrap()
    }

    fn user_name(&self) -> &str {
        self.connect().user_name.unwrap()
    }

    fn password(&self) -> &str {
        str::from_utf8(self.connect().password.unwrap()).unwrap()
    }

    /// What a request of HTTP asks for.
    fn target(&self) -> &str {
        let request = str::from_utf8(&self.said).unwrap();
        request.strip_prefix("GET ").and_then(|rest| rest.split(' ').next()).unwrap()
    }
}

fn endpoint() -> Endpoint<'static> {
    Endpoint::new(ENDPOINT).unwrap()
}

#[tokio::test]
async fn aws_is_told_the_whole_name_and_the_protocol_of_the_port() {
    let door = Door::of_certificates(ENDPOINT);
    let on_8883 = endpoint().with_certificate("sensor-17", door.tls()).unwrap();
    let on_443 = endpoint().with_certificate_on_443("sensor-17", door.tls()).unwrap();
    for (options, port, protocols) in [(on_8883, 8883, &[][..]), (on_443, 443, &["x-amzn-mqtt-ca"][..])] {
        assert_eq!(options.server_url(), format!("mqtts://{ENDPOINT}:{port}"));
        let seen = door.look(options).await;
        assert_eq!(seen.server_name.as_deref(), Some(ENDPOINT));
        assert_eq!(seen.protocols, protocols);
        let connect = seen.connect();
        assert_eq!((connect.version, connect.client_id, connect.keep_alive), (Version::V5, "sensor-17", 60));
        assert_eq!((connect.user_name, connect.password), (None, None));
    }
}

#[tokio::test]
async fn a_custom_authorizer_is_named_by_the_user_name() {
    let door = Door::of(ENDPOINT);
    let token = Some(("token", "a.b.c", "c2ln+bmF0dXJl="));
    let authorizer = CustomAuthorizer { user: "u", name: Some("My-1"), token };
    let seen = door.look(endpoint().with_authorizer("c", &authorizer, door.tls()).unwrap().password("p")).await;
    assert_eq!(seen.protocols, ["mqtt"]);
    assert_eq!(
        seen.user_name(),
        "u?x-amz-customauthorizer-name=My-1&x-amz-customauthorizer-signature=c2ln%2BbmF0dXJl%3D&token=a.b.c"
    );
    assert_eq!(seen.password(), "p");

    let options = endpoint().with_authorizer_over_websocket("c", &authorizer, door.tls()).unwrap();
    let seen = door.look(options).await;
    assert_eq!((seen.protocols.as_slice(), seen.target()), (&["http/1.1".to_owned()][..], "/mqtt"));
}

#[tokio::test]
async fn a_url_is_signed_anew_for_each_try_with_the_credentials_of_then() {
    let door = Door::of(ENDPOINT);
    let asked = Arc::new(AtomicU32::new(0));
    let provide = move || {
        let id = format!("AKID{}", asked.fetch_add(1, Ordering::Relaxed));
        // Longer than most, as those of federated users are.
        let token = format!("t/{}", "1".repeat(3_000));
        core::future::ready(Ok::<_, std::io::Error>(AwsCredentials::new(id, "secret").session_token(token)))
    };
    let (client, mut seen) = door.open(endpoint().with_sigv4("c", provide, door.tls()).unwrap());
    for id in ["AKID0", "AKID1"] {
        let seen = next(&mut seen).await;
        assert_eq!(seen.server_name.as_deref(), Some(ENDPOINT));
        assert_eq!(seen.protocols, ["http/1.1"]);
        let target = seen.target();
        let start = format!("/mqtt?X-Amz-Algorithm=AWS4-HMAC-SHA256&X-Amz-Credential={id}%2F");
        assert!(target.starts_with(&start), "{target}");
        assert!(target.contains("%2Feu-west-1%2Fiotdevicegateway%2F") && target.contains("&X-Amz-Expires=86400"));
        assert!(
            target.contains("&X-Amz-Security-Token=t%2F111") && target.contains("111&X-Amz-Signature="),
            "{target}"
        );
        assert!(String::from_utf8_lossy(&seen.said).contains(&format!("\r\nHost: {ENDPOINT}\r\n")));
    }
    client.abort().await;
}

#[tokio::test]
async fn a_hub_is_given_a_token_of_an_hour_in_3_1_1() {
    let door = Door::of(HUB);
    let text = format!("HostName={HUB};DeviceId=dev1;SharedAccessKey={KEY}");
    let string = ConnectionString::parse(&text).unwrap();
    let before = now();
    let seen = door.look(string.options(HubAccess::Mqtt, door.tls()).unwrap()).await;
    assert_eq!(seen.connect().version, Version::V3_1_1);
    assert_eq!(seen.connect().client_id, "dev1");
    assert_eq!(seen.user_name(), format!("{HUB}/dev1/?api-version=2021-04-12"));
    let expires_at = expiry(seen.password());
    assert!((before + 3_600..=now() + 3_600).contains(&expires_at));
    let mut key = SymmetricKey::from_base64(KEY).unwrap();
    assert_eq!(Ok(seen.password()), string.identity.token().write(&mut [0; 256], &mut key, expires_at));

    let seen = door.look(string.options(HubAccess::WebSocket, door.tls()).unwrap()).await;
    assert_eq!(seen.target(), "/$iothub/websocket?iothub-no-client-cert=true");
}

#[tokio::test]
async fn a_gateway_stands_for_its_hub() {
    let door = Door::of("edge.example");
    let text = format!("HostName={HUB};DeviceId=d;ModuleId=m;SharedAccessKey={KEY};GatewayHostName=edge.example");
    let string = ConnectionString::parse(&text).unwrap();
    let seen = door.look(string.options(HubAccess::Mqtt, door.tls()).unwrap()).await;
    assert_eq!(seen.server_name.as_deref(), Some("edge.example"));
    assert_eq!(seen.connect().client_id, "d/m");
    assert_eq!(seen.user_name(), format!("{HUB}/d/m/?api-version=2021-04-12"));
    assert!(seen.password().contains("sr=myhub.azure-devices.net%2Fdevices%2Fd%2Fmodules%2Fm&"));

    let (minute, before) = (Duration::from_secs(60), now());
    let seen = door.look(string.options_with_lifetime(HubAccess::Mqtt, minute, door.tls()).unwrap()).await;
    assert_eq!(seen.server_name.as_deref(), Some("edge.example"));
    assert!((before + 60..=now() + 60).contains(&expiry(seen.password())));
}

#[tokio::test]
async fn a_hub_that_sees_a_certificate_is_given_no_password() {
    let door = Door::of_certificates(HUB);
    let device = Identity::device(HUB, "dev1").unwrap();
    let seen = door.look(device.with_certificate(HubAccess::Mqtt, door.tls()).unwrap()).await;
    assert_eq!(seen.user_name(), format!("{HUB}/dev1/?api-version=2021-04-12"));
    assert_eq!(seen.connect().password, None);
    let seen = door.look(device.with_certificate(HubAccess::WebSocket, door.tls()).unwrap()).await;
    assert_eq!(seen.target(), "/$iothub/websocket");
}

#[tokio::test]
async fn provisioning_is_reached_with_the_key_of_a_group() {
    let door = Door::of(Registration::HOST);
    let device = Registration::new("0ne00000000", "dev1").unwrap();
    let key = SymmetricKey::from_base64(KEY).unwrap().derive("dev1");
    let seen = door.look(device.with_key(HubAccess::Mqtt, key, door.tls()).unwrap()).await;
    assert_eq!((seen.connect().client_id, seen.connect().version), ("dev1", Version::V3_1_1));
    assert_eq!(seen.user_name(), "0ne00000000/registrations/dev1/api-version=2019-03-31");
    let mut key = SymmetricKey::from_base64(KEY).unwrap().derive("dev1");
    let expected = device.token().write(&mut [0; 256], &mut key, expiry(seen.password())).map(str::to_owned);
    assert_eq!(expected.as_deref(), Ok(seen.password()));
}

#[tokio::test]
async fn event_grid_and_iot_operations_take_tokens_by_their_own_methods() {
    let tokens = Arc::new(AtomicU32::new(0));
    let provide = move || Ok::<_, ()>(format!("token{}", tokens.fetch_add(1, Ordering::Relaxed)));
    let door = Door::of("ns.westeurope-1.ts.eventgrid.azure.net");
    let grid = EventGrid::new(door.host).unwrap();
    let (client, mut seen) = door.open(grid.with_token("s", EventGridToken::Entra, provide, door.tls()).unwrap());
    for token in ["token0", "token1"] {
        assert_eq!(authentication(&next(&mut seen).await), ("OAUTH2-JWT".to_owned(), token.as_bytes().to_vec()));
    }
    client.abort().await;

    let folder = std::env::temp_dir().join(format!("dunlin-cloud-{}", std::process::id()));
    std::fs::write(&folder, "of the account\n").unwrap();
    let door = Door::of("aio-broker");
    let broker = IotOperations::new(door.host, IotOperations::PORT);
    let seen = door.look(broker.with_token_file("c", &folder, door.tls()).unwrap()).await;
    std::fs::remove_file(&folder).unwrap();
    assert_eq!(authentication(&seen), ("K8S-SAT".to_owned(), b"of the account".to_vec()));
    assert_eq!((seen.connect().user_name, seen.connect().password), (None, None));
}

#[tokio::test]
async fn event_grid_knows_certificates_by_a_name() {
    let door = Door::of_certificates("ns.westeurope-1.ts.eventgrid.azure.net");
    let grid = EventGrid::new(door.host).unwrap();
    let seen = door.look(grid.with_certificate("session-1", Some("client-1"), door.tls()).unwrap()).await;
    assert_eq!((seen.connect().client_id, seen.user_name()), ("session-1", "client-1"));
}

#[tokio::test]
async fn a_device_of_google_shows_a_token_and_a_user_name_that_nobody_reads() {
    let door = Door::of("europe-west1-mqtt.clearblade.com");
    let device = Device::new("my-project", "europe-west1", "r", "d").unwrap();
    let key = PrivateKey::from_pem(door.authority.client("k").unwrap().key_pem().as_bytes()).unwrap();
    let options = device.with_signer(door.host, key, Duration::from_secs(600), door.tls()).unwrap();
    assert_eq!(options.server_url(), format!("mqtts://{}:8883", door.host));
    let seen = door.look(options).await;
    assert_eq!(seen.connect().client_id, "projects/my-project/locations/europe-west1/registries/r/devices/d");
    assert_eq!((seen.connect().version, seen.user_name()), (Version::V3_1_1, "unused"));
    // {"alg":"ES256","typ":"JWT"}
    assert!(seen.password().starts_with("eyJhbGciOiJFUzI1NiIsInR5cCI6IkpXVCJ9."), "{}", seen.password());

    let key = PrivateKey::from_pem(door.authority.client("k").unwrap().key_pem().as_bytes()).unwrap();
    let too_long = device.with_signer(door.host, key, Duration::from_secs(86_401), door.tls()).unwrap_err();
    assert_eq!(too_long.rule, Rule::TokenLifetime { seconds: 86_401, most: 86_400 });
}

#[tokio::test]
async fn services_that_need_little_more_than_their_address() {
    let door = Door::of("c.s1.eu.hivemq.cloud");
    let seen = door.look(hivemq_cloud(door.host, "u", "p").tls(door.tls())).await;
    assert_eq!((seen.server_name.as_deref(), seen.user_name(), seen.password()), (Some(door.host), "u", "p"));
    assert_eq!(hivemq_cloud(door.host, "u", "p").server_url(), "mqtts://c.s1.eu.hivemq.cloud:8883");

    let door = Door::of("x.emqxsl.com");
    let seen = door.look(emqx_serverless(door.host, "u", "p", door.tls())).await;
    assert_eq!((seen.server_name.as_deref(), seen.user_name(), seen.password()), (Some(door.host), "u", "p"));

    let door = Door::of("thingsboard.example");
    let seen = door.look(thingsboard_device(door.host, "ACCESS", door.tls())).await;
    assert_eq!((seen.user_name(), seen.connect().password), ("ACCESS", None));

    let entity =
        home_assistant::Entity { availability_topic: Some("plant/3/there"), ..home_assistant::Entity::default() };
    let seen =
        door.look(thingsboard_device(door.host, "ACCESS", door.tls()).will(entity.will().unwrap().unwrap())).await;
    let will = seen.connect().will.unwrap();
    assert_eq!((will.topic.as_str(), will.payload, will.retain), ("plant/3/there", &b"offline"[..], true));
    assert!(home_assistant::Entity::default().will().is_none());
}

#[test]
fn what_a_service_refuses_is_refused_before() {
    let refused = endpoint().with_certificate(&"x".repeat(129), TlsOptions::new()).unwrap_err();
    assert_eq!(refused.to_string(), "the client identifier has 129 bytes; AWS IoT Core takes 128");
}

#[test]
fn keys_are_of_two_kinds_and_never_shown() {
    let rsa = pem("PRIVATE KEY", include_bytes!("vectors/rs256.pk8"));
    let ecdsa = pem("PRIVATE KEY", include_bytes!("vectors/es256.pk8"));
    let rsa = PrivateKey::from_pem(rsa.as_bytes()).unwrap();
    assert_eq!((rsa.algorithm(), format!("{rsa:?}").as_str()), (Algorithm::Rs256, "PrivateKey(Rs256)"));
    assert_eq!(PrivateKey::from_pem(ecdsa.as_bytes()).unwrap().algorithm(), Algorithm::Es256);
    for (pem, error) in [
        ("no key".to_owned(), PrivateKeyError::NotPem),
        (pem("EC PRIVATE KEY", &[0x30, 0]), PrivateKeyError::Sec1),
        (pem("PRIVATE KEY", &[0x30, 0]), PrivateKeyError::Kind),
        (pem("RSA PRIVATE KEY", &[0x30, 0]), PrivateKeyError::Kind),
    ] {
        assert_eq!(PrivateKey::from_pem(pem.as_bytes()).unwrap_err(), error);
    }
}

fn pem(what: &str, der: &[u8]) -> String {
    use base64ct::Encoding;
    format!("-----BEGIN {what}-----\n{}\n-----END {what}-----\n", base64ct::Base64::encode_string(der))
}

/// When a token ends.
fn expiry(token: &str) -> u64 {
    let behind = token.split_once("&se=").unwrap().1;
    behind.split('&').next().unwrap().parse().unwrap()
}

fn authentication(seen: &Seen) -> (String, Vec<u8>) {
    let (mut method, mut data) = (String::new(), Vec::new());
    for property in seen.connect().properties {
        match property {
            Property::AuthenticationMethod(name) => method = name.to_owned(),
            Property::AuthenticationData(bytes) => data = bytes.to_vec(),
            _ => {}
        }
    }
    (method, data)
}

fn now() -> u64 {
    std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
}
