//! The way out of this server: how names are resolved, where connections may go, whom TLS believes.

use std::net::IpAddr;
use std::sync::Arc;
use std::time::Duration;

use rustls::{ClientConfig, RootCertStore};

use super::address::is_public;
use super::dns::{Dns, NameServers};

/// How long a check may take, with everything in it.
const PATIENCE: Duration = Duration::from_secs(5);
const HTTPS_PORT: u16 = 443;

/// What checks of claims have of the world.
pub struct Outside {
    /// Who knows names.
    pub dns: Arc<dyn Dns>,
    /// Which addresses may be connected to.
    pub permits: fn(IpAddr) -> bool,
    /// TLS, with the authorities that are believed.
    pub tls: Arc<ClientConfig>,
    /// The port of hosts that name none.
    pub https_port: u16,
    /// How long a check may take, with everything in it.
    pub patience: Duration,
}

impl Outside {
    /// The public internet, through the machine's name servers.
    ///
    /// # Errors
    /// When the machine has none.
    pub fn internet() -> Result<Self, String> {
        let roots = RootCertStore { roots: webpki_roots::TLS_SERVER_ROOTS.to_vec() };
        Ok(Outside {
            dns: Arc::new(NameServers::of_the_machine()?),
            permits: is_public,
            tls: tls(roots)?,
            https_port: HTTPS_PORT,
            patience: PATIENCE,
        })
    }
}

/// TLS 1.2 and 1.3 that believes `roots`.
///
/// # Errors
/// When the library cannot do it.
pub fn tls(roots: RootCertStore) -> Result<Arc<ClientConfig>, String> {
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let config = ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let mut config = config.map_err(|error| error.to_string())?.with_root_certificates(roots).with_no_client_auth();
    config.alpn_protocols = vec![b"http/1.1".to_vec()];
    Ok(Arc::new(config))
}
