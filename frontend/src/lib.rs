//! What the browser loads: wakes the islands of `kez-app`, and nothing else.

use wasm_bindgen::prelude::wasm_bindgen;

// The islands are exported by their own crate; naming it keeps them from being dropped at linking.
use kez_app as _;

/// Prepares the page for its islands. The script in the page calls this once, then each island's own function.
#[wasm_bindgen]
pub fn hydrate() {
    leptos::mount::hydrate_islands();
}
