//! What a chain costs in a browser's terms: the same as `sigchain`, compiled to wasm32 and run in node.
//!
//! `cargo test --release -p kez-core --bench sigchain_wasm --target wasm32-unknown-unknown`

#[cfg(target_arch = "wasm32")]
mod log;

// The runner calls the figure by name.
fn main() {}

#[cfg(target_arch = "wasm32")]
mod figure {
    use kez_core::sigchain::verify;
    use wasm_bindgen_test::{console_log, wasm_bindgen_test};

    use super::log::{EVENTS, Log};

    const ROUNDS: usize = 9;

    #[wasm_bindgen_test]
    fn a_chain_over_bare_signatures() {
        let log = Log::new();
        let mut ratios: Vec<f64> = (0..ROUNDS)
            .map(|_| {
                let entries = log.entries.clone();
                let limit = time(|| log.verify_signatures());
                let ours = time(|| drop(verify(log.chain.id(), entries).expect("a good log")));
                ours / limit
            })
            .collect();
        let rounds: Vec<String> = ratios.iter().map(|ratio| format!("{ratio:.2}")).collect();
        ratios.sort_unstable_by(f64::total_cmp);
        console_log!(
            "{EVENTS} events in wasm over bare verify_strict: {:.2} ×; {}",
            ratios[ROUNDS / 2],
            rounds.join(" ")
        );
    }

    /// Milliseconds.
    fn time(work: impl FnOnce()) -> f64 {
        let start = js_sys::Date::now();
        work();
        js_sys::Date::now() - start
    }
}
