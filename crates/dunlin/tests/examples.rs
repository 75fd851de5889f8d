//! Every example runs to its end against a real server, says what it promises, and fits on a page.

use std::{
    collections::{BTreeMap, BTreeSet},
    env,
    ffi::OsStr,
    fs,
    io::Read,
    path::{Path, PathBuf},
    process::{Command, Stdio},
    sync::mpsc,
    thread,
    time::Duration,
};

use dunlin_testkit::{Mosquitto, ProxyServer};

#[test]
fn every_example_runs_to_its_end_and_says_what_it_promises() {
    let server = Mosquitto::options().websockets(true).start().expect("this test needs Mosquitto");
    let guarded = Mosquitto::options().user("anna", "secret").start().expect("this test needs Mosquitto");
    let proxy = ProxyServer::socks5(Some(("anna", "secret"))).expect("this test needs microsocks");
    let certificates = server.certificates();
    let runs = [
        run("blocking", [&server.url()]).says("3 readings\n"),
        run("drain_on_close", [&server.url()])
            .says("1000 settled, 0 unsent, 0 unknown\nafterwards: the client is closed"),
        run("exactly_once", [&server.url()]).says("booked 99.00 with QoS 2\n"),
        run("failover", ["mqtt://127.0.0.1:1", &server.url()]).says(&format!("connected to {}\n", server.url())),
        run("fleet", [&server.url()]).says("200 devices say that they are on\n200 obeyed\n"),
        run("inspect", [&server.url()]).says("-> DISCONNECT 0x00, 2 bytes\n"),
        run("last_will", [&server.url()]).says("device/17/state is online\ndevice/17/state is lost\n"),
        run("manual_acknowledgement", [&server.url()]).says("done: jobs/long\n"),
        run("many_subscriptions", [&server.url()]).says("100 lights were seen, 0 too many\n100 rooms were told\n"),
        run("outcomes", [&server.url()]).says("1000 delivered, 0 not\n"),
        run("properties", [&server.url()]).says("3.1.1: MQTT 3.1.1 has no message properties\n"),
        run("providers", [&guarded.url()])
            .variable("USER_NAME", "anna")
            .variable("PASSWORD", "secret")
            .says("let in with token 1\n"),
        run("proxy", [&server.url(), &proxy.url()]).says("through the proxy: Delivered("),
        run("publish", [&server.url()]).says("QoS 0: Sent\nQoS 1: Delivered("),
        run("reconnect", [&server.url()]).says("news: Some(\"all is well\")\nConnected, 2 connections\n"),
        run("request_response", [&server.url()])
            .says("temperature: Some(\"21.5\"), weather: Some(\"what?\")\nplant 8: nobody subscribes"),
        run("retained_state", [&server.url()]).says("valve/1/state: shut, retained: true\n"),
        run("seed", [])
            .variable("MQTT_HOST", "127.0.0.1")
            .variable("MQTT_PORT", server.tls_port().to_string())
            .variable("MQTT_CA", certificates.authority_file())
            .says("your_topic says Some(\"your message\")\n"),
        run("shared_subscription", [&server.url()]).says("20 orders done, all by one: false\n"),
        run("subscribe", [&server.url()]).says("plant/7/command: open\nplant/all/stop: now\n"),
        run("tls_client_certificate", [&server.mutual_tls_url()])
            .file(certificates.authority_file())
            .file(certificates.client_certificate_file())
            .file(certificates.client_key_file())
            .says("with it: Delivered("),
        run("typed_payloads", [&server.url()])
            .says("sensor 17: 21.5 in 28 bytes\nsensor 17: 21.5 in 20 bytes\nthe payload is no JSON: "),
        run("websocket", [&server.websocket_url()]).says("echo: over WebSocket\n"),
    ];
    let run: BTreeSet<String> = runs.iter().map(|run| run.name.to_owned()).collect();
    assert_eq!(run, sources().into_keys().collect(), "each is run, and each that is run exists");
    runs.into_iter().for_each(Run::end);
}

#[test]
fn every_example_fits_on_a_page() {
    for (name, text) in sources() {
        let lines = text.lines().count();
        assert!(lines <= 60, "{name} has {lines} lines, and 60 are the most: make two of it");
    }
}

#[test]
fn the_readme_names_every_example() {
    let readme = fs::read_to_string(folder().join("../../../README.md")).unwrap();
    for name in sources().into_keys() {
        assert!(readme.contains(&format!("crates/dunlin/examples/{name}.rs")), "the README does not name {name}");
    }
}

/// One example, and how it is called.
struct Run {
    name: &'static str,
    command: Command,
    promise: String,
}

fn run<const N: usize>(name: &'static str, arguments: [&str; N]) -> Run {
    let mut command = Command::new(built(name));
    command.args(arguments).stdin(Stdio::null()).stdout(Stdio::piped());
    for variable in ["all_proxy", "ALL_PROXY", "https_proxy", "HTTPS_PROXY"] {
        command.env_remove(variable);
    }
    Run { name, command, promise: String::new() }
}

impl Run {
    fn file(mut self, path: &Path) -> Self {
        self.command.arg(path);
        self
    }

    fn variable(mut self, name: &str, value: impl AsRef<OsStr>) -> Self {
        self.command.env(name, value);
        self
    }

    /// What must be part of its output.
    fn says(mut self, promise: &str) -> Self {
        promise.clone_into(&mut self.promise);
        self
    }

    fn end(mut self) {
        let name = self.name;
        let mut child = self.command.spawn().unwrap_or_else(|error| panic!("{name} cannot be run: {error}"));
        let mut stdout = child.stdout.take().expect("stdout is piped");
        let (ended, end) = mpsc::channel();
        thread::spawn(move || {
            let mut said = String::new();
            let _ = stdout.read_to_string(&mut said);
            let _ = ended.send(said);
        });
        let Ok(said) = end.recv_timeout(LIMIT) else {
            let _ = child.kill();
            panic!("{name} did not end within {LIMIT:?}, and said {:?}", end.recv().unwrap_or_default());
        };
        let status = child.wait().expect("it has ended");
        assert!(status.success(), "{name}: {status}; it said {said:?}");
        assert!(said.contains(&self.promise), "{name} said {said:?}, and {:?} is what it promises", self.promise);
    }
}

/// The program, which must not be older than what it is made of.
fn built(name: &str) -> PathBuf {
    let test = env::current_exe().expect("this program has a path");
    let folder = test.ancestors().nth(2).expect("it lies in `deps`").join("examples");
    let program = folder.join(name).with_extension(env::consts::EXE_EXTENSION);
    let changed = |path: &Path| fs::metadata(path).and_then(|metadata| metadata.modified());
    let source = changed(&self::folder().join(name).with_extension("rs")).expect("the example exists");
    let is_new = changed(&program).is_ok_and(|built| built >= source);
    assert!(is_new, "the example {name} is not built: cargo build -p dunlin --examples --all-features");
    program
}

/// The name of each example, and its text.
fn sources() -> BTreeMap<String, String> {
    let files = fs::read_dir(folder()).expect("the examples are there").map(|entry| entry.unwrap().path());
    let name = |path: &Path| path.file_stem().and_then(OsStr::to_str).expect("a name of letters").to_owned();
    files.map(|path| (name(&path), fs::read_to_string(&path).unwrap())).collect()
}

fn folder() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR")).join("examples")
}

const LIMIT: Duration = Duration::from_secs(60);
