mod provision;
mod shadow;
mod thing;

use clap::{Args, Subcommand};
use dunlin::Qos;
use dunlin_cloud::aws::{BasicIngest, Shadow, ShadowUpdate, ThingName};
use dunlin_cloud::{Pace, Service, ThingShadow};

use self::provision::Provision;
use self::shadow::ShadowOf;
use self::thing::{Place, Signing, Thing};
use super::document::checked;
use super::reach::{Reach, call};
use super::secrets::unusable;
use super::settings::Form;
use super::watch::Watching;
use crate::failure::Failure;
use crate::json::Object;
use crate::printer::Printer;
use crate::publish::{Messages, Order, qos};

/// AWS IoT Core
#[derive(Args, Debug)]
#[command(after_help = "\
Examples:
  export DUNLIN_AWS_ENDPOINT=a1b2-ats.iot.eu-west-1.amazonaws.com
  dunlin cloud aws publish --thing pump-3 --cert pump-3.crt --key pump-3.key plant/3 21.5
  dunlin cloud aws publish --thing pump-3 --by sigv4 --rule store plant/3 21.5
  dunlin cloud aws watch --thing pump-3 --cert pump-3.crt --key pump-3.key
  dunlin cloud aws url              # signed with AWS_ACCESS_KEY_ID and its like, or a profile
  dunlin cloud aws provision --template pumps --parameter SerialNumber=3 --cert claim.crt \\
      --key claim.key --certificate-out pump-3.crt --key-out pump-3.key")]
pub(super) struct Aws {
    #[command(subcommand)]
    what: What,
}

#[derive(Subcommand, Debug)]
enum What {
    /// Print a signed WebSocket URL, with which anybody can connect for some minutes, and nothing else
    Url {
        #[command(flatten)]
        place: Place,
        #[command(flatten)]
        signing: Signing,
    },
    /// Print what any MQTT client must be told to connect as this thing
    Settings {
        #[command(flatten)]
        thing: Thing,
        #[command(flatten)]
        form: Form,
    },
    /// Publish to a topic, or straight to a rule
    Publish(Box<Publish>),
    /// Report the state of the thing to its shadow, and print the new version
    Report {
        /// A JSON object; null deletes a property
        #[arg(value_name = "JSON")]
        reported: String,
        #[command(flatten)]
        shadow: ShadowName,
        #[command(flatten)]
        thing: Thing,
        #[command(flatten)]
        reach: Reach,
    },
    /// Print the shadow of the thing, and each way in which it differs from what is desired, a line of JSON each
    ///
    /// Differences are told only while the thing is connected, so the shadow is read and printed again after each
    /// reconnect.
    Watch {
        #[command(flatten)]
        shadow: ShadowName,
        #[command(flatten)]
        thing: Thing,
        #[command(flatten)]
        watch: Watching,
        #[command(flatten)]
        reach: Reach,
    },
    /// Make a thing of a new device: certificate, key and name, by a fleet's claim certificate and template
    Provision(Box<Provision>),
}

#[derive(Args, Debug)]
struct Publish {
    /// Where to publish
    topic: String,
    /// Publish straight to this rule (Basic Ingest), without the broker and its price; it sees the topic
    #[arg(long, value_name = "RULE")]
    rule: Option<String>,
    /// How often a message may arrive: 0 at most once, 1 at least once
    #[arg(short, long, value_name = "QOS", value_parser = qos, default_value = "1")]
    qos: Qos,
    /// Let the service keep the message for later subscribers
    #[arg(short, long)]
    retain: bool,
    #[command(flatten)]
    messages: Messages,
    #[command(flatten)]
    thing: Thing,
    #[command(flatten)]
    reach: Reach,
}

#[derive(Args, Debug)]
struct ShadowName {
    /// The named shadow, instead of the classic one
    #[arg(long, value_name = "NAME", help_heading = "Thing")]
    shadow: Option<String>,
}

impl Aws {
    pub(super) async fn run(self, printer: &mut Printer) -> Result<(), Failure> {
        match self.what {
            What::Url { place, signing } => printer.line(&signing.url(&place)?).await,
            What::Settings { thing, form } => thing.settings()?.print(&form, printer).await,
            What::Publish(publish) => publish.run(printer).await,
            What::Report { reported, shadow, thing, reach } => {
                let (reported, shadow) = (checked(&reported)?, shadow.of(&thing)?);
                let update = ShadowUpdate { reported: Some(&reported), ..ShadowUpdate::default() };
                let version = call(thing.target(&reach)?, async |client| {
                    ThingShadow::open(client, shadow).await?.update(&update).await
                });
                printer.line(&Object::new().plain("version", version.await?).finish()).await
            }
            What::Watch { shadow, thing, watch, reach } => {
                let told = ShadowOf(shadow.of(&thing)?);
                watch.run(thing.target(&reach)?, told, printer).await
            }
            What::Provision(provision) => provision.run(printer).await,
        }
    }
}

impl Publish {
    async fn run(&self, printer: &mut Printer) -> Result<(), Failure> {
        let topic = match &self.rule {
            Some(rule) => BasicIngest::new(rule).map_err(unusable)?.topic(&self.topic).to_string(),
            None => self.topic.clone(),
        };
        dunlin::TopicName::new(&topic).map_err(|error| Failure::usage(error.to_string()))?;
        let pace = Some(Pace::of(Service::AwsIotCore));
        let order = Order { topic, qos: self.qos, retain: self.retain, pace };
        self.messages.publish(&order, self.thing.target(&self.reach)?, printer).await
    }
}

impl ShadowName {
    fn of<'a>(&'a self, thing: &'a Thing) -> Result<Shadow<'a>, Failure> {
        let thing = ThingName::new(thing.name()).map_err(|error| unusable(error).during("--thing"))?;
        match &self.shadow {
            Some(name) => Shadow::named(thing, name).map_err(|error| unusable(error).during("--shadow")),
            None => Ok(Shadow::classic(thing)),
        }
    }
}
