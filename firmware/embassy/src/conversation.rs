use core::pin::pin;

use dunlin_codec::Version;
use dunlin_embedded::{Async, Client, Connector, EmbassyTimer, Line, Options};
use dunlin_session::{Received, Slot, Storage};
use firmware_stories::beside;

/// The client of a board.
pub type BoardClient<'l, 'a> = Client<'a, Async<'l, 'a, EmbassyTimer>>;

/// Runs the application with a client that has room for messages of 400 bytes.
pub async fn converse(
    connector: impl Connector,
    version: Version,
    options: &Options<'_>,
    application: impl AsyncFnOnce(&mut BoardClient<'_, '_>) -> Option<()>,
) -> Option<()> {
    let (mut log, mut control, mut receive, mut transmit) = ([0; 512], [0; 128], [0; 512], [0; 128]);
    let (mut slots, mut received) = ([const { Slot::EMPTY }; 4], [Received::EMPTY; 4]);
    let storage = Storage::of_slices(&mut log, &mut control, &mut slots, &mut received);
    let line = Line::new(&mut receive, &mut transmit);
    let mut client = Client::new(version, storage, options, &line, EmbassyTimer);
    beside(pin!(line.run(connector)), pin!(application(&mut client))).await
}
