//! The files of a built site: what the pages refer to by name, and serving them.

use std::collections::HashSet;
use std::fs;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::Router;
use axum::extract::Request;
use axum::middleware::{Next, from_fn};
use axum::response::Response;
use http::{HeaderValue, StatusCode, header};
use kez_app::Assets;
use tower_http::services::{ServeDir, ServeFile};

use super::ranges;
use super::site::{self, Fit, PKG};

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
    /// The site in `dir`, or nothing when no site was built there.
    pub(super) fn open(dir: PathBuf, dev: bool) -> Option<Self> {
        let Some((assets, fit)) = site::open(&dir) else {
            tracing::warn!(web_dir = %dir.display(), "no built site there");
            return None;
        };
        let other = match &fit {
            Fit::Other(version) => Some(version.as_str()),
            Fit::Unsaid if !dev => Some("an unknown one"),
            Fit::Same | Fit::Unsaid => None,
        };
        if let Some(version) = other {
            let this = env!("CARGO_PKG_VERSION");
            tracing::warn!(web_dir = %dir.display(), version, this, "the site is of another version than this program; install both from one build");
        }
        Some(Files { assets, dir, dev })
    }

    /// Whether the site is being worked on.
    pub(super) const fn dev(&self) -> bool {
        self.dev
    }

    /// What a page refers to. While developing, the names change under a running server.
    pub(super) fn assets(&self) -> Assets {
        if self.dev { site::found(&self.dir).unwrap_or_else(|| self.assets.clone()) } else { self.assets.clone() }
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
        let immutable = Arc::new(if dev { HashSet::new() } else { site::immutable(&self.dir) });
        router.layer(from_fn(ranges::set_right)).layer(from_fn(move |request: Request, next| {
            let is_immutable = immutable.contains(request.uri().path());
            set_cache_control(dev, is_immutable, request, next)
        }))
    }
}

async fn set_cache_control(dev: bool, is_immutable: bool, request: Request, next: Next) -> Response {
    let mut response = next.run(request).await;
    let policy = match response.status() {
        StatusCode::OK | StatusCode::PARTIAL_CONTENT | StatusCode::NOT_MODIFIED if !dev => {
            if is_immutable {
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

/// Plain files in the site's root with names that a path can hold as they are, without the compressed twins.
fn root_files(dir: &Path) -> Vec<String> {
    let plain = |c: char| c.is_ascii_alphanumeric() || "._-".contains(c);
    let entries = fs::read_dir(dir).into_iter().flatten().flatten().filter(|entry| entry.path().is_file());
    entries
        .filter_map(|entry| entry.file_name().into_string().ok())
        .filter(|name| name.chars().all(plain) && !name.ends_with(".br") && !name.ends_with(".gz"))
        .collect()
}
