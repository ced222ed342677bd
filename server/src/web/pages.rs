//! The pages: rendered for every request, with a policy and a status of their own.

use std::sync::Arc;

use axum::Router;
use http::{HeaderValue, StatusCode, header};
use kez_app::backend::Backend;
use kez_app::reply::{Outcome, Reply};
use kez_app::{App, shell};
use leptos::config::LeptosOptions;
use leptos::nonce::use_nonce;
use leptos::prelude::{expect_context, provide_context};
use leptos_axum::{LeptosRoutes, ResponseOptions, generate_route_list_with_exclusions_and_ssg_and_context};
use tower_http::CompressionLevel;
use tower_http::compression::CompressionLayer;

use super::files::Files;
use super::headers::page_policy;

/// Seconds to wait before asking for a page again that could not be rendered.
const RETRY_AFTER: &str = "5";

/// Pages and files; every other path is the page for missing things.
pub(super) fn router(files: Arc<Files>, backend: Arc<dyn Backend>) -> Router {
    let options = leptos_options(files.dev());
    let reload = files.dev().then(|| options.clone());
    let context = {
        let reload_port = reload.as_ref().map(|options| options.reload_port);
        move || {
            provide_context(Arc::clone(&backend));
            let response = expect_context::<ResponseOptions>();
            response.insert_header(header::CACHE_CONTROL, HeaderValue::from_static("no-cache"));
            let site = backend.site();
            let others = [site.nats_ws_url.as_deref(), site.sigchains.as_deref()];
            let policy = use_nonce().map(|nonce| page_policy(&nonce, others, reload_port));
            if let Some(Ok(policy)) = policy.map(HeaderValue::try_from) {
                response.insert_header(header::CONTENT_SECURITY_POLICY, policy);
            }
            provide_context(Reply::new(move |outcome| answer(&response, outcome)));
        }
    };
    let document = {
        let files = Arc::clone(&files);
        move || shell(files.assets(), reload.clone())
    };
    let (routes, _) = generate_route_list_with_exclusions_and_ssg_and_context(App, None, context.clone());
    Router::new()
        .leptos_routes_with_context(&options, routes, context.clone(), document.clone())
        .fallback(leptos_axum::render_app_async_with_context(context, document))
        .with_state(options)
        // Files are compressed when they are built; pages are made for every request, so quickly.
        .layer(CompressionLayer::new().quality(CompressionLevel::Fastest))
        .merge(files.router())
}

fn answer(response: &ResponseOptions, outcome: Outcome) {
    match outcome {
        Outcome::NotFound => response.set_status(StatusCode::NOT_FOUND),
        Outcome::Gone => response.set_status(StatusCode::GONE),
        Outcome::Moved(path) => {
            if let Ok(path) = HeaderValue::try_from(path) {
                response.set_status(StatusCode::PERMANENT_REDIRECT);
                response.insert_header(header::LOCATION, path);
            }
        }
        Outcome::Unavailable => {
            response.set_status(StatusCode::SERVICE_UNAVAILABLE);
            response.insert_header(header::RETRY_AFTER, HeaderValue::from_static(RETRY_AFTER));
        }
    }
}

/// While developing, where `cargo leptos watch` listens is in the environment that it sets; nothing else of these
/// options is used.
fn leptos_options(dev: bool) -> LeptosOptions {
    let from_watch = || leptos::config::get_configuration(None).ok().map(|conf| conf.leptos_options);
    let fixed = || LeptosOptions::builder().output_name("kez-chat").build();
    if dev { from_watch().unwrap_or_else(fixed) } else { fixed() }
}
