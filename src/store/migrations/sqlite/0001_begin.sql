-- Times are microseconds since 1970 (UTC). Structured values are JSON, read by the program only.

-- What came in, byte for byte. Rows are never changed.
CREATE TABLE inbound (
    id          INTEGER PRIMARY KEY,
    received_at INTEGER NOT NULL,
    source      TEXT    NOT NULL,
    environment TEXT,               -- named by a person, for files that do not say
    envelope    TEXT    NOT NULL,
    sha256      TEXT    NOT NULL,
    raw         BLOB    NOT NULL
) STRICT;

-- Kept and not decided yet; a row goes when its verdict is written.
CREATE TABLE pending (
    id          INTEGER PRIMARY KEY,
    not_before  INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    attempts    INTEGER NOT NULL DEFAULT 0,
    released    INTEGER NOT NULL DEFAULT 0,  -- 1: a person vouches for the sender
    deferred_at INTEGER,                     -- first put back, for want of an answer
    waits_for   TEXT
) STRICT;

-- What was found about a message's origin, as it was when it was decided.
CREATE TABLE evidence (
    id   INTEGER PRIMARY KEY,                -- of the inbound message
    body TEXT NOT NULL
) STRICT;

CREATE TABLE verdict (
    id            INTEGER PRIMARY KEY,       -- of the inbound message
    decided_at    INTEGER NOT NULL,
    verdict       TEXT    NOT NULL,
    environment   TEXT,
    route         TEXT,
    kind          TEXT,
    ace           TEXT,
    message_id    TEXT,
    registry_time INTEGER,
    deadline      INTEGER,                   -- the earliest that its text names
    digest        TEXT,                      -- set only for messages that were acted upon
    is_covered    INTEGER NOT NULL DEFAULT 0,
    reasons       TEXT    NOT NULL,
    trace         TEXT    NOT NULL
) STRICT;
CREATE INDEX verdict_digest ON verdict (digest) WHERE digest IS NOT NULL;
CREATE INDEX verdict_held   ON verdict (id)     WHERE verdict = 'held';
CREATE INDEX verdict_due    ON verdict (deadline) WHERE verdict = 'held';
CREATE INDEX verdict_domain ON verdict (ace, id) WHERE ace IS NOT NULL;

CREATE TABLE customer (
    id   TEXT PRIMARY KEY,
    body TEXT NOT NULL
) STRICT;

CREATE TABLE domain (
    environment      TEXT    NOT NULL,
    ace              TEXT    NOT NULL,
    customer         TEXT,
    lifecycle        TEXT    NOT NULL,
    imported_status  TEXT,
    imported_holders TEXT    NOT NULL,
    facts            TEXT    NOT NULL,
    dedelegation_at  INTEGER,               -- both deadlines once more, to sort and search by
    deletion_at      INTEGER,
    source_message   INTEGER,
    updated_at       INTEGER NOT NULL,
    version          INTEGER NOT NULL,
    PRIMARY KEY (environment, ace)
) STRICT, WITHOUT ROWID;
CREATE INDEX domain_customer ON domain (customer);

-- Present holders of each domain, to find all domains of one contact.
CREATE TABLE holder (
    environment TEXT NOT NULL,
    handle      TEXT NOT NULL,              -- upper case
    ace         TEXT NOT NULL,
    PRIMARY KEY (environment, handle, ace)
) STRICT, WITHOUT ROWID;
CREATE INDEX holder_domain ON holder (environment, ace);

-- Verification asked for a contact.
CREATE TABLE contact (
    environment TEXT NOT NULL,
    handle      TEXT NOT NULL,              -- upper case
    fact        TEXT NOT NULL,
    PRIMARY KEY (environment, handle)
) STRICT, WITHOUT ROWID;

CREATE TABLE history (
    id          INTEGER PRIMARY KEY,
    environment TEXT    NOT NULL,
    ace         TEXT    NOT NULL,
    at          INTEGER NOT NULL,           -- registry time
    message     INTEGER,
    summary     TEXT    NOT NULL
) STRICT;
CREATE INDEX history_domain ON history (environment, ace, id);

CREATE TABLE verification_case (
    id          INTEGER PRIMARY KEY,
    environment TEXT    NOT NULL,
    ace         TEXT    NOT NULL,
    state       TEXT    NOT NULL,
    opened_at   INTEGER NOT NULL,
    closed_at   INTEGER,
    sequence    INTEGER NOT NULL DEFAULT 0  -- of the calendar entries
) STRICT;
CREATE UNIQUE INDEX case_open ON verification_case (environment, ace) WHERE closed_at IS NULL;
CREATE INDEX case_domain ON verification_case (environment, ace, id);

CREATE TABLE case_note (
    id    INTEGER PRIMARY KEY,
    "case" INTEGER NOT NULL,
    at    INTEGER NOT NULL,
    actor TEXT    NOT NULL,
    text  TEXT    NOT NULL
) STRICT;
CREATE INDEX case_note_case ON case_note ("case", id);

-- The outbox: one row a mail.
CREATE TABLE notice (
    id          INTEGER PRIMARY KEY,
    environment TEXT    NOT NULL,
    kind        TEXT    NOT NULL,
    languages   TEXT    NOT NULL,
    customer    TEXT    NOT NULL,
    salutation  TEXT    NOT NULL,
    timezone    TEXT,
    recipient   TEXT    NOT NULL,
    code        TEXT    NOT NULL UNIQUE,
    message_id  TEXT    NOT NULL UNIQUE,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    state       TEXT    NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    is_open     INTEGER NOT NULL DEFAULT 1, -- 1: what arrives for this customer may still join it
    raw         BLOB,
    sent_at     INTEGER,
    last_reply  TEXT
) STRICT;
CREATE INDEX notice_due  ON notice (due_at)   WHERE state IN ('queued', 'delayed');
CREATE INDEX notice_open ON notice (customer) WHERE is_open = 1;
CREATE INDEX notice_sent ON notice (sent_at)  WHERE sent_at IS NOT NULL;

CREATE TABLE notice_item (
    key     TEXT    PRIMARY KEY,            -- one telling of one fact; never told twice
    notice  INTEGER NOT NULL,
    message INTEGER,
    "case"  INTEGER,
    ace     TEXT    NOT NULL,
    body    TEXT    NOT NULL
) STRICT, WITHOUT ROWID;
CREATE INDEX notice_item_notice  ON notice_item (notice);
CREATE INDEX notice_item_message ON notice_item (message);
CREATE INDEX notice_item_case    ON notice_item ("case");

CREATE TABLE alarm (
    id          INTEGER PRIMARY KEY,
    key         TEXT    NOT NULL,           -- one cause
    code        TEXT    NOT NULL,
    environment TEXT,
    ace         TEXT,
    message     INTEGER,
    text        TEXT    NOT NULL,
    raised_at   INTEGER NOT NULL,
    cleared_at  INTEGER
) STRICT;
CREATE UNIQUE INDEX alarm_open ON alarm (key) WHERE cleared_at IS NULL;

-- Who did what: numbered from 1 without gaps, each entry with the hash of the one before it.
CREATE TABLE audit (
    id       INTEGER PRIMARY KEY,
    at       INTEGER NOT NULL,
    actor    TEXT    NOT NULL,
    action   TEXT    NOT NULL,
    object   TEXT    NOT NULL,
    detail   TEXT    NOT NULL,
    previous TEXT    NOT NULL,
    hash     TEXT    NOT NULL
) STRICT;
CREATE INDEX audit_object ON audit (object, id);

-- The newest entry once more, so that a removed end is missed.
CREATE TABLE audit_head (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    entries INTEGER NOT NULL,
    hash    TEXT    NOT NULL
) STRICT;
INSERT INTO audit_head VALUES (1, 0, '0000000000000000000000000000000000000000000000000000000000000000');

-- REPLACE deletes without asking a trigger about it, so each insert is looked at as well.
CREATE TRIGGER audit_append BEFORE INSERT ON audit
    WHEN NEW.id IS NOT (SELECT entries + 1 FROM audit_head)
        OR NEW.previous IS NOT (SELECT hash FROM audit_head)
BEGIN SELECT RAISE(ABORT, 'the audit trail only grows at its end'); END;
CREATE TRIGGER audit_no_update BEFORE UPDATE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is never changed'); END;
CREATE TRIGGER audit_no_delete BEFORE DELETE ON audit
BEGIN SELECT RAISE(ABORT, 'the audit trail is never shortened'); END;
CREATE TRIGGER audit_head_follows BEFORE UPDATE ON audit_head
    WHEN NEW.one IS NOT OLD.one OR NEW.entries IS NOT OLD.entries + 1
        OR NEW.hash IS NOT (SELECT hash FROM audit WHERE id = NEW.entries)
BEGIN SELECT RAISE(ABORT, 'the head of the audit trail only follows its end'); END;
CREATE TRIGGER audit_head_alone BEFORE INSERT ON audit_head
BEGIN SELECT RAISE(ABORT, 'the audit trail has one head'); END;
CREATE TRIGGER audit_head_stays BEFORE DELETE ON audit_head
BEGIN SELECT RAISE(ABORT, 'the audit trail keeps its head'); END;

-- Switches, such as who paused sending and why.
CREATE TABLE switch (
    name  TEXT PRIMARY KEY,
    value TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- How far an import got: a later run begins after it.
CREATE TABLE import (
    source TEXT PRIMARY KEY,
    done   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
