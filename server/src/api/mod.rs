//! The JSON API, one endpoint a file.

mod chat_instance;
mod claims;
mod conditional;
mod conversation_commits;
mod conversation_log;
mod conversations;
mod health;
pub(crate) mod internal;
mod key;
mod key_package_claims;
mod key_packages;
mod openapi;
mod pairings;
mod ready;
mod register;
mod registration;
mod release;
mod schema;
mod server_info;
mod user;
mod webfinger;

use std::sync::Arc;

use axum::Router;
use axum::extract::FromRef;
use kez_http::openapi::{Document, READ, with_methods};
use utoipa::openapi::OpenApi;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::broker::Broker;
use crate::claims::Claims;
use crate::conversations::Conversations;
use crate::following::Health;
use crate::instances::Instances;
use crate::keypackages::KeyPackages;
use crate::registry::Registry;
use internal::Internal;

pub(crate) use pairings::Relay;
pub(crate) use user::respond as user_response;
pub(crate) use webfinger::in_memory as described_in_memory;

/// What most handlers are given.
pub(crate) type State = axum::extract::State<Arc<Registry>>;

/// The sigchain service of this process, if it has one.
pub(crate) type EmbeddedChains = Option<Arc<kez_sig_server::service::Service>>;

/// How the chains of another server are followed, if they are.
pub(crate) type Following = Option<Arc<Health>>;

/// What handlers are given parts of.
#[derive(Clone, FromRef)]
pub(crate) struct Shared {
    pub(crate) registry: Arc<Registry>,
    pub(crate) broker: Option<Arc<Broker>>,
    pub(crate) internal: Option<Arc<Internal>>,
    pub(crate) relay: Relay,
    pub(crate) key_packages: Arc<KeyPackages>,
    pub(crate) conversations: Arc<Conversations>,
    pub(crate) instances: Arc<Instances>,
    /// The sigchains, where this process serves them.
    pub(crate) chains: EmbeddedChains,
    pub(crate) claims: Arc<Claims>,
    /// How following the chains of another server goes, where they are followed.
    pub(crate) following: Following,
}

/// Methods of a path that takes envelopes or offers.
pub(crate) const WRITE: &str = "POST, OPTIONS";
/// Methods of a path whose owner may change what is there.
const OWNED: &str = "GET, HEAD, PUT, DELETE, OPTIONS";

/// The API's routes and the OpenAPI document of them; every route that is added here is in the document, and answers
/// `OPTIONS` and `405`.
///
/// `chains` is the document of the sigchains, where this process serves them.
pub(crate) fn router(shared: Shared, chains: Option<OpenApi>) -> (Router, OpenApi) {
    let has_internal = shared.internal.is_some();
    let router = OpenApiRouter::<Shared>::with_openapi(openapi::base(chains, has_internal))
        .routes(with_methods(READ, routes!(health::healthz)))
        .routes(with_methods(READ, routes!(ready::readyz)))
        .routes(with_methods(READ, routes!(server_info::server)))
        .routes(with_methods(WRITE, routes!(register::register)))
        .routes(with_methods(WRITE, routes!(release::release)))
        .routes(with_methods(READ, routes!(user::user)))
        .routes(with_methods(READ, routes!(registration::registration)))
        .routes(with_methods(READ, routes!(claims::claims)))
        .routes(with_methods(READ, routes!(key::key)))
        .routes(with_methods(WRITE, routes!(pairings::open)))
        .routes(with_methods(OWNED, routes!(pairings::find, pairings::replace, pairings::remove)))
        .routes(with_methods(WRITE, routes!(key_packages::put)))
        .routes(with_methods(WRITE, routes!(key_package_claims::claim)))
        .routes(with_methods(WRITE, routes!(conversations::start)))
        .routes(with_methods(WRITE, routes!(conversation_commits::add)))
        .routes(with_methods(WRITE, routes!(conversation_log::read)))
        .routes(with_methods(WRITE, routes!(chat_instance::put)))
        .routes(with_methods(READ, routes!(webfinger::webfinger)))
        .routes(with_methods(READ, routes!(openapi::openapi)));
    // The operator's own.
    let router = if has_internal { router.routes(with_methods(WRITE, routes!(internal::nats_auth))) } else { router };
    let (router, document) = router.split_for_parts();
    (router.layer(Document::extension(&document)).with_state(shared), document)
}
