-- An order may need more than one request: what is there is read before it is changed, and where the
-- outcome of a request is not known, another asks for it.
ALTER TABLE registry_order ADD COLUMN placed_by TEXT NOT NULL DEFAULT '';

CREATE TABLE request_new (
    id          INTEGER PRIMARY KEY,
    "order"     INTEGER REFERENCES registry_order (id),
    purpose     TEXT    NOT NULL,           -- order, read or check
    about       INTEGER,                    -- the request whose outcome a check finds out
    ctid        TEXT    NOT NULL UNIQUE,
    environment TEXT    NOT NULL,
    action      TEXT    NOT NULL,
    ace         TEXT,
    body        TEXT    NOT NULL,
    state       TEXT    NOT NULL,           -- queued, signed, sent, answered, unanswered, withdrawn or failed
    transport   TEXT,
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    raw         BLOB,
    signed_at   INTEGER,
    sent_at     INTEGER,
    answered_at INTEGER,
    outcome     TEXT,
    message     INTEGER,                    -- the answer
    last_reply  TEXT
) STRICT;
INSERT INTO request_new (id, "order", purpose, ctid, environment, action, ace, body, state, transport,
    created_at, due_at, attempts, lease_until, raw, signed_at, sent_at, answered_at, outcome, message,
    last_reply)
    SELECT id, "order", 'order', ctid, environment, action, ace, body, state, transport, created_at,
        due_at, attempts, lease_until, raw, signed_at, sent_at, answered_at, outcome, message, last_reply
    FROM request;
DROP TABLE request;
ALTER TABLE request_new RENAME TO request;
-- What is ordered is asked for once, ever.
CREATE UNIQUE INDEX request_order ON request ("order", purpose) WHERE purpose <> 'check';
CREATE INDEX request_due    ON request (due_at) WHERE state IN ('queued', 'signed');
CREATE INDEX request_open   ON request (sent_at) WHERE state IN ('sent', 'unanswered');
CREATE INDEX request_domain ON request (environment, ace) WHERE state IN ('signed', 'sent', 'unanswered');
CREATE INDEX request_about  ON request (about) WHERE about IS NOT NULL;
