//! The files of a built site: what the pages refer to by name, and serving them.

use std::fs;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use kez_app::Assets;
use tower_http::services::{ServeDir, ServeFile};

use super::ranges;

/// The folder inside a site that holds what was compiled.
const PKG: &str = "pkg";
/// How the names of the pages' program and style begin there.
const APP: &str = "kez-chat.";
/// How the name of the message broker's client begins.
const BROKER: &str = "broker.";
/// A year; a changed file has another name.
const FOREVER: &str = "public, max-age=31536000, immutable";
const AN_HOUR: &str = "public, max-age=3600";

/// A built site on disk.
#[derive(Debug)]
pub(super) struct Files {
    dir: PathBuf,
    assets: Assets,
    dev: bool,
}

impl Files {
    /// The site in `dir`, or nothing when no site was built there. Names are found by looking, and not in the list of
    /// hashes that the build leaves beside the program, so that a site can be copied anywhere.
    pub(super) fn open(dir: PathBuf, dev: bool) -> Option<Self> {
        let assets = find_assets(&dir);
        if assets.is_none() {
            tracing::warn!(web_dir = %dir.display(), "no built site there; pages are off");
        }
        Some(Files { assets: assets?, dir, dev })
    }

    /// Whether the site is being worked on.
    pub(super) const fn dev(&self) -> bool {
        self.dev
    }

    /// What a page refers to. While developing, the names change under a running server.
    pub(super) fn assets(&self) -> Assets {
        if self.dev { find_assets(&self.dir).unwrap_or_else(|| self.assets.clone()) } else { self.assets.clone() }
    }

    /// Serves the files. Those in the site's root get a route each, so that any other name stays a page's.
    pub(super) fn router(&self) -> Router {
        let pkg = ServeDir::new(self.dir.join(PKG)).append_index_html_on_directories(false);
        let mut router = Router::new().nest_service("/pkg", pkg.precompressed_br().precompressed_gzip());
        for name in root_files(&self.dir) {
            let file = ServeFile::new(self.dir.join(&name)).precompressed_br().precompressed_gzip();
            router = router.route_service(&format!("/{name}"), file);
        }
        let dev = self.dev;
        router
            .layer(from_fn(ranges::set_right))
            .layer(from_fn(move |request, next| set_cache_control(dev, request, next)))
    }
}

async fn set_cache_control(dev: bool, request: Request, next: Next) -> Response {
    let hashed = is_hashed(request.uri().path());
    let mut response = next.run(request).await;
    let policy = match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED if !dev => {
            if hashed {
                FOREVER
            } else {
                AN_HOUR
            }
        }
        _ => "no-cache",
    };
    response.headers_mut().insert(header::CACHE_CONTROL, HeaderValue::from_static(policy));
    // Built files lie there compressed and not; a cache must not give one for the other.
    response.headers_mut().insert(header::VARY, HeaderValue::from_static("accept-encoding"));
    response
}

/// Whether a file's name carries a hash: `name.hash.ext`.
fn is_hashed(path: &str) -> bool {
    path.rsplit('/').next().is_some_and(|name| name.split('.').count() >= 3)
}

fn find_assets(dir: &Path) -> Option<Assets> {
    let pkg = dir.join(PKG);
    let find = |name, extension| newest(&pkg, name, extension).map(|name| format!("/{PKG}/{name}"));
    let (style, script, wasm) = (find(APP, ".css")?, find(APP, ".js")?, find(APP, ".wasm")?);
    Some(Assets { style, script, wasm, broker: find(BROKER, ".js") })
}

/// The newest file `<name><hash><extension>`: a build may leave those of earlier builds lying.
fn newest(dir: &Path, name: &str, extension: &str) -> Option<String> {
    let age = |name: &String| fs::metadata(dir.join(name)).and_then(|m| m.modified()).unwrap_or(SystemTime::UNIX_EPOCH);
    let names = fs::read_dir(dir).ok()?.flatten().filter_map(|entry| entry.file_name().into_string().ok());
    names.filter(|file| file.starts_with(name) && file.ends_with(extension)).max_by_key(age)
}

/// Plain files in the site's root with names that a path can hold as they are, without the compressed twins.
fn root_files(dir: &Path) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.chars().all(plain) && !name.ends_with(".br") && !name.ends_with(".gz"))
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_hashed_names_are_kept_forever() {
        assert!(is_hashed("/pkg/kez-chat.AbC_d-1.wasm"));
        assert!(!is_hashed("/pkg/kez-chat.wasm"));
        assert!(!is_hashed("/favicon.svg"));
        assert!(!is_hashed("/a.b.c/robots.txt"));
    }
}
