-- What the identities of a sigchain server of its own claim. Follows its log, and can be made from it.
CREATE TABLE followed_claims (
    chain   TEXT NOT NULL, -- key id of the chain's genesis key; immutable
    id      BLOB NOT NULL, -- the 32 bytes of the SHA-256 id of the event that made the claim; immutable
    type    TEXT NOT NULL, -- the kind of claim, at most 32 characters; immutable
    subject TEXT NOT NULL, -- what is claimed, at most 253 characters; immutable
    proof   TEXT NOT NULL, -- where the proof is, at most 2,048 characters; immutable
    PRIMARY KEY (chain, id)
) STRICT, WITHOUT ROWID;

-- Logs are read anew from their beginning, for the claims of chains that were followed before.
UPDATE followed SET log_index = 0;
