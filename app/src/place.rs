//! What an island knows of the page that it is on. Islands take no properties: reading them from the page would need a
//! JSON deserialiser in the wasm, at the price of a fifth of it.

/// Where the message broker is, and the client for it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Broker {
    /// Its WebSocket address.
    pub(crate) url: String,
    /// The path of the bundle that speaks to it.
    pub(crate) asset: String,
}

#[cfg(feature = "ssr")]
pub(crate) use rendering::*;
#[cfg(not(feature = "ssr"))]
pub(crate) use running::*;

#[cfg(feature = "ssr")]
mod rendering {
    use std::sync::Arc;

    use kez_core::ServerName;
    use leptos::prelude::use_context;

    use super::Broker;
    use crate::backend::Backend;

    /// The handle that the page was asked for.
    #[derive(Clone)]
    pub(crate) struct AskedFor(pub(crate) String);

    /// The name of the server whose page this is.
    pub(crate) fn server_name() -> String {
        use_context::<Arc<dyn Backend>>().map(|backend| backend.site().server.to_string()).unwrap_or_default()
    }

    /// The handle that the page was asked for, or nothing.
    pub(crate) fn asked_for() -> String {
        use_context::<AskedFor>().map(|AskedFor(handle)| handle).unwrap_or_default()
    }

    /// Whether a name at this server is one at the server whose page this is.
    pub(crate) fn is_here(server: &ServerName) -> bool {
        server.matches(&server_name())
    }

    /// Nothing: a server that renders a page fetches no chain for it.
    pub(crate) const fn sigchains() -> String {
        String::new()
    }

    /// Nothing: a server that renders a page connects to no broker for it.
    pub(crate) const fn broker() -> Option<Broker> {
        None
    }
}

#[cfg(not(feature = "ssr"))]
mod running {
    use kez_core::ServerName;

    use super::Broker;

    /// The name of the server whose page this is.
    pub(crate) fn server_name() -> String {
        root_attribute("data-server").unwrap_or_default()
    }

    /// Whether a name at this server is one at the server whose page this is: by its name, or by its address.
    pub(crate) fn is_here(server: &ServerName) -> bool {
        let host = web_sys::window().and_then(|window| window.location().host().ok()).unwrap_or_default();
        server.matches(&server_name()) || server.matches(&host)
    }

    /// The message broker, if the server has one.
    pub(crate) fn broker() -> Option<Broker> {
        Some(Broker { url: root_attribute("data-broker-url")?, asset: root_attribute("data-broker")? })
    }

    /// The origin of the server that keeps this server's chains; empty when that is the same.
    pub(crate) fn sigchains() -> String {
        root_attribute("data-sigchains").unwrap_or_default()
    }

    fn root_attribute(name: &str) -> Option<String> {
        web_sys::window()?.document()?.document_element()?.get_attribute(name)
    }

    /// Empty: what the page was asked for is in its field already, and is read from there.
    pub(crate) const fn asked_for() -> String {
        String::new()
    }
}
