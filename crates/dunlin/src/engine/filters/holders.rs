use super::Held;

/// The number of a subscription: its place, and how many were at this place before it.
pub(crate) type Holder = u64;

/// The subscriptions. Each is found by its place, since one is looked up for every message; what is kept of one that is
/// gone does not find another.
#[derive(Debug, Default)]
pub(super) struct Holders {
    places: Vec<Place>,
    free: Vec<u32>,
}

#[derive(Debug, Default)]
struct Place {
    before: u32,
    held: Option<Held>,
}

impl Holders {
    /// A number for a subscription that is put in next.
    pub(super) fn reserve(&mut self) -> Holder {
        let at = self.free.pop().unwrap_or_else(|| {
            if self.places.is_empty() {
                // Many a client has but one.
                self.places.reserve_exact(1);
            }
            self.places.push(Place::default());
            self.places.len() as u32 - 1
        });
        let before = self.places.get(at as usize).map_or(0, |place| place.before);
        Holder::from(before) << 32 | Holder::from(at)
    }

    /// Of a number that was reserved, or whose subscription was taken out.
    pub(super) fn put(&mut self, holder: Holder, held: Held) {
        if let Some(place) = self.place(holder) {
            place.held = Some(held);
        }
    }

    /// The number stays reserved.
    pub(super) fn take(&mut self, holder: Holder) -> Option<Held> {
        self.place(holder)?.held.take()
    }

    /// The number is never used again.
    pub(super) fn free(&mut self, holder: Holder) {
        let Some(place) = self.place(holder) else { return };
        *place = Place { before: place.before.wrapping_add(1), held: None };
        self.free.push(holder as u32);
    }

    pub(super) fn get(&self, holder: Holder) -> Option<&Held> {
        let place = self.places.get(holder as u32 as usize)?;
        if place.before == (holder >> 32) as u32 { place.held.as_ref() } else { None }
    }

    #[inline]
    pub(super) fn get_mut(&mut self, holder: Holder) -> Option<&mut Held> {
        self.place(holder)?.held.as_mut()
    }

    /// In the order of their places.
    pub(super) fn iter(&self) -> impl Iterator<Item = (Holder, &Held)> {
        self.places.iter().enumerate().filter_map(|(at, place)| {
            let holder = Holder::from(place.before) << 32 | at as Holder;
            Some((holder, place.held.as_ref()?))
        })
    }

    #[inline]
    fn place(&mut self, holder: Holder) -> Option<&mut Place> {
        let place = self.places.get_mut(holder as u32 as usize)?;
        if place.before == (holder >> 32) as u32 { Some(place) } else { None }
    }
}

#[cfg(test)]
mod tests {
    use std::sync::Arc;

    use super::*;
    use crate::engine::inbox::Inbox;

    fn held() -> Held {
        Held::new(Arc::new(Inbox::new(1, 0, None)))
    }

    #[test]
    fn the_number_of_a_subscription_that_is_gone_finds_no_other() {
        let mut holders = Holders::default();
        let (first, second) = (holders.reserve(), holders.reserve());
        assert!(holders.get(first).is_none(), "it is not there yet");
        holders.put(first, held());
        holders.put(second, held());
        holders.free(first);
        holders.free(first);
        let third = holders.reserve();
        holders.put(third, held());
        assert_eq!(third as u32, first as u32, "the place is used again");
        assert!(holders.get(first).is_none() && holders.get_mut(first).is_none() && holders.take(first).is_none());
        assert_eq!(holders.iter().map(|(holder, _)| holder).collect::<Vec<_>>(), [third, second]);
    }

    #[test]
    fn what_is_taken_out_can_be_put_back() {
        let mut holders = Holders::default();
        let holder = holders.reserve();
        holders.put(holder, held());
        let taken = holders.take(holder).unwrap();
        assert!(holders.take(holder).is_none());
        assert_ne!(holders.reserve(), holder);
        holders.put(holder, taken);
        assert!(holders.get(holder).is_some());
    }
}
