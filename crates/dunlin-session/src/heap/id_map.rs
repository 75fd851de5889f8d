use alloc::{boxed::Box, vec::Vec};

use dunlin_codec::PacketId;

/// Numbers by packet identifier. Servers count identifiers up, so that those in use lie side by side: they are kept in
/// pages, and a page that is not in use any more is the next one.
#[derive(Debug, Default)]
pub(super) struct IdMap {
    pages: Vec<Option<Box<Page>>>,
    spare: Option<Box<Page>>,
    len: usize,
}

#[derive(Debug)]
struct Page {
    /// A bit for each identifier in use.
    used: u64,
    numbers: [u32; 64],
}

impl IdMap {
    pub(super) fn is_empty(&self) -> bool {
        self.len == 0
    }

    #[inline]
    pub(super) fn get(&self, id: PacketId) -> Option<u32> {
        let (index, at) = place(id);
        let page = self.pages.get(index)?.as_ref()?;
        if page.used >> at & 1 == 0 { None } else { page.numbers.get(at).copied() }
    }

    /// False: the identifier is in use, and stays as it is.
    #[inline]
    pub(super) fn insert(&mut self, id: PacketId, number: u32) -> bool {
        let (index, at) = place(id);
        if index >= self.pages.len() {
            self.pages.resize_with(index + 1, || None);
        }
        let Some(entry) = self.pages.get_mut(index) else { return false };
        let spare = &mut self.spare;
        let page =
            entry.get_or_insert_with(|| spare.take().unwrap_or_else(|| Box::new(Page { used: 0, numbers: [0; 64] })));
        if page.used >> at & 1 != 0 {
            return false;
        }
        page.used |= 1 << at;
        if let Some(known) = page.numbers.get_mut(at) {
            *known = number;
        }
        self.len += 1;
        true
    }

    /// False: it was not in use.
    #[inline]
    pub(super) fn remove(&mut self, id: PacketId) -> bool {
        let (index, at) = place(id);
        let Some(entry) = self.pages.get_mut(index) else { return false };
        let Some(page) = entry.as_mut().filter(|page| page.used >> at & 1 != 0) else { return false };
        page.used &= !(1 << at);
        if page.used == 0 {
            self.spare = entry.take();
        }
        self.len -= 1;
        true
    }
}

fn place(id: PacketId) -> (usize, usize) {
    (usize::from(id.get()) / 64, usize::from(id.get()) % 64)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use proptest::prelude::*;

    use super::*;

    proptest! {
        #![proptest_config(ProptestConfig { failure_persistence: None, ..ProptestConfig::default() })]

        #[test]
        fn a_map_of_identifiers_is_a_map(steps in prop::collection::vec((any::<bool>(), 1..200_u16), 0..200)) {
            let (mut map, mut model) = (IdMap::default(), BTreeMap::new());
            for (number, (insert, id)) in steps.into_iter().enumerate() {
                let (key, number) = (PacketId::new(id).unwrap(), number as u32);
                if insert {
                    prop_assert_eq!(map.insert(key, number), !model.contains_key(&id));
                    model.entry(id).or_insert(number);
                } else {
                    prop_assert_eq!(map.remove(key), model.remove(&id).is_some());
                }
                prop_assert_eq!(map.is_empty(), model.is_empty());
            }
            for id in 1..200 {
                prop_assert_eq!(map.get(PacketId::new(id).unwrap()), model.get(&id).copied());
            }
        }
    }

    /// The server goes through all identifiers, again and again.
    #[test]
    fn memory_is_in_proportion_to_what_is_in_use() {
        let mut map = IdMap::default();
        let ids = || (1..=u16::MAX).filter_map(PacketId::new);
        for _ in 0..2 {
            for (id, next) in ids().zip(ids().skip(100)) {
                map.insert(next, 7);
                map.remove(id);
                assert!(map.pages.iter().flatten().count() <= 5);
            }
        }
    }
}
