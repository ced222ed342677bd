//! What an island knows of the page that it is on. Islands take no properties: reading them from the page would need a
//! JSON deserialiser in the wasm, at the price of a fifth of it.

#[cfg(feature = "ssr")]
pub(crate) use rendering::*;
#[cfg(not(feature = "ssr"))]
pub(crate) use running::*;

#[cfg(feature = "ssr")]
mod rendering {
    use std::sync::Arc;

    use leptos::prelude::use_context;

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
}

#[cfg(not(feature = "ssr"))]
mod running {
    /// The name of the server whose page this is.
    pub(crate) fn server_name() -> String {
        let root = web_sys::window().and_then(|window| window.document()).and_then(|page| page.document_element());
        root.and_then(|root| root.get_attribute("data-server")).unwrap_or_default()
    }

    /// Empty: what the page was asked for is in its field already, and is read from there.
    pub(crate) const fn asked_for() -> String {
        String::new()
    }
}
