-- Conversations, and where each stands. A row is never deleted: its epoch and gate decide which commit comes next.
CREATE TABLE conversations (
    number      INTEGER NOT NULL PRIMARY KEY, -- grows in the order of arrival; immutable
    id          BLOB    NOT NULL UNIQUE,      -- the 16 bytes of the group's id; immutable
    starter     BLOB    NOT NULL,             -- the 32 bytes of the chain key of the identity that started it; immutable
    started_at  INTEGER NOT NULL,             -- Unix seconds, the server's clock; immutable
    first_gate  BLOB    NOT NULL,             -- SHA-256 of what members of epoch 1 know; immutable
    epoch       INTEGER NOT NULL,             -- the current epoch, 1 at first; grows by one with each commit
    gate        BLOB    NOT NULL,             -- SHA-256 of what members of the current epoch know; changes with each commit
    oldest      INTEGER NOT NULL,             -- the first epoch whose commit is kept, the current one when none is
    oldest_gate BLOB    NOT NULL,             -- SHA-256 of what members of that epoch know
    kept_since  INTEGER,                      -- Unix seconds: when that commit was accepted; NULL when none is kept
    last_at     INTEGER,                      -- Unix seconds: when the last kept commit was accepted; NULL when none is kept
    log_bytes   INTEGER NOT NULL,             -- bytes of the kept commits
    look_at     INTEGER                       -- Unix seconds: when to look for commits to delete; NULL when none is kept
) STRICT;

-- What an identity started lately.
CREATE INDEX conversations_of_starter ON conversations (starter, started_at);
CREATE INDEX conversations_to_look_at ON conversations (look_at) WHERE look_at IS NOT NULL;

-- The log of each conversation. Rows are deleted ninety days after they were accepted, but for the last 64 of a conversation
-- that goes on.
CREATE TABLE commits (
    number       INTEGER NOT NULL PRIMARY KEY, -- grows in the order of acceptance; immutable
    conversation INTEGER NOT NULL,             -- the number of the conversation; immutable
    epoch        INTEGER NOT NULL,             -- the epoch that it ended; immutable
    received_at  INTEGER NOT NULL,             -- Unix seconds, the server's clock; immutable
    hash         BLOB    NOT NULL,             -- the 32 bytes of the commit's SHA-256; immutable
    next_gate    BLOB    NOT NULL,             -- SHA-256 of what members of the next epoch know; immutable
    bytes        BLOB    NOT NULL              -- the commit, 1 to 65,536 bytes; immutable
) STRICT;

-- One commit an epoch.
CREATE UNIQUE INDEX commits_by_epoch ON commits (conversation, epoch);
-- Whether a commit is in the log already.
CREATE UNIQUE INDEX commits_by_hash ON commits (conversation, hash);

-- How much is kept for each identity that started conversations.
CREATE TABLE conversation_starters (
    starter   BLOB    NOT NULL PRIMARY KEY, -- the 32 bytes of the identity's chain key; immutable
    log_bytes INTEGER NOT NULL              -- bytes of the kept commits of all its conversations
) STRICT, WITHOUT ROWID;
