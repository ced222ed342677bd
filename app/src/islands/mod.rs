//! What is alive in the browser.

mod bind;
mod chain;
mod contact;
mod copy_button;
mod handle_answer;
mod handle_search;
mod identity;
mod live;
mod proof;
mod register;
mod var;

pub use chain::{JoinPanel, RecoverPanel};
pub use contact::ContactPanel;
pub use copy_button::CopyProfileKey;
pub use handle_search::HandleSearch;
pub use identity::IdentityPanel;
pub use proof::ProofPanel;
pub use register::RegisterFlow;
