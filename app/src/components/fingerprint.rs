//! A key's picture: small, deterministic, told apart by its shapes and not by colour alone.
//!
//! SHA-256 over the key id's text gives two bits for each cell of the left half of a 7 × 7 grid (the right half mirrors
//! it): nothing, a square, a disc or a diamond. The last byte picks one of six tints.

use kez_core::{Hash, KeyId};

const SIDE: usize = 7;
const TINTS: u8 = 6;

/// The picture of `key`, as SVG markup.
#[must_use]
pub fn picture(key: &KeyId) -> String {
    let hash = Hash::of(key.to_string().as_bytes());
    let bytes = hash.as_bytes();
    let [mut squares, mut discs, mut diamonds] = [const { String::new() }; 3];
    let half = SIDE.div_ceil(2);
    for cell in 0..half * SIDE {
        let (column, row) = (cell % half, cell / half);
        let (path, shape) = match bytes[cell / 4] >> (2 * (cell % 4)) & 3 {
            1 => (&mut squares, "h1v1h-1z"),
            2 => (&mut discs, "m0 .5a.5.5 0 1 0 1 0a.5.5 0 1 0-1 0z"),
            3 => (&mut diamonds, "m.5 0l.5.5l-.5.5l-.5-.5z"),
            _ => continue,
        };
        // Drawn twice in the middle column, which changes nothing. The grid's margin is one unit.
        for x in [column, SIDE - 1 - column] {
            path.push_str(&format!("M{} {}{shape}", x + 1, row + 1));
        }
    }
    // The first digits tell a listener which picture this is; the whole key stands beside it as text.
    let label = &key.hex()[..8];
    let tint = bytes[31] % TINTS;
    format!(
        "<svg class=\"fingerprint tint-{tint}\" viewBox=\"0 0 9 9\" role=\"img\" aria-label=\"Picture of the key {label}…\">\
         <rect class=\"ground\" width=\"9\" height=\"9\" rx=\"1.6\"/><path class=\"squares\" d=\"{squares}\"/>\
         <path class=\"discs\" d=\"{discs}\"/><path class=\"diamonds\" d=\"{diamonds}\"/></svg>"
    )
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_the_key_changes_the_shapes() {
        let shapes = |key: [u8; 32]| {
            let picture = picture(&KeyId::ed25519(key));
            picture.split_once("<rect").map(|(_, shapes)| shapes.to_owned())
        };
        let first = shapes([7; 32]);
        assert!(first.is_some());
        assert_eq!(first, shapes([7; 32]));
        for bit in 0..256 {
            let mut other = [7; 32];
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(first, shapes(other), "shapes alone tell keys apart");
        }
    }
}
