-- What CentralNic Reseller says and is asked.
ALTER TABLE domain ADD COLUMN suspension_at  INTEGER;
ALTER TABLE domain ADD COLUMN reseller_owner TEXT;      -- the owner's handle there
ALTER TABLE domain ADD COLUMN reseller_at    INTEGER;   -- when the reseller is to be asked about it again
CREATE INDEX domain_owner    ON domain (environment, reseller_owner) WHERE reseller_owner IS NOT NULL;
CREATE INDEX domain_reseller ON domain (environment, reseller_at) WHERE reseller_at IS NOT NULL;

-- What is known of a contact there.
CREATE TABLE reseller_contact (
    environment TEXT NOT NULL,
    handle      TEXT NOT NULL,
    address     TEXT,                       -- lower case
    fact        TEXT NOT NULL,
    PRIMARY KEY (environment, handle)
) STRICT, WITHOUT ROWID;
CREATE INDEX reseller_contact_address ON reseller_contact (environment, address) WHERE address IS NOT NULL;

-- Codes that confirm a mail address: secrets, deleted once they are used, or old.
CREATE TABLE trigger_code (
    id           INTEGER PRIMARY KEY,
    environment  TEXT    NOT NULL,
    code         TEXT,                      -- NULL: deleted
    digest       TEXT,                      -- SHA-256 of the code, which stays
    handle       TEXT,                      -- of the contact, where it is known
    address      TEXT,                      -- the address that it confirms, lower case, where it is known
    received_at  INTEGER NOT NULL,
    confirmed_at INTEGER
) STRICT;
CREATE UNIQUE INDEX trigger_code_code ON trigger_code (environment, code) WHERE code IS NOT NULL;
CREATE UNIQUE INDEX trigger_code_digest ON trigger_code (environment, digest) WHERE digest IS NOT NULL;
CREATE INDEX trigger_code_handle  ON trigger_code (environment, handle) WHERE handle IS NOT NULL;
CREATE INDEX trigger_code_address ON trigger_code (environment, address) WHERE address IS NOT NULL;

-- The messages that carried a code: their raw bytes go with it.
CREATE TABLE trigger_message (
    trigger_code INTEGER NOT NULL,
    message      INTEGER NOT NULL,
    PRIMARY KEY (trigger_code, message)
) STRICT, WITHOUT ROWID;
CREATE INDEX trigger_message_message ON trigger_message (message);

-- The outbox of commands to the reseller.
CREATE TABLE reseller_command (
    id          INTEGER PRIMARY KEY,
    environment TEXT    NOT NULL,
    body        TEXT    NOT NULL,           -- the command, JSON, without a secret
    state       TEXT    NOT NULL,           -- waiting, queued, sent, done or failed
    asked_by    TEXT    NOT NULL,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    settled_at  INTEGER,
    code        INTEGER,
    last_reply  TEXT,
    message     INTEGER                     -- the answer
) STRICT;
-- The same command waits once.
CREATE UNIQUE INDEX reseller_command_queued ON reseller_command (environment, body) WHERE state IN ('waiting', 'queued');
CREATE INDEX reseller_command_body ON reseller_command (environment, body);
CREATE INDEX reseller_command_due ON reseller_command (environment, due_at) WHERE state IN ('queued', 'sent');

-- What messages of the reseller told, to recognise the same in another form.
CREATE TABLE reseller_happening (
    environment TEXT    NOT NULL,
    class       TEXT    NOT NULL,
    subclass    TEXT    NOT NULL,
    object      TEXT    NOT NULL,           -- lower case
    reference   TEXT    NOT NULL,           -- digest of the code, or the job; empty: neither
    at          INTEGER NOT NULL,
    message     INTEGER NOT NULL,
    PRIMARY KEY (environment, object, at, class, subclass, message)
) STRICT, WITHOUT ROWID;
