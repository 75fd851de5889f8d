//! What each server needs to let a test in.

use std::env::consts::ARCH;
use std::path::Path;
use std::process::Command;

use super::{Ports, ServerKind};

/// Its files, by name, and the command that is run beside them.
pub(super) struct Recipe {
    pub(super) files: Vec<(&'static str, String)>,
    pub(super) command: Command,
}

pub(super) fn recipe(kind: ServerKind, ports: Ports, directory: &Path, program: Command) -> Recipe {
    match kind {
        ServerKind::Mosquitto => mosquitto(ports, program),
        ServerKind::Ejabberd => ejabberd(ports, directory, program),
        ServerKind::Rumqttd => rumqttd(ports, program),
        ServerKind::Nats => nats(ports, program),
    }
}

/// Its own limit of queued messages loses them silently.
fn mosquitto(ports: Ports, mut command: Command) -> Recipe {
    let config = format!("listener {} 127.0.0.1\nallow_anonymous true\nmax_queued_messages 0\n", ports.mqtt);
    command.args(["-c", "mosquitto.conf"]);
    Recipe { files: vec![("mosquitto.conf", config)], command }
}

/// Mnesia wants a node with a name, and a node with a name wants a port mapper, which would outlive it: with a port of
/// its own it needs none. On one scheduler that does not spin it starts in a third of the time.
fn ejabberd(ports: Ports, directory: &Path, mut command: Command) -> Recipe {
    let config = format!(
        "hosts: [localhost]\n\
         loglevel: warning\n\
         auth_method: [anonymous]\n\
         anonymous_protocol: login_anon\n\
         allow_multiple_connections: true\n\
         listen:\n  - {{port: {}, ip: \"127.0.0.1\", module: mod_mqtt, backlog: 1000}}\n\
         modules:\n  mod_mqtt: {{}}\n",
        ports.mqtt
    );
    command
        .args("+S 1:1 +sbwt none +sbwtdcpu none +sbwtdio none -noinput".split(' '))
        .args(["-sname", "dunlin@localhost", "-start_epmd", "false", "-erl_epmd_port", &ports.other.to_string()])
        .args(["-kernel", "inet_dist_use_interface", "{127,0,0,1}"])
        .args(["-mnesia", "dir", &format!("{:?}", directory.join("database"))])
        .args(["-s", "ejabberd"])
        .env("EJABBERD_CONFIG_PATH", directory.join("ejabberd.yml"))
        .env("EJABBERD_LOG_PATH", directory.join("ejabberd.log"))
        .env("ERL_CRASH_DUMP_BYTES", "0")
        // Where Debian puts them.
        .env("ERL_LIBS", format!("/usr/lib/{ARCH}-linux-gnu"))
        // Where the cookie is put.
        .env("HOME", directory);
    Recipe { files: vec![("ejabberd.yml", config)], command }
}

fn rumqttd(ports: Ports, mut command: Command) -> Recipe {
    let listener = |name: &str, port: u16| {
        format!(
            "[{name}.1]\nname = \"{name}\"\nlisten = \"127.0.0.1:{port}\"\nnext_connection_delay_ms = 0\n\
             [{name}.1.connections]\nconnection_timeout_ms = 60000\nmax_payload_size = 20971520\n\
             max_inflight_count = 100\ndynamic_filters = true\n"
        )
    };
    let config = format!(
        "id = 0\n[router]\nid = 0\nmax_connections = 1000\nmax_outgoing_packet_count = 200\n\
         max_segment_size = 104857600\nmax_segment_count = 10\n{}{}",
        listener("v5", ports.v5),
        listener("v4", ports.mqtt),
    );
    command.args(["-m", "iotcore", "--config", "rumqttd.toml"]);
    Recipe { files: vec![("rumqttd.toml", config)], command }
}

fn nats(ports: Ports, mut command: Command) -> Recipe {
    let config = format!(
        "server_name: \"dunlin\"\nlisten: \"127.0.0.1:{}\"\njetstream {{ store_dir: \"store\" }}\n\
         mqtt {{ listen: \"127.0.0.1:{}\" }}\n",
        ports.other, ports.mqtt
    );
    command.args(["-c", "nats.conf"]);
    Recipe { files: vec![("nats.conf", config)], command }
}
