//! Looking at a proof where the claim says that it is.

use kez_core::KeyId;
use kez_core::claim::{Evidence, Gist};
use url::Url;

use super::outside::Outside;
use super::trouble::Trouble;
use super::{State, Verdict};

/// Where GitHub serves the texts of gists.
const GIST_HOSTS: [&str; 2] = ["gist.github.com", "gist.githubusercontent.com"];

impl Outside {
    /// Looks whether the claim of `chain` with this evidence is proven now. Ends within the time that a check may take.
    pub async fn check(&self, evidence: &Evidence, chain: &KeyId) -> Verdict {
        let found = tokio::time::timeout(self.patience, self.find(evidence)).await;
        match found.unwrap_or(Err(Trouble::TooSlow)) {
            Err(trouble) => trouble.into(),
            Ok(found) if found.iter().any(|found| evidence.proves(chain, found)) => {
                Verdict { state: State::Proven, detail: None }
            }
            Ok(_) => {
                let detail = "What is there does not name this identity's chain.";
                Verdict { state: State::Failed, detail: Some(detail) }
            }
        }
    }

    /// What is there: the document, the text, or every record.
    async fn find(&self, evidence: &Evidence) -> Result<Vec<Vec<u8>>, Trouble> {
        match evidence {
            Evidence::Txt(domain) => {
                let records = self.dns.texts(&domain.record()).await?;
                if records.is_empty() { Err(Trouble::Nothing) } else { Ok(records) }
            }
            Evidence::Document(host) => Ok(vec![self.fetch(&host.document(), |_| true).await?.into()]),
            Evidence::Gist(gist) => Ok(vec![self.fetch(&gist.raw(), |url| is_of(gist, url)).await?.into()]),
        }
    }
}

/// Whether an address is one of the gist's, by GitHub's own hosts. GitHub names a gist's owner in each of them.
fn is_of(gist: &Gist, url: &Url) -> bool {
    let is_github = url.host_str().is_some_and(|host| GIST_HOSTS.contains(&host));
    is_github && url.port().is_none() && gist.owns(url.path())
}
