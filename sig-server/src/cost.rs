//! What requests cost: rates count a dear one as several.

use http::{Method, Uri};

use crate::api;

/// What a request costs at least, in units of what its like costs when it is small: a head for what reads, an event for
/// what writes. What an answer costs by its size is counted while it is sent.
///
/// The prices are the server's time for each, in round figures. `route` is what [`crate::template`] says.
#[must_use]
pub fn cost(method: &Method, route: &str, uri: &Uri) -> u32 {
    match route {
        "/v1/export" => 1 + api::rows(uri) / 20,
        "/v1/sigchains/ed25519/{hex}/events" if *method != Method::POST => 1 + api::rows(uri) / 50,
        "/v1/sigchains/ed25519/{hex}/audit" => 3,
        // An earlier state is worked out anew.
        "/v1/sigchains/ed25519/{hex}/state" if uri.query().is_some() => 5,
        // An import is judged entry by entry.
        "/v1/sigchains/ed25519/{hex}" if *method == Method::PUT => 6,
        _ => 1,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::template;

    #[test]
    fn what_is_dear_costs_more() {
        let of = |method: Method, rest: &str| {
            let uri: Uri =
                rest.replace("CHAIN", &format!("/v1/sigchains/ed25519/{}", "0".repeat(64))).parse().expect("a path");
            cost(&method, template(uri.path()), &uri)
        };
        assert_eq!(of(Method::GET, "CHAIN/head"), 1);
        assert_eq!(of(Method::POST, "CHAIN/events"), 1);
        assert_eq!(of(Method::GET, "CHAIN/events?limit=500"), 11);
        assert_eq!(of(Method::GET, "CHAIN/state"), 1);
        assert_eq!(of(Method::GET, "CHAIN/state?at_seq=1"), 5);
        assert_eq!(of(Method::PUT, "CHAIN"), 6);
        assert_eq!(of(Method::GET, "CHAIN"), 1);
        assert_eq!(of(Method::GET, "/v1/export?limit=500"), 26);
        assert_eq!(of(Method::HEAD, "/v1/export?limit=501"), 6, "what is refused is taken for what nobody asked for");
        assert_eq!(of(Method::GET, "/v1/export?limit=x"), 6);
    }
}
