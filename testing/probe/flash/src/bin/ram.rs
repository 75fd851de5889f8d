//! No program: its symbols tell the size of what a session takes in RAM.

#![no_std]
#![no_main]

use core::mem::MaybeUninit;

use cortex_m_rt::entry;
use dunlin_session::{Received, Session, Slices, Slot};
use probe_flash::rest;

#[used]
static SESSION: Room<{ size_of::<Session<Slices<'_>>>() }> = Room::NEW;
#[used]
static SLOT: Room<{ size_of::<Slot<()>>() }> = Room::NEW;
#[used]
static RECEIVED: Room<{ size_of::<Received>() }> = Room::NEW;

struct Room<const SIZE: usize>(MaybeUninit<[u8; SIZE]>);

impl<const SIZE: usize> Room<SIZE> {
    const NEW: Self = Self(MaybeUninit::uninit());
}

#[entry]
fn main() -> ! {
    rest()
}
