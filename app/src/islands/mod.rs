//! What is alive in the browser.

mod copy_button;
mod handle_answer;
mod handle_search;
mod identity;
mod proof;
mod register;

pub use copy_button::CopyButton;
pub use handle_search::HandleSearch;
pub use identity::IdentityPanel;
pub use proof::ProofPanel;
pub use register::RegisterFlow;
