-- Every handle that was ever registered here: one row a handle, the last owner's.
CREATE TABLE handles (
    handle        TEXT    NOT NULL PRIMARY KEY, -- 3 to 32 of a-z 0-9 _ -; never changes
    primary_key   TEXT    NOT NULL,             -- key id, `ed25519:` and 64 lower-case hex digits; of the last owner once released
    registered_at INTEGER NOT NULL,             -- Unix seconds, the server's clock at acceptance; set anew by a new registration
    registration  BLOB    NOT NULL,             -- canonical JSON of the signed registration envelope; set anew by a new registration
    released_at   INTEGER,                      -- Unix seconds, the server's clock at release; NULL while the handle is live
    release       BLOB                          -- canonical JSON of the signed release envelope; NULL while the handle is live
) STRICT, WITHOUT ROWID;

-- One live handle a key.
CREATE UNIQUE INDEX handles_live_primary_key ON handles (primary_key) WHERE released_at IS NULL;

-- Envelopes that were accepted, so that none is accepted twice. Rows are deleted once the envelope is stale anyway.
CREATE TABLE seen_envelopes (
    id           BLOB    NOT NULL PRIMARY KEY, -- the 32 bytes of the envelope's SHA-256 id; immutable
    forget_after INTEGER NOT NULL              -- Unix seconds; immutable
) STRICT, WITHOUT ROWID;
