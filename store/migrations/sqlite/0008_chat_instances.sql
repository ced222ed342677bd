-- The instance of each device's state of conversations. A row is smaller than what is kept of the device anyway, its key in a
-- chain or beside a handle, and stays as long.
CREATE TABLE chat_instances (
    device   BLOB NOT NULL PRIMARY KEY, -- the 32 bytes of the device's Ed25519 key; immutable
    instance BLOB NOT NULL              -- 16 bytes that the device drew; replaced by the one that follows
) STRICT, WITHOUT ROWID;

-- Envelopes that an instance was accepted by, so that none is accepted twice, and to count them. Rows are deleted after about
-- an hour.
CREATE TABLE chat_instance_envelopes (
    id           BLOB    NOT NULL PRIMARY KEY, -- the 32 bytes of the envelope's SHA-256 id; immutable
    device       BLOB    NOT NULL,             -- the 32 bytes of the device's Ed25519 key; immutable
    at           INTEGER NOT NULL,             -- Unix seconds, the server's clock at acceptance; immutable
    forget_after INTEGER NOT NULL              -- Unix seconds; immutable
) STRICT, WITHOUT ROWID;

CREATE INDEX chat_instance_envelopes_of_device ON chat_instance_envelopes (device, at);
CREATE INDEX chat_instance_envelopes_by_end ON chat_instance_envelopes (forget_after);

-- Instances that another one followed, so that none is kept again. Rows are deleted once every envelope is stale that was
-- signed while the instance was kept.
CREATE TABLE followed_instances (
    device       BLOB    NOT NULL, -- the 32 bytes of the device's Ed25519 key; immutable
    instance     BLOB    NOT NULL, -- its 16 bytes; immutable
    forget_after INTEGER NOT NULL, -- Unix seconds; set anew when it is followed again
    PRIMARY KEY (device, instance)
) STRICT, WITHOUT ROWID;

CREATE INDEX followed_instances_by_end ON followed_instances (forget_after);
