//! What the pages ask of the server that renders them.

use std::sync::Arc;

use async_trait::async_trait;
use kez_app::backend::{Backend, Operation, Parameter, Profile, Site, Unavailable};
use kez_core::Handle;
use utoipa::openapi::path::{self, ParameterIn, PathItem};
use utoipa::openapi::security::SecurityScheme;
use utoipa::openapi::{OpenApi, RefOr};

use crate::registry::{Found, Registry};

/// The registry, as the pages see it.
pub(crate) struct RegistryBackend {
    registry: Arc<Registry>,
    site: Site,
    operations: Vec<Operation>,
}

impl RegistryBackend {
    pub(crate) fn new(registry: Arc<Registry>, api: &OpenApi) -> Self {
        let names = registry.names();
        let (server, public_url) = (names.server.clone(), names.public_url.clone());
        let nats_ws_url = names.nats_ws_url.clone();
        let sigchains = Some(names.sig_server_url.clone()).filter(|url| *url != public_url);
        let site = Site { server, public_url, nats_ws_url, sigchains, version: env!("CARGO_PKG_VERSION") };
        RegistryBackend { site, registry, operations: operations(api) }
    }
}

#[async_trait]
impl Backend for RegistryBackend {
    fn site(&self) -> &Site {
        &self.site
    }

    async fn profile(&self, handle: &Handle) -> Result<Profile, Unavailable> {
        match self.registry.find(handle).await {
            Ok(Found::Live(entry)) => Ok(Profile::Live(entry.record.clone())),
            Ok(Found::Released { at, .. }) => Ok(Profile::Released { handle: handle.clone(), released_at: at }),
            Ok(Found::Unknown) => Ok(Profile::Unknown),
            // The reason was logged where it happened.
            Err(_) => Err(Unavailable),
        }
    }

    fn operations(&self) -> &[Operation] {
        &self.operations
    }
}

/// Everything that the document describes: what is about handles first, then what is about the server.
fn operations(api: &OpenApi) -> Vec<Operation> {
    let paths = api.paths.paths.iter();
    let mut found: Vec<(bool, Operation)> = paths
        .flat_map(|(path, item)| {
            let PathItem { post, put, delete, get, .. } = item;
            [("POST", path, post), ("PUT", path, put), ("DELETE", path, delete), ("GET", path, get)]
        })
        .filter_map(|(method, path, described)| {
            let described = described.as_ref()?;
            let about_server = described.tags.as_ref().is_some_and(|tags| tags.iter().any(|tag| tag == "server"));
            Some((about_server, operation(method, path, described, api)))
        })
        .collect();
    found.sort_by_key(|(about_server, operation)| (*about_server, operation.method == "GET"));
    found.into_iter().map(|(_, operation)| operation).collect()
}

fn operation(method: &'static str, path: &str, described: &path::Operation, api: &OpenApi) -> Operation {
    // What any request may be refused for is said once.
    let shared = kez_http::openapi::of_read(&[]);
    let parameters = described.parameters.iter().flatten().filter_map(|parameter| match parameter {
        RefOr::T(parameter) => Some(Parameter {
            name: parameter.name.clone(),
            place: match parameter.parameter_in {
                ParameterIn::Path => "path",
                ParameterIn::Header | ParameterIn::Cookie => "header",
                ParameterIn::Query | ParameterIn::QueryString => "query",
            },
            description: parameter.description.clone().unwrap_or_default(),
        }),
        RefOr::Ref(_) => None,
    });
    let answers = described.responses.responses.iter().filter_map(|(status, response)| match response {
        RefOr::T(found) => {
            let is_shared =
                matches!(shared.get(status), Some(RefOr::T(shared)) if shared.description == found.description);
            (!is_shared).then(|| (status.clone(), found.description.clone()))
        }
        RefOr::Ref(_) => None,
    });
    Operation {
        method,
        path: path.to_owned(),
        summary: described.summary.clone().unwrap_or_default(),
        description: described.description.clone().filter(|text| !text.is_empty()),
        parameters: parameters.chain(tokens(described, api)).collect(),
        answers: answers.collect(),
    }
}

/// The bearer tokens that an operation takes.
fn tokens(described: &path::Operation, api: &OpenApi) -> impl Iterator<Item = Parameter> {
    // The library keeps the names to itself.
    let wanted = serde_json::to_string(&described.security).unwrap_or_default();
    let schemes = api.components.iter().flat_map(|components| &components.security_schemes);
    schemes.filter_map(move |(name, scheme)| match scheme {
        RefOr::T(SecurityScheme::Http(http)) if wanted.contains(&format!("\"{name}\"")) => {
            let what = http.description.as_deref().unwrap_or_default();
            let description = format!("`Bearer` and a token. {what}.");
            Some(Parameter { name: "Authorization".to_owned(), place: "header", description })
        }
        _ => None,
    })
}
