use utoipa::openapi::OpenApi;
use utoipa::openapi::security::{HttpAuthScheme, HttpBuilder, SecurityScheme};

/// Adds a bearer token (RFC 6750) to a document, by the name that operations want it by.
pub fn bearer(document: &mut OpenApi, name: &str, description: &str) {
    let scheme = HttpBuilder::new().scheme(HttpAuthScheme::Bearer).description(Some(description)).build();
    let components = document.components.get_or_insert_default();
    components.security_schemes.insert(name.to_owned(), SecurityScheme::Http(scheme).into());
}
