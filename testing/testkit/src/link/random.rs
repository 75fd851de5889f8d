/// SplitMix64 (Steele, Lea and Flood, 2014): small, and the same everywhere and for ever, so that
/// a seed in an old bug report still means the same run.
#[derive(Clone, Debug)]
pub(super) struct Random {
    state: u64,
}

impl Random {
    /// One of many independent sequences of one seed.
    pub(super) fn new(seed: u64, sequence: u64) -> Self {
        let mut random = Self { state: seed };
        let start = random.next();
        Self { state: start ^ sequence.wrapping_mul(GAMMA).rotate_left(32) }
    }

    /// A number from 0 to `highest`, both included. The bias of the remainder is below one in
    /// 2^32 for what is asked here.
    pub(super) fn up_to(&mut self, highest: u64) -> u64 {
        match highest.checked_add(1) {
            Some(count) => self.next() % count,
            None => self.next(),
        }
    }

    fn next(&mut self) -> u64 {
        self.state = self.state.wrapping_add(GAMMA);
        let mut mixed = self.state;
        mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        mixed ^ (mixed >> 31)
    }
}

const GAMMA: u64 = 0x9e37_79b9_7f4a_7c15;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_sequence_of_a_seed_never_changes() {
        // The published first numbers for seed 1234567.
        let mut random = Random { state: 1_234_567 };
        let numbers = [random.next(), random.next(), random.next()];
        let published = [6_457_827_717_110_365_317, 3_203_168_211_198_807_973, 9_817_491_932_198_370_423];
        assert_eq!(numbers, published);
    }

    #[test]
    fn sequences_of_one_seed_differ() {
        let mut first = Random::new(0, 0);
        let mut second = Random::new(0, 1);
        assert_ne!(first.next(), second.next());
    }

    #[test]
    fn both_bounds_are_reached() {
        let mut random = Random::new(7, 0);
        let mut seen = [false; 3];
        for _ in 0..100 {
            seen[usize::try_from(random.up_to(2)).unwrap()] = true;
        }
        assert_eq!(seen, [true; 3]);
    }
}
