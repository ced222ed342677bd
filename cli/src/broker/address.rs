//! A broker's address.

use std::fmt;
use std::str::FromStr;

use async_nats::ServerAddr;

use crate::server_url::is_this_machine;

/// `nats://host[:port]` or `tls://host[:port]`; `ws://` or `wss://`, which may have a path.
#[derive(Clone, Debug)]
pub(crate) struct BrokerUrl(ServerAddr);

/// The text is not a broker's address.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("a broker's address is written nats://, tls://, ws:// or wss:// and a host, with an optional port")]
pub(crate) struct MalformedBrokerUrl;

impl BrokerUrl {
    /// The address as the library takes it.
    pub(super) fn address(&self) -> ServerAddr {
        self.0.clone()
    }

    /// Whether somebody on the way could read along, and take the session over.
    pub(crate) fn is_exposed(&self) -> bool {
        matches!(self.0.scheme(), "nats" | "ws") && !is_this_machine(self.0.host())
    }
}

impl FromStr for BrokerUrl {
    type Err = MalformedBrokerUrl;

    fn from_str(text: &str) -> Result<Self, MalformedBrokerUrl> {
        // Without a scheme the library takes nats://, which is the least safe of the four.
        if !text.contains("://") {
            return Err(MalformedBrokerUrl);
        }
        let address: ServerAddr = text.parse().map_err(|_| MalformedBrokerUrl)?;
        let url = address.clone().into_inner();
        let path_is_fine = address.is_websocket() || matches!(url.path(), "" | "/");
        // A key is all that logs in here: a name and a password would go unused, and be seen in a list of processes.
        let has_more = !url.username().is_empty() || url.password().is_some() || url.query().is_some();
        if address.host().is_empty() || has_more || url.fragment().is_some() || !path_is_fine {
            return Err(MalformedBrokerUrl);
        }
        Ok(BrokerUrl(address))
    }
}

impl fmt::Display for BrokerUrl {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.0.clone().into_inner().as_str().trim_end_matches('/'))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings() {
        for (text, shown) in [
            ("nats://127.0.0.1:4222", "nats://127.0.0.1:4222"),
            ("tls://kez.example", "tls://kez.example"),
            ("ws://localhost:8443/", "ws://localhost:8443"),
            ("wss://KEZ.example:443/broker", "wss://kez.example/broker"),
            ("nats://[::1]:4222", "nats://[::1]:4222"),
        ] {
            assert_eq!(text.parse::<BrokerUrl>().map(|url| url.to_string()), Ok(shown.to_owned()));
        }
        for bad in [
            "",
            "kez.example",
            "kez.example:4222",
            "http://kez.example",
            "nats://",
            "ws://",
            "nats://user:password@kez.example",
            "nats://token@kez.example",
            "nats://kez.example/path",
            "wss://kez.example/?x",
            "wss://kez.example/#x",
            "nats://kez.example:0x",
            "nats://kez.example, nats://other.example",
        ] {
            assert!(bad.parse::<BrokerUrl>().is_err(), "{bad}");
        }
    }

    #[test]
    fn exposed_is_what_leaves_this_machine_in_the_clear() {
        let exposed = |text: &str| text.parse::<BrokerUrl>().expect("it is well formed").is_exposed();
        assert!(exposed("nats://kez.example") && exposed("ws://192.168.1.1:8443"));
        for safe in ["tls://kez.example", "wss://kez.example", "nats://127.0.0.1", "ws://localhost:1", "ws://[::1]:1"] {
            assert!(!exposed(safe), "{safe}");
        }
    }
}
