//! MQTT over WebSocket: against a server that the test plays byte by byte, and against a real Mosquitto.

#[path = "../scene.rs"]
mod scene;

mod frames;
mod handshake;
mod mosquitto;
mod peer;
mod wrong_port;
