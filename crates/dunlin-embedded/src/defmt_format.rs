use defmt::{Debug2Format, Format, Formatter};

use crate::{Cause, Event};

impl Format for Event<'_> {
    fn format(&self, f: Formatter<'_>) {
        defmt::write!(f, "{}", Debug2Format(self));
    }
}

impl Format for Cause {
    fn format(&self, f: Formatter<'_>) {
        defmt::write!(f, "{}", Debug2Format(self));
    }
}
