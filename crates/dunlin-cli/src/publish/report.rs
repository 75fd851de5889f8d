use dunlin::{Outcome, PublishError, Rejection, Uncertainty};

use super::outbox::Settled;
use super::{Messages, Order};
use crate::exit_codes::ExitCode;
use crate::failure::Failure;
use crate::json::Object;
use crate::printer::Printer;

/// What became of the messages, told as they are settled and summed up at the end.
pub(super) struct Report<'a> {
    messages: &'a Messages,
    order: &'a Order,
    total: u64,
    failed: u64,
    /// The first that failed; its code is that of the command.
    first: Option<Failure>,
}

impl<'a> Report<'a> {
    pub(super) fn new(messages: &'a Messages, order: &'a Order) -> Self {
        Self { messages, order, total: 0, failed: 0, first: None }
    }

    pub(super) fn settled(&mut self, settled: &Settled, printer: &mut Printer) {
        self.total += 1;
        self.outcome(settled, printer);
        let Err(error) = &settled.result else { return };
        self.failed += 1;
        let failure = Failure::from(error.clone());
        if self.messages.content.lines && self.failed <= COMPLAINTS {
            Printer::complain(&failure.clone().during(&format!("line {}", settled.number)));
        }
        self.first.get_or_insert(failure);
    }

    /// The command `ended` with messages unsettled: says what is known of them.
    pub(super) fn abandoned(&mut self, left: &[Settled], ended: Failure, printer: &mut Printer) -> Failure {
        left.iter().for_each(|settled| self.outcome(settled, printer));
        let is_unknown = |settled: &&Settled| matches!(settled.result, Err(PublishError::Unknown(_)));
        let is_settled = |settled: &&Settled| settled.result.is_ok();
        let unknown = left.iter().filter(is_unknown).count();
        let unsent = left.len() - unknown - left.iter().filter(is_settled).count();
        if unsent > 0 {
            Printer::say(format_args!("not sent: {}", messages(unsent as u64)));
        }
        if unknown > 0 {
            Printer::say(format_args!("sent and not answered, so perhaps delivered: {}", messages(unknown as u64)));
        }
        if unknown > 0 && !ended.is_silent() { ended.with_code(ExitCode::MessageUnknown) } else { ended }
    }

    /// How the command ends when every message is settled.
    pub(super) fn verdict(self) -> Result<(), Failure> {
        let Some(first) = self.first else {
            if self.messages.verbose {
                Printer::say(format_args!("published: {}", messages(self.total)));
            }
            return Ok(());
        };
        if !self.messages.content.lines {
            return Err(first);
        }
        let message = format!("{} of {} were not delivered", self.failed, messages(self.total));
        Err(Failure::new(first.code(), message).with_hint("standard error names the first of them; --json tells all"))
    }

    fn outcome(&self, settled: &Settled, printer: &mut Printer) {
        if !self.messages.json {
            return;
        }
        let object = Object::new()
            .text("topic", &self.order.topic)
            .plain("number", settled.number)
            .plain("bytes", settled.bytes)
            .plain("qos", self.order.qos as u8)
            .plain("retain", self.order.retain);
        let object = match &settled.result {
            Ok(Outcome::Delivered(reason)) => {
                object.text("outcome", "delivered").plain("code", reason.get()).text("reason", reason.name())
            }
            Ok(_) => object.text("outcome", "sent"),
            Err(PublishError::Unknown(why)) => object.text("outcome", "unknown").text("reason", uncertainty(*why)),
            Err(PublishError::Refused { reason, .. } | PublishError::Rejected(Rejection::BeyondLimits(reason))) => {
                object.text("outcome", "rejected").plain("code", reason.get()).text("reason", reason.name())
            }
            Err(error) => object.text("outcome", "rejected").text("reason", &error.to_string()),
        };
        printer.data(object.finish().as_bytes());
        printer.data(b"\n");
    }
}

fn uncertainty(why: Uncertainty) -> &'static str {
    match why {
        Uncertainty::PartlyWritten => "the connection broke while it was being written",
        Uncertainty::SessionLost => "the server lost the session before it answered",
        Uncertainty::BeyondLimits => "the server did not answer, and now refuses such messages",
        Uncertainty::Kept => "it is in the store, and goes on with the next client",
        _ => "the server has not answered",
    }
}

fn messages(count: u64) -> String {
    format!("{count} message{}", if count == 1 { "" } else { "s" })
}

/// Messages of which each has its own line on stderr.
const COMPLAINTS: u64 = 5;
