-- One-time key packages of devices: those that wait to be claimed, and those that were here, so that none is here twice.
-- Rows are deleted a hundred days after they were put here.
CREATE TABLE key_packages (
    number  INTEGER NOT NULL PRIMARY KEY, -- grows in the order of arrival; immutable
    device  BLOB    NOT NULL,             -- the 32 bytes of the device's Ed25519 key; immutable
    hash    BLOB    NOT NULL,             -- the 32 bytes of the package's SHA-256; immutable
    put_at  INTEGER NOT NULL,             -- Unix seconds, the server's clock; immutable
    package BLOB                          -- the package, 64 to 4,096 bytes; NULL once it was given away or forgotten, and for ever then
) STRICT;

-- A device puts each package here once.
CREATE UNIQUE INDEX key_packages_by_hash ON key_packages (device, hash);
-- What waits, the oldest first.
CREATE INDEX key_packages_waiting ON key_packages (device, number) WHERE package IS NOT NULL;

-- What is given away, again and again, when a device has no other package.
CREATE TABLE last_resort_packages (
    device  BLOB    NOT NULL PRIMARY KEY, -- the 32 bytes of the device's Ed25519 key; immutable
    put_at  INTEGER NOT NULL,             -- Unix seconds, the server's clock; set anew with the package
    package BLOB    NOT NULL              -- the package, 64 to 4,096 bytes; replaced by the device
) STRICT;

-- For those that nobody renewed for a hundred days, which are deleted.
CREATE INDEX last_resort_packages_by_age ON last_resort_packages (put_at);

-- Uploads that were accepted, so that none is accepted twice, and to count them. Rows are deleted after about an hour.
CREATE TABLE key_package_uploads (
    id           BLOB    NOT NULL PRIMARY KEY, -- the 32 bytes of the envelope's SHA-256 id; immutable
    device       BLOB    NOT NULL,             -- the 32 bytes of the device's Ed25519 key; immutable
    at           INTEGER NOT NULL,             -- Unix seconds, the server's clock at acceptance; immutable
    forget_after INTEGER NOT NULL              -- Unix seconds; immutable
) STRICT, WITHOUT ROWID;

CREATE INDEX key_package_uploads_of_device ON key_package_uploads (device, at);
CREATE INDEX key_package_uploads_by_end ON key_package_uploads (forget_after);

-- Claims that were accepted, to count them. Rows are deleted after an hour.
CREATE TABLE key_package_claims (
    number  INTEGER NOT NULL PRIMARY KEY, -- grows in the order of acceptance; immutable
    claimer BLOB    NOT NULL,             -- the 32 bytes of the claiming identity's chain key; immutable
    at      INTEGER NOT NULL              -- Unix seconds, the server's clock at acceptance; immutable
) STRICT;

CREATE INDEX key_package_claims_of ON key_package_claims (claimer, at);

-- What claims were answered, for who asks again. Rows are deleted once the claim is stale.
CREATE TABLE key_package_answers (
    number       INTEGER NOT NULL PRIMARY KEY, -- grows in the order of acceptance; immutable
    id           BLOB    NOT NULL UNIQUE,      -- the 32 bytes of the claim's SHA-256 id; immutable
    forget_after INTEGER NOT NULL,             -- Unix seconds; immutable
    answer       BLOB    NOT NULL              -- for each device: its key, what was given, and that; immutable
) STRICT;

-- One-time packages that an identity got of another's device. Rows are deleted after a day.
CREATE TABLE key_package_draws (
    number  INTEGER NOT NULL PRIMARY KEY, -- grows in the order of acceptance; immutable
    claimer BLOB    NOT NULL,             -- the 32 bytes of the claiming identity's chain key; immutable
    device  BLOB    NOT NULL,             -- the 32 bytes of the device's Ed25519 key; immutable
    at      INTEGER NOT NULL              -- Unix seconds, the server's clock at acceptance; immutable
) STRICT;

CREATE INDEX key_package_draws_of ON key_package_draws (claimer, device, at);

-- The handles of a chain, the released ones too.
CREATE INDEX handles_of_chain ON handles (chain);
