//! `cargo xtask servers`: the same stories of real servers by several authors, and over every way to one of them.

use crate::process::Job;
use crate::report::{Outcome, Skip, Trouble};
use crate::test::{Extra, with_servers};

pub(crate) fn run(arguments: &[String]) -> Result<Outcome, Trouble> {
    let installs = match arguments {
        [] => false,
        [yes] if yes == "--yes" => true,
        _ => return Err(Trouble::new("`servers` takes `--yes` or nothing")),
    };
    if installs {
        let mut extra = Extra::new();
        let there = [
            ("Mosquitto", extra.debian("mosquitto", "mosquitto")),
            ("ejabberd", extra.debian("ejabberdctl", "ejabberd")),
            ("NATS", extra.debian("nats-server", "nats-server")),
            ("rumqttd", extra.python("iotcore")),
            ("an HTTP proxy", extra.debian("tinyproxy", "tinyproxy")),
            ("a SOCKS proxy", extra.debian("microsocks", "microsocks")),
        ];
        for (name, _) in there.iter().filter(|(_, is_there)| !is_there) {
            println!("{}", Skip { what: (*name).to_owned(), why: "it cannot be installed here".to_owned() });
        }
    }
    with_servers(Job::cargo(STORIES)).run()
}

const STORIES: &[&str] = &["run", "--quiet", "--profile", "ci", "--package", "dunlin-servers"];
