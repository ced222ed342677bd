//! What a claim was answered, as bytes: for each device its key, one byte that says what was given, and the package behind
//! its length.

use super::key;
use crate::StoreError;
use crate::key_packages::{Claimed, Given};

const NOTHING: u8 = 0;
const ONE_TIME: u8 = 1;
const LAST_RESORT: u8 = 2;

pub(super) fn write(claimed: &Claimed) -> Vec<u8> {
    let mut bytes = Vec::new();
    for Given { device, package, is_last_resort } in &claimed.packages {
        bytes.extend(device.as_bytes());
        bytes.push(if *is_last_resort { LAST_RESORT } else { ONE_TIME });
        // A package has 4,096 bytes at most.
        bytes.extend(u16::try_from(package.len()).unwrap_or(u16::MAX).to_be_bytes());
        bytes.extend(package);
    }
    for device in &claimed.missing {
        bytes.extend(device.as_bytes());
        bytes.push(NOTHING);
    }
    bytes
}

pub(super) fn read(mut bytes: &[u8]) -> Result<Claimed, StoreError> {
    let corrupt = || StoreError::Corrupt("what a claim of key packages was answered".to_owned());
    let mut take = |length: usize| {
        let (taken, rest) = bytes.split_at_checked(length).ok_or_else(corrupt)?;
        bytes = rest;
        Ok::<_, StoreError>((taken, rest.is_empty()))
    };
    let mut claimed = Claimed::default();
    let mut is_end = take(0)?.1;
    while !is_end {
        let device = key(take(32)?.0)?;
        let (kind, ends) = take(1)?;
        is_end = ends;
        match kind[0] {
            NOTHING => claimed.missing.push(device),
            kind @ (ONE_TIME | LAST_RESORT) => {
                let length = take(2)?.0;
                let (package, ends) = take(usize::from(u16::from_be_bytes([length[0], length[1]])))?;
                is_end = ends;
                let package = package.to_vec();
                claimed.packages.push(Given { device, package, is_last_resort: kind == LAST_RESORT });
            }
            _ => return Err(corrupt()),
        }
    }
    Ok(claimed)
}

#[cfg(test)]
mod tests {
    use kez_core::KeyId;

    use super::*;

    #[test]
    fn answers_are_read_as_they_were_written_and_nothing_else_is() {
        let device = |n| KeyId::ed25519([n; 32]);
        let given = |n, length, is_last_resort| Given { device: device(n), package: vec![n; length], is_last_resort };
        let packages = vec![given(1, 64, false), given(2, 4_096, true), given(3, 300, false)];
        for answer in [
            Claimed::default(),
            Claimed { packages: packages.clone(), missing: Vec::new() },
            Claimed { packages: Vec::new(), missing: vec![device(4)] },
            Claimed { packages, missing: vec![device(4), device(5)] },
        ] {
            let bytes = write(&answer);
            assert_eq!(read(&bytes), Ok(answer));
            for cut in 1..bytes.len().min(80) {
                assert!(matches!(read(&bytes[..bytes.len() - cut]), Err(StoreError::Corrupt(_)) | Ok(_)), "{cut}");
            }
        }
        let mut other = [device(4).as_bytes().as_slice(), &[3]].concat();
        assert!(read(&other).is_err(), "nothing of the kind is ever given");
        other.pop();
        assert!(read(&other).is_err());
    }
}
