//! How much the server takes of anybody. Parameters of the assembly, so that tests and benchmarks may set them, and no
//! flags: what they are by default is the contract.

use kez_core::sigchain;

/// Every limit that is not the operator's to set.
#[derive(Clone, Debug)]
pub struct Limits {
    /// How much of one chain.
    pub chain: sigchain::Limits,
    /// Entries of a chain that have to be verified again when it is loaded.
    pub unkept: usize,
    /// Chains that are loaded at once.
    pub loads: usize,
    /// Logs that are handed in at once. Each is in memory whole until it is judged.
    pub imports: usize,
}

impl Default for Limits {
    fn default() -> Self {
        Limits { chain: sigchain::Limits::CONTRACT, unkept: 32, loads: 4, imports: 4 }
    }
}
