//! What a server answers to whoever asks whether it is alive.

use serde::Serialize;
use utoipa::ToSchema;
use utoipa::openapi::schema::Object;

use crate::openapi::{ServerName, constant};

/// The server's vital signs.
#[derive(Clone, Debug, Serialize, ToSchema)]
pub struct Health {
    /// Always `ok`.
    #[schema(schema_with = ok)]
    status: &'static str,
    /// The server's name.
    #[schema(value_type = ServerName)]
    server: String,
    /// The program's version.
    #[schema(example = "0.1.0")]
    version: &'static str,
}

impl Health {
    /// Of the server of this name, which is alive.
    #[must_use]
    pub fn of(server: &kez_core::ServerName) -> Self {
        Health { status: "ok", server: server.to_string(), version: env!("CARGO_PKG_VERSION") }
    }
}

fn ok() -> Object {
    constant("ok")
}
