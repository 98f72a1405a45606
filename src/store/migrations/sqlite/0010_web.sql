-- People who look in on the web.
CREATE TABLE web_user (
    name         TEXT PRIMARY KEY,           -- lower case
    role         TEXT    NOT NULL,           -- viewer, operator, admin or auditor
    created_at   INTEGER NOT NULL,
    disabled_at  INTEGER,
    language     TEXT,                       -- NULL: the browser's
    theme        TEXT    NOT NULL,
    has_keys     INTEGER NOT NULL,
    password     TEXT,                       -- argon2id, as a PHC string; NULL: none
    totp         TEXT,                       -- the secret, base32; NULL: no second factor
    totp_step    INTEGER NOT NULL DEFAULT 0, -- of the last code taken
    link_digest  TEXT UNIQUE,                -- of the one-time link, SHA-256; NULL: none, or used
    link_ends_at INTEGER,
    stamp        INTEGER NOT NULL DEFAULT 0  -- counts what ends sessions
) STRICT, WITHOUT ROWID;

-- Who is signed in.
CREATE TABLE web_session (
    digest   TEXT PRIMARY KEY,               -- of the session's id, SHA-256
    user     TEXT    NOT NULL REFERENCES web_user (name),
    data     TEXT    NOT NULL,               -- JSON
    began_at INTEGER NOT NULL,
    seen_at  INTEGER NOT NULL                -- to a minute
) STRICT, WITHOUT ROWID;

CREATE INDEX web_session_user ON web_session (user, began_at);

-- From where people have signed in: others cannot lock them out there.
CREATE TABLE web_place (
    user    TEXT    NOT NULL REFERENCES web_user (name),
    network TEXT    NOT NULL,                -- IPv4 /24, IPv6 /48
    at      INTEGER NOT NULL,
    PRIMARY KEY (user, network)
) STRICT, WITHOUT ROWID;

-- Domains with a deadline: few among many.
CREATE INDEX domain_due ON domain (ace) WHERE dedelegation_at IS NOT NULL OR deletion_at IS NOT NULL
    OR suspension_at IS NOT NULL OR json_extract(facts, '$.expire') IS NOT NULL;

-- Keys of the staff's calendar, one a person. A key itself is kept nowhere.
CREATE TABLE web_feed_key (
    user       TEXT PRIMARY KEY,
    digest     TEXT    NOT NULL UNIQUE,     -- SHA-256 of the key, hexadecimal
    created_at INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- Customers are looked for by their addresses, too.
CREATE INDEX customer_email  ON customer (lower(body ->> '$.email'));
CREATE INDEX customer_second ON customer (lower(body ->> '$.second_email'));

-- Orders and requests by what people look for.
CREATE INDEX order_state   ON registry_order (state, id);
CREATE INDEX order_ace     ON registry_order (ace, id);
CREATE INDEX request_state ON request (state, id);
CREATE INDEX request_ace   ON request (ace, id) WHERE ace IS NOT NULL;

-- Pages go back in the order of arrival, and find what is rare without it.
CREATE INDEX inbound_received ON inbound (received_at, id);
CREATE INDEX inbound_queue    ON inbound (envelope ->> 'queue_id') WHERE envelope ->> 'queue_id' IS NOT NULL;
CREATE INDEX verdict_rare     ON verdict (verdict, id) WHERE verdict NOT IN ('applied', 'unchanged');
CREATE INDEX verdict_route    ON verdict (route, id);
CREATE INDEX verdict_kind     ON verdict (kind, id);
CREATE INDEX verdict_environment ON verdict (environment, id);
CREATE INDEX notice_customer  ON notice (customer, id);
CREATE INDEX notice_item_ace  ON notice_item (ace, notice);

-- The codes of each verdict's reasons, once each.
CREATE TABLE verdict_reason (
    code TEXT    NOT NULL,
    id   INTEGER NOT NULL,                  -- of the inbound message
    PRIMARY KEY (code, id)
) STRICT, WITHOUT ROWID;
CREATE INDEX verdict_reason_id ON verdict_reason (id);
INSERT INTO verdict_reason
    SELECT DISTINCT reason.value ->> 'code', verdict.id FROM verdict, json_each(reasons) AS reason;
-- REPLACE deletes without asking a trigger about it, so what an earlier verdict left goes here as well.
CREATE TRIGGER verdict_reason_new AFTER INSERT ON verdict
BEGIN
    DELETE FROM verdict_reason WHERE id = NEW.id;
    INSERT OR IGNORE INTO verdict_reason
        SELECT reason.value ->> 'code', NEW.id FROM json_each(NEW.reasons) AS reason;
END;
CREATE TRIGGER verdict_reason_changed AFTER UPDATE OF reasons ON verdict
BEGIN
    DELETE FROM verdict_reason WHERE id = NEW.id;
    INSERT OR IGNORE INTO verdict_reason
        SELECT reason.value ->> 'code', NEW.id FROM json_each(NEW.reasons) AS reason;
END;
CREATE TRIGGER verdict_reason_gone AFTER DELETE ON verdict
BEGIN
    DELETE FROM verdict_reason WHERE id = OLD.id;
END;

-- What was done at which time is looked for from there.
CREATE INDEX audit_at ON audit (at);
