-- Chains of a sigchain server of its own that changed and were not taken in, to be tried again.
CREATE TABLE behind (
    url   TEXT NOT NULL, -- the server's address, without a slash at its end; immutable
    chain TEXT NOT NULL, -- key id of the chain's genesis key; immutable
    PRIMARY KEY (url, chain)
) STRICT, WITHOUT ROWID;
