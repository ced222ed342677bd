//! What one attacker with one machine tries, one file an attack. Each shows that a rule holds which would have prevented
//! it; the long ones, with what others notice meanwhile, are `benches/attack` (`make attack`).

mod acknowledgements;
mod budgets;
mod claims;
mod connections;
mod costs;
mod directory;
mod flood;
mod follower;
mod forwarded;
mod import;
#[cfg(target_os = "linux")]
mod memory;
mod moved;
mod moves;
mod pairings;
mod resumed;
mod sessions;
mod theft;
mod trees;
mod walls;
