//! The limits.

use std::time::Duration;

/// How much one key and one identity may use of the broker, and how far it may be off.
#[derive(Clone, Debug)]
pub struct BrokerLimits {
    /// Sessions of one device key at once.
    pub sessions_per_key: usize,
    /// Sessions of one identity at once.
    pub sessions_per_identity: usize,
    /// What an identity may have waiting in inboxes at most, in bytes; each message counts as the largest that there may be.
    pub waiting_bytes: u64,
    /// And no more than this part of the stream.
    pub waiting_share: u64,
    /// What an identity may have waiting in mailboxes at most, in messages: the broker counts those by subject, not bytes.
    pub mail_waiting: u64,
    /// Messages to recipients that do not exist that are overlooked, in [`BrokerLimits::to_nobody_for`].
    pub wrote_to_nobody: u64,
    /// How long whoever sent more to such recipients loses the right to send, and how long they count.
    pub to_nobody_for: Duration,
    /// How long whoever made others wait loses it.
    pub crowding_for: Duration,
    /// How far this server's clock and the broker's may be apart before the log tells of it.
    pub skew_told: Duration,
    /// How far this server's clock may be ahead of the broker's: a login's question is over after 5 s by the broker's clock.
    pub clock_ahead: Duration,
    /// How far it may be behind: a session of 10 minutes, which begins by this server's clock, ends so much sooner.
    pub clock_behind: Duration,
}

impl Default for BrokerLimits {
    fn default() -> Self {
        BrokerLimits {
            sessions_per_key: 4,
            sessions_per_identity: 130,
            waiting_bytes: 64 << 20,
            waiting_share: 256,
            mail_waiting: 65_536,
            wrote_to_nobody: 16,
            to_nobody_for: Duration::from_secs(3600),
            crowding_for: Duration::from_secs(60),
            skew_told: Duration::from_secs(2),
            clock_ahead: Duration::from_secs(3),
            clock_behind: Duration::from_secs(300),
        }
    }
}

/// The least that the limits leave to anybody, in messages: what one recipient takes from one sender.
const LEAST: u64 = 16;

impl BrokerLimits {
    /// Messages that an identity may have waiting in a stream of so many bytes.
    pub(super) fn messages(&self, stream_bytes: u64, message_bytes: u64) -> u64 {
        let bytes = self.waiting_bytes.min(stream_bytes / self.waiting_share.max(1));
        (bytes / message_bytes.max(1)).max(LEAST)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_budget_is_64_mib_or_a_256th_of_the_stream_and_never_nothing() {
        let messages = |bytes| BrokerLimits::default().messages(bytes, 12_288);
        assert_eq!(messages(1 << 30), 341);
        assert_eq!(messages(16 << 30), 5461);
        assert_eq!(messages(1 << 40), 5461);
        assert_eq!(messages(1 << 20), 16);
    }
}
