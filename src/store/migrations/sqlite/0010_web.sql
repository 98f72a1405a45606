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
