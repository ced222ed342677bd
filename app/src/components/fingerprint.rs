//! A key's picture: small, deterministic, told apart by its shapes and not by colour alone.
//!
//! SHA-256 over the key id's text gives two bits for each cell of the left half of a 7 × 7 grid (the right half mirrors
//! it): nothing, a square, a disc or a diamond. The last byte picks one of six tints.

use kez_core::{Hash, KeyId};
use leptos::prelude::*;

const SIDE: usize = 7;
const TINTS: u8 = 6;

/// The picture of `key`.
#[component]
pub fn Fingerprint(
    /// The key.
    key: KeyId,
) -> impl IntoView {
    let Drawing { tint, squares, discs, diamonds } = draw(&key);
    // The first digits tell a listener which picture this is; the whole key stands beside it as text.
    let label = format!("Picture of the key {}…", &key.hex()[..8]);
    view! {
        <svg class=format!("fingerprint tint-{tint}") viewBox="0 0 9 9" role="img" aria-label=label>
            <rect class="ground" width="9" height="9" rx="1.6" />
            <path class="squares" d=squares />
            <path class="discs" d=discs />
            <path class="diamonds" d=diamonds />
        </svg>
    }
}

struct Drawing {
    tint: u8,
    squares: String,
    discs: String,
    diamonds: String,
}

fn draw(key: &KeyId) -> Drawing {
    let hash = Hash::of(key.to_string().as_bytes());
    let bytes = hash.as_bytes();
    let mut drawing = Drawing {
        tint: bytes[31] % TINTS,
        squares: String::new(),
        discs: String::new(),
        diamonds: String::new(),
    };
    let half = SIDE.div_ceil(2);
    for cell in 0..half * SIDE {
        let (column, row) = (cell % half, cell / half);
        let mirrored = SIDE - 1 - column;
        let (path, shape) = match bytes[cell / 4] >> (2 * (cell % 4)) & 3 {
            1 => (&mut drawing.squares, "h1v1h-1z"),
            2 => (&mut drawing.discs, "m0 .5a.5.5 0 1 0 1 0a.5.5 0 1 0-1 0z"),
            3 => (&mut drawing.diamonds, "m.5 0l.5.5l-.5.5l-.5-.5z"),
            _ => continue,
        };
        for x in [column, mirrored].into_iter().take(if column == mirrored { 1 } else { 2 }) {
            // The grid's margin is one unit.
            path.push_str(&format!("M{} {}{shape}", x + 1, row + 1));
        }
    }
    drawing
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn one_bit_of_the_key_changes_the_picture() {
        let drawn = |key: [u8; 32]| {
            let drawing = draw(&KeyId::ed25519(key));
            [drawing.squares, drawing.discs, drawing.diamonds]
        };
        let first = drawn([7; 32]);
        assert_eq!(first, drawn([7; 32]));
        for bit in 0..256 {
            let mut other = [7; 32];
            other[bit / 8] ^= 1 << (bit % 8);
            assert_ne!(first, drawn(other), "shapes alone tell keys apart");
        }
    }
}
