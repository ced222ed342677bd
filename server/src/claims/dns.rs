//! Names: asked of the machine's name servers, never of its hosts file.

use std::net::{IpAddr, SocketAddr};
use std::time::Duration;

use async_trait::async_trait;
use hickory_resolver::TokioResolver;
use hickory_resolver::config::{ConnectionConfig, NameServerConfig, ResolveHosts, ResolverConfig, ResolverOpts};
use hickory_resolver::net::runtime::TokioRuntimeProvider;
use hickory_resolver::net::{DnsError, NetError};
use hickory_resolver::proto::op::ResponseCode;
use hickory_resolver::proto::rr::{RData, RecordType};

/// How long one question waits for one name server.
const PATIENCE: Duration = Duration::from_secs(2);
/// How long an answer is kept, whatever its own time: who has just published a record wants it found.
const KEPT: Duration = Duration::from_secs(60);
/// Most records of an answer that are looked at.
const MAX_RECORDS: usize = 64;

/// What knows names.
#[async_trait]
pub trait Dns: Send + Sync + 'static {
    /// The addresses of a host; none when there is no such host.
    ///
    /// # Errors
    /// When nobody can say.
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved>;

    /// The TXT records of a name, each with its strings joined; none when there are none.
    ///
    /// # Errors
    /// When nobody can say.
    async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Unresolved>;
}

/// No name server could say.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("no name server can say")]
pub struct Unresolved;

/// Name servers over UDP, and over TCP for what is larger.
pub struct NameServers(TokioResolver);

impl NameServers {
    /// The machine's own, from its configuration.
    ///
    /// # Errors
    /// When that cannot be read.
    pub fn of_the_machine() -> Result<Self, String> {
        let (config, options) = hickory_resolver::system_conf::read_system_conf().map_err(|error| error.to_string())?;
        NameServers::new(config, options)
    }

    /// The one at `address`.
    ///
    /// # Errors
    /// When it cannot be used.
    pub fn at(address: SocketAddr) -> Result<Self, String> {
        let connections = [ConnectionConfig::udp(), ConnectionConfig::tcp()].map(|mut connection| {
            connection.port = address.port();
            connection
        });
        let server = NameServerConfig::new(address.ip(), true, connections.into());
        NameServers::new(ResolverConfig::from_name_servers(vec![server]), ResolverOpts::default())
    }

    fn new(config: ResolverConfig, mut options: ResolverOpts) -> Result<Self, String> {
        options.timeout = PATIENCE;
        options.use_hosts_file = ResolveHosts::Never;
        options.positive_max_ttl = Some(KEPT);
        options.negative_max_ttl = Some(KEPT);
        let builder = TokioResolver::builder_with_config(config, TokioRuntimeProvider::default());
        builder.with_options(options).build().map(NameServers).map_err(|error| error.to_string())
    }

    async fn ask(&self, name: &str, kind: RecordType) -> Result<Vec<RData>, Unresolved> {
        // With the dot at its end a name is whole: no search domain is tried behind it.
        match self.0.lookup(format!("{name}."), kind).await {
            Ok(found) => Ok(found.answers().iter().take(MAX_RECORDS).map(|record| record.data.clone()).collect()),
            Err(NetError::Dns(DnsError::NoRecordsFound(none)))
                if matches!(none.response_code, ResponseCode::NoError | ResponseCode::NXDomain) =>
            {
                Ok(Vec::new())
            }
            Err(error) => {
                tracing::debug!(name, %kind, %error, "a name cannot be resolved");
                Err(Unresolved)
            }
        }
    }
}

#[async_trait]
impl Dns for NameServers {
    async fn addresses(&self, host: &str) -> Result<Vec<IpAddr>, Unresolved> {
        let (v4, v6) = tokio::join!(self.ask(host, RecordType::A), self.ask(host, RecordType::AAAA));
        let found = match (v4, v6) {
            (Err(error), Err(_)) => return Err(error),
            (v4, v6) => [v4.unwrap_or_default(), v6.unwrap_or_default()].concat(),
        };
        let address = |data: RData| match data {
            RData::A(address) => Some(IpAddr::V4(address.0)),
            RData::AAAA(address) => Some(IpAddr::V6(address.0)),
            _ => None,
        };
        Ok(found.into_iter().filter_map(address).collect())
    }

    async fn texts(&self, name: &str) -> Result<Vec<Vec<u8>>, Unresolved> {
        let text = |data: RData| match data {
            RData::TXT(text) => Some(text.txt_data.concat()),
            _ => None,
        };
        Ok(self.ask(name, RecordType::TXT).await?.into_iter().filter_map(text).collect())
    }
}
