use std::sync::Arc;

use axum::Json;
use kez_http::openapi::{self, Problem};
use serde::Serialize;
use utoipa::ToSchema;

use super::{EmbeddedChains, Following, State};
use crate::broker::Broker;
use crate::error::{self, ApiError, Checks};

kez_http::refusals!(Refusals, of_read);

/// That the server can do its work.
#[derive(Serialize, ToSchema)]
pub(crate) struct Ready {
    /// Always `ready`.
    #[schema(schema_with = openapi::ready)]
    status: &'static str,
    /// What was looked at.
    checks: Checks,
}

/// Whether the server can do its work now.
#[utoipa::path(get, path = "/v1/readyz", tag = "server",
    responses((status = 200, description = "The server is ready.", body = Ready),
        Refusals,
        (status = 503, description = "It is not; `checks` tells why.", body = Problem,
            content_type = "application/problem+json", headers(("Retry-After" = u32, description = "Seconds to wait.")))))]
pub(super) async fn readyz(
    registry: State,
    broker: axum::extract::State<Option<Arc<Broker>>>,
    chains: axum::extract::State<EmbeddedChains>,
    following: axum::extract::State<Following>,
) -> Result<Json<Ready>, ApiError> {
    let word = |is_ok| if is_ok { "ok" } else { "failed" };
    let database = word(registry.is_ready().await);
    let trouble = broker.as_ref().and_then(|broker| broker.trouble());
    let nats = broker.as_ref().map_or("off", |_| word(trouble.is_none()));
    let sigchain = match &*chains {
        Some(service) => {
            let (store, is_clock_right) = service.readiness().await;
            word(store.is_ok() && is_clock_right)
        }
        None => following.as_ref().map_or("ok", |following| following.word()),
    };
    let checks = Checks { database, nats, sigchain };
    let is_ready = database == "ok" && nats != "failed" && sigchain == "ok";
    if is_ready { Ok(Json(Ready { status: "ready", checks })) } else { Err(error::not_ready(checks, trouble)) }
}
