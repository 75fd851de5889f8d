//! No program: its symbols tell the sizes of what a client takes in RAM.

#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use cortex_m_rt::entry;
use dunlin_embedded::{Async, Blocking, Client, Line};
use dunlin_session::{Received, Session, Slices, Slot};
use firmware_sizes::{Board, Halves, finish};

#[used]
static SESSION: Room<{ size_of::<Session<Slices<'_>>>() }> = Room::NEW;
#[used]
static SLOT: Room<{ size_of::<Slot<()>>() }> = Room::NEW;
#[used]
static RECEIVED: Room<{ size_of::<Received>() }> = Room::NEW;
#[used]
static BLOCKING: Room<{ size_of::<Client<'_, Blocking<&Board, &Board>>>() }> = Room::NEW;
#[used]
static ASYNCHRONOUS: Room<{ size_of::<Client<'_, Async<'_, '_, Halves<'_>>>>() }> = Room::NEW;
#[used]
static LINE: Room<{ size_of::<Line<'_>>() }> = Room::NEW;

struct Room<const SIZE: usize>(MaybeUninit<[u8; SIZE]>);

impl<const SIZE: usize> Room<SIZE> {
    const NEW: Self = Self(MaybeUninit::uninit());
}

#[entry]
fn main() -> ! {
    finish(true)
}
