//! Key packages (RFC 9420 section 10): what lets somebody add a device to a group while that is away. Devices leave them
//! with their home server, which hands out each of the one-time ones once, and reads no more of them than what they are.

mod claim;
mod package;
mod upload;

pub(crate) use claim::Members as ClaimMembers;
pub use claim::{AdmittedClaim, Claim, MAX_DEVICES};
pub use package::{KeyPackage, MAX_PACKAGE_BYTES, MIN_PACKAGE_BYTES};
pub(crate) use upload::Members as UploadMembers;
pub use upload::{AdmittedUpload, MAX_PACKAGES, MAX_UPLOAD_BYTES, Upload};
