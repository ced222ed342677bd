//! Writes the project's own vectors under `core/vectors`; the given ones are never touched.
//!
//! `cargo run -p kez-core --example make_vectors`

use std::path::Path;
use std::{fs, io};

mod cases;
mod forge;

fn main() -> io::Result<()> {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("vectors");
    for (name, text) in cases::all() {
        let path = folder.join(name);
        if let Some(parent) = path.parent() {
            fs::create_dir_all(parent)?;
        }
        fs::write(path, text)?;
    }
    Ok(())
}
