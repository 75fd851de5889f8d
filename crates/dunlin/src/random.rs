use std::hash::{BuildHasher, Hasher, RandomState};

/// Randomness for jitter and client identifiers, from the seed that the standard library draws for its hash maps.
/// Not for secrets.
pub(crate) fn seed() -> u64 {
    let mut hasher = RandomState::new().build_hasher();
    hasher.write_u8(0);
    hasher.finish()
}

/// From 0 to 1.
pub(crate) fn fraction() -> f64 {
    seed() as u32 as f64 / u32::MAX as f64
}

/// 23 characters of 0-9a-zA-Z: every server must take such a client identifier [MQTT-3.1.3-5].
pub(crate) fn client_id() -> String {
    let mut id = String::from("dunlin");
    let mut word = 0;
    while id.len() < 23 {
        if word < ALPHABET.len() as u64 {
            word = seed();
        }
        id.push(ALPHABET[(word % 62) as usize] as char);
        word /= 62;
    }
    id
}

const ALPHABET: &[u8; 62] = b"0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ";

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_generated_client_id_is_one_that_every_server_takes() {
        let (one, other) = (client_id(), client_id());
        assert_ne!(one, other);
        for id in [one, other] {
            assert!(id.len() == 23 && id.bytes().all(|byte| byte.is_ascii_alphanumeric()), "{id}");
        }
    }
}
