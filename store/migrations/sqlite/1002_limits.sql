-- Since when there are limits of size: a chain that was larger then has more room than others. One row.
CREATE TABLE limited_since (
    log_index INTEGER NOT NULL -- the last entry that was stored before, 0 for none; immutable
) STRICT;

INSERT INTO limited_since (log_index) SELECT coalesce(max(log_index), 0) FROM entries;

-- What chains came to when they were verified last, so that they need not be verified from their beginning each time. Can be
-- made from the entries, and deleted.
CREATE TABLE checkpoints (
    chain   BLOB NOT NULL PRIMARY KEY, -- the 32 bytes of the chain's Ed25519 genesis key; immutable
    content BLOB NOT NULL              -- a MAC of this server's, then what it covers; written anew as the chain grows
) STRICT;
