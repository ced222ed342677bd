//! Writing bytes in base 32 and base 64 without padding (RFC 4648). A page in a browser only writes them, and the tables
//! of a library that also reads every base are a twentieth of what it loads.

/// `bytes` in the base of 2^`BITS`, whose digits `alphabet` holds; the last one is filled up with zero bits.
pub(crate) fn encode<const BITS: u32>(alphabet: &[u8], bytes: &[u8]) -> String {
    let (mut text, mut waiting, mut count) = (String::new(), 0_u32, 0);
    let mut write = |bits: u32| text.push(char::from(alphabet[(bits & ((1 << BITS) - 1)) as usize]));
    for byte in bytes {
        // At most `BITS` - 1 bits wait for their digit; what was written already is shifted out at the top.
        waiting = waiting << 8 | u32::from(*byte);
        count += 8;
        while count >= BITS {
            count -= BITS;
            write(waiting >> count);
        }
    }
    if count > 0 {
        write(waiting << (BITS - count));
    }
    text
}

#[cfg(test)]
mod tests {
    use data_encoding::{BASE32_NOPAD, BASE64URL_NOPAD};

    use super::*;

    #[test]
    fn every_length_is_written_as_a_library_writes_it() {
        let bytes: Vec<u8> = (0..=255).map(|i: u8| i.wrapping_mul(37).wrapping_add(11)).collect();
        for length in 0..bytes.len() {
            let part = &bytes[..length];
            assert_eq!(encode::<5>(BASE32_NOPAD.specification().symbols.as_bytes(), part), BASE32_NOPAD.encode(part));
            assert_eq!(
                encode::<6>(BASE64URL_NOPAD.specification().symbols.as_bytes(), part),
                BASE64URL_NOPAD.encode(part)
            );
        }
    }
}
