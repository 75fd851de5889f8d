//! What the vendors' own libraries make is what is made here, byte for byte.
//!
//! `vectors/make.py` makes `vectors/vectors.tsv` and says how; [`the_libraries_still_say_so`] runs it anew.

use dunlin_cloud::{
    SymmetricKey,
    aws::{
        Certificates, Credentials, CustomAuthorizer, Endpoint, Exchange, JobTopic, Jobs, PayloadFormat, Provisioning,
        Shadow, ShadowTopic, SigV4, ThingName,
    },
    azure::{Identity, Method, Properties, Registration, Twin, TwinAnswer},
    google::{Algorithm, Claims, JwtSigner, SignatureBuffer},
};
use ring::{rand::SystemRandom, signature};

const VECTORS: &str = include_str!("vectors/vectors.tsv");
const HUB: &str = "myhub.azure-devices.net";

#[test]
fn every_vector_is_made_byte_for_byte() {
    let mut count = 0;
    for line in VECTORS.lines() {
        let fields: Vec<&str> = line.split('\t').collect();
        let [what, expected, given @ ..] = fields.as_slice() else { panic!("no vector: {line}") };
        assert_eq!(made(what, given, expected), *expected, "{what} {given:?}");
        count += 1;
    }
    assert!(count >= 80, "{count} vectors");
}

/// What this crate makes of what was given to the library.
fn made(what: &str, given: &[&str], expected: &str) -> String {
    let number = |at: usize| given[at].parse::<u64>().unwrap();
    match (what, given) {
        ("sas", [resource, key, _, _]) => sas(resource, key, number(2)),
        ("derived_key", [key, id]) => base64(SymmetricKey::from_base64(key).unwrap().derive(id).as_bytes()),
        ("hub_user_name", [hub, device, module, model, product]) => {
            identity(hub, device, module).user_name(some(model), some(product)).to_string()
        }
        ("hub_client_id", [hub, device, module]) => identity(hub, device, module).client_id().to_string(),
        ("telemetry", [device, module, pairs @ ..]) => {
            let pairs: Vec<_> = pairs.chunks(2).map(|pair| (pair[0], pair[1])).collect();
            identity(HUB, device, module).telemetry(Properties::new(&pairs)).to_string()
        }
        ("received", [device, pairs @ ..]) => {
            assert_eq!(received(device, expected), pairs);
            expected.into()
        }
        ("messages", [device, module]) => identity(HUB, device, module).messages().to_string(),
        ("method_calls", []) => Method::CALLS.into(),
        ("twin_answers", []) => Twin::ANSWERS.into(),
        ("twin_desired", []) => Twin::DESIRED.into(),
        ("twin_read", [_]) => Twin::read(number(0) as u32).to_string(),
        ("twin_report", [_]) => Twin::report(number(0) as u32).to_string(),
        ("method_answer", [request, status]) => {
            let call = format!("$iothub/methods/POST/name/?$rid={request}");
            Method::of_topic(&call).unwrap().answer(status.parse().unwrap()).to_string()
        }
        ("method", [name, request]) => {
            let method = Method::of_topic(expected).unwrap();
            assert!(method.name.is(name));
            assert_eq!(method.request, *request);
            expected.into()
        }
        ("twin_answer", [..]) => {
            let answer = TwinAnswer::of_topic(expected).unwrap();
            assert_eq!((u64::from(answer.status), u64::from(answer.request)), (number(0), number(1)));
            expected.into()
        }
        ("dps_answers", []) => Registration::ANSWERS.into(),
        ("dps_register", [_]) => registration().register(number(0) as u32).to_string(),
        ("dps_status", [_, operation]) => registration().status(number(0) as u32, operation).to_string(),
        ("sigv4", [host, region, key, secret, token, _, _]) => {
            let credentials = Credentials { access_key_id: key, secret_access_key: secret, session_token: some(token) };
            let endpoint = Endpoint::custom(host, region).unwrap();
            let url = SigV4 { endpoint, credentials, now: number(5), expires: number(6) as u32 };
            url.write_url(&mut [0; 2048]).unwrap().into()
        }
        ("authorizer", [user, name, key, token, signature]) => {
            let token = some(key).map(|key| (key, *token, *signature));
            let authorizer = CustomAuthorizer { user, name: some(name), token };
            authorizer.write_user_name(&mut [0; 256]).unwrap().into()
        }
        ("shadow", [thing, name, what]) => {
            let thing = ThingName::new(thing).unwrap();
            let shadow = some(name).map_or(Shadow::classic(thing), |name| Shadow::named(thing, name).unwrap());
            let what = shadow_topic(what);
            assert_eq!(Shadow::of_topic(expected), Some((shadow, what)));
            shadow.topic(what).to_string()
        }
        ("jobs", [thing, what @ ..]) => {
            let what = match what {
                ["get"] => JobTopic::Pending,
                ["start-next"] => JobTopic::StartNext,
                ["notify"] => JobTopic::Notify,
                ["notify-next"] => JobTopic::NotifyNext,
                ["describe", job] => JobTopic::Describe(job),
                ["update", job] => JobTopic::Update(job),
                _ => panic!("{what:?}"),
            };
            Jobs::new(ThingName::new(thing).unwrap()).topic(what).unwrap().to_string()
        }
        ("certificates", [how, what]) => {
            let how = if *how == "csr" { Certificates::CreateFromCsr } else { Certificates::Create };
            how.topic(PayloadFormat::Json, exchange(what)).to_string()
        }
        ("provisioning", [template, what]) => {
            Provisioning::new(template).unwrap().topic(PayloadFormat::Json, exchange(what)).to_string()
        }
        ("rs256", [project, _, _]) => jwt(&mut Rsa::new(), project, number(1), number(2)),
        ("es256", [project, _, _]) => {
            let token = jwt(&mut Ecdsa::new(), project, number(1), number(2));
            let (message, signature) = token.rsplit_once('.').unwrap();
            Ecdsa::new().verify(message, signature);
            message.into()
        }
        _ => panic!("no such vector: {what} {given:?}"),
    }
}

fn sas(resource: &str, key: &str, expires_at: u64) -> String {
    let mut key = SymmetricKey::from_base64(key).unwrap();
    let parts: Vec<&str> = resource.split('/').collect();
    let token = match parts.as_slice() {
        [hub, "devices", device] => identity(hub, device, "").token(),
        [hub, "devices", device, "modules", module] => identity(hub, device, module).token(),
        [scope, "registrations", id] => Registration::new(scope, id).unwrap().token(),
        _ => panic!("{resource}"),
    };
    token.write(&mut [0; 512], &mut key, expires_at).unwrap().into()
}

/// Names and values without their escapes.
fn received(device: &str, topic: &str) -> Vec<String> {
    let properties = identity(HUB, device, "").read_message(topic).unwrap();
    let plain = |text: dunlin_cloud::azure::PropertyText<'_>| text.write(&mut [0; 64]).unwrap().unwrap().to_owned();
    properties.flat_map(|(name, value)| [plain(name), value.map_or("(none)".to_owned(), plain)]).collect()
}

fn identity<'a>(hub: &'a str, device: &'a str, module: &'a str) -> Identity<'a> {
    match module {
        "" => Identity::device(hub, device).unwrap(),
        _ => Identity::module(hub, device, module).unwrap(),
    }
}

fn registration() -> Registration<'static> {
    Registration::new("0ne00000000", "dev1").unwrap()
}

fn shadow_topic(what: &str) -> ShadowTopic {
    match what {
        "get" => ShadowTopic::Get,
        "get/accepted" => ShadowTopic::GetAccepted,
        "get/rejected" => ShadowTopic::GetRejected,
        "update" => ShadowTopic::Update,
        "update/accepted" => ShadowTopic::UpdateAccepted,
        "update/rejected" => ShadowTopic::UpdateRejected,
        "update/delta" => ShadowTopic::UpdateDelta,
        "update/documents" => ShadowTopic::UpdateDocuments,
        "delete" => ShadowTopic::Delete,
        "delete/accepted" => ShadowTopic::DeleteAccepted,
        "delete/rejected" => ShadowTopic::DeleteRejected,
        _ => panic!("{what}"),
    }
}

fn exchange(what: &str) -> Exchange {
    match what {
        "" => Exchange::Request,
        "accepted" => Exchange::Accepted,
        "rejected" => Exchange::Rejected,
        _ => panic!("{what}"),
    }
}

/// A column that may be empty.
fn some<'a>(field: &&'a str) -> Option<&'a str> {
    (!field.is_empty()).then_some(*field)
}

fn base64(bytes: &[u8]) -> String {
    use base64ct::Encoding;
    base64ct::Base64::encode_string(bytes)
}

fn jwt(signer: &mut impl JwtSigner<Error = ring::error::Unspecified>, audience: &str, from: u64, to: u64) -> String {
    let claims = Claims { audience, issued_at: from, expires_at: to };
    claims.write(&mut [0; 1024], signer).unwrap().into()
}

struct Rsa(signature::RsaKeyPair);

impl Rsa {
    fn new() -> Self {
        Self(signature::RsaKeyPair::from_pkcs8(include_bytes!("vectors/rs256.pk8")).unwrap())
    }
}

impl JwtSigner for Rsa {
    type Error = ring::error::Unspecified;

    fn algorithm(&self) -> Algorithm {
        Algorithm::Rs256
    }

    fn sign(&mut self, message: &[u8], signature: &mut SignatureBuffer) -> Result<usize, Self::Error> {
        let len = self.0.public().modulus_len();
        self.0.sign(&signature::RSA_PKCS1_SHA256, &SystemRandom::new(), message, &mut signature[..len])?;
        Ok(len)
    }
}

struct Ecdsa(signature::EcdsaKeyPair);

impl Ecdsa {
    fn new() -> Self {
        let (algorithm, key) = (&signature::ECDSA_P256_SHA256_FIXED_SIGNING, include_bytes!("vectors/es256.pk8"));
        Self(signature::EcdsaKeyPair::from_pkcs8(algorithm, key, &SystemRandom::new()).unwrap())
    }

    fn verify(&self, message: &str, signature: &str) {
        use base64ct::Encoding;
        use ring::signature::KeyPair;
        let key = signature::UnparsedPublicKey::new(&signature::ECDSA_P256_SHA256_FIXED, self.0.public_key().as_ref());
        key.verify(message.as_bytes(), &base64ct::Base64UrlUnpadded::decode_vec(signature).unwrap()).unwrap();
    }
}

impl JwtSigner for Ecdsa {
    type Error = ring::error::Unspecified;

    fn algorithm(&self) -> Algorithm {
        Algorithm::Es256
    }

    fn sign(&mut self, message: &[u8], signature: &mut SignatureBuffer) -> Result<usize, Self::Error> {
        let made = self.0.sign(&SystemRandom::new(), message)?;
        signature[..made.as_ref().len()].copy_from_slice(made.as_ref());
        Ok(made.as_ref().len())
    }
}

/// `DUNLIN_CLOUD_PYTHON=venv/bin/python cargo test -p dunlin-cloud -- --ignored`, with what `make.py` says installed.
#[test]
#[ignore = "needs a Python with the vendors' libraries"]
fn the_libraries_still_say_so() {
    let python = std::env::var("DUNLIN_CLOUD_PYTHON").expect("DUNLIN_CLOUD_PYTHON names a Python");
    let script = concat!(env!("CARGO_MANIFEST_DIR"), "/tests/vectors/make.py");
    let output = std::process::Command::new(python).arg(script).output().unwrap();
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    assert_eq!(String::from_utf8(output.stdout).unwrap(), VECTORS);
}
