-- Every event that was ever accepted, of all chains, in the order of acceptance. Rows are never changed or deleted:
-- what a chain comes to is derived from them.
CREATE TABLE entries (
    log_index   INTEGER NOT NULL PRIMARY KEY, -- counts from 1 without gaps over all chains; immutable
    chain       BLOB    NOT NULL,             -- the 32 bytes of the chain's Ed25519 genesis key; immutable
    entry       INTEGER NOT NULL,             -- place in the chain's audit log, counts from 0 without gaps; immutable
    id          BLOB    NOT NULL,             -- the 32 bytes of the event's SHA-256 id; immutable
    event       BLOB    NOT NULL,             -- canonical JSON of the signed event; immutable
    received_at INTEGER NOT NULL,             -- Unix seconds, never decreases within a chain; immutable
    receipt     BLOB    NOT NULL              -- canonical JSON of the receipt that this server signed; immutable
) STRICT;

-- One log a chain, and no event in it twice.
CREATE UNIQUE INDEX entries_of_chain ON entries (chain, entry);
CREATE UNIQUE INDEX entries_by_id ON entries (chain, id);

-- The keys that ever signed receipts here, public halves only; the newest one signs now.
CREATE TABLE receipt_keys (
    number INTEGER NOT NULL PRIMARY KEY, -- counts from 1 in the order of first use; immutable
    key    BLOB    NOT NULL UNIQUE       -- the 32 bytes of an Ed25519 public key; immutable
) STRICT;
