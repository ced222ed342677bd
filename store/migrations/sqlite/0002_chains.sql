-- Which chain a handle belongs to. Until now each belonged to the chain that its key would have begun.
ALTER TABLE handles ADD COLUMN chain TEXT NOT NULL DEFAULT ''; -- key id of the chain's genesis key, `ed25519:` and 64 lower-case hex digits; set anew by a new registration

UPDATE handles SET chain = primary_key;

-- One live handle a chain.
CREATE UNIQUE INDEX handles_live_chain ON handles (chain) WHERE released_at IS NULL;

-- What each chain comes to. Follows the log of events, and can be made from it.
CREATE TABLE chains (
    chain       TEXT    NOT NULL PRIMARY KEY, -- key id of the genesis key; immutable
    primary_key TEXT    NOT NULL,             -- key id of the primary now; changes with each rotation
    head        BLOB    NOT NULL,             -- the 32 bytes of the newest event's SHA-256 id; changes with each event
    entries     INTEGER NOT NULL,             -- how many entries the audit log has, `head` being the last; grows with each event
    active      INTEGER NOT NULL              -- 1, or 0 once the chain is deactivated; a recovery may undo that
) STRICT, WITHOUT ROWID;

-- The keys that proved themselves in a chain: its genesis key, primaries and devices, now or before.
CREATE TABLE chain_keys (
    key       TEXT    NOT NULL, -- key id; immutable
    chain     TEXT    NOT NULL, -- key id of the chain's genesis key; immutable
    is_active INTEGER NOT NULL, -- 1 for the primary and for active devices, 0 for those that were; changes with events
    PRIMARY KEY (key, chain)
) STRICT, WITHOUT ROWID;

CREATE INDEX chain_keys_of_chain ON chain_keys (chain);

-- How far the log of a sigchain server of its own was followed.
CREATE TABLE followed (
    url       TEXT    NOT NULL PRIMARY KEY, -- the server's address, without a slash at its end; immutable
    log_index INTEGER NOT NULL              -- the last entry of its log that was taken in; grows
) STRICT, WITHOUT ROWID;
