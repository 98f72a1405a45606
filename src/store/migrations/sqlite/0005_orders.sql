-- What is ordered, what is asked of the registry for it, and what came of that.
CREATE TABLE registry_order (
    id          INTEGER PRIMARY KEY,
    key         TEXT    NOT NULL UNIQUE,    -- whoever orders gives it: the same order twice is one
    created_at  INTEGER NOT NULL,
    environment TEXT    NOT NULL,
    ace         TEXT    NOT NULL,
    account     TEXT    NOT NULL,           -- provider or customer
    customer    TEXT,
    body        TEXT    NOT NULL,           -- the request, JSON
    state       TEXT    NOT NULL,           -- waiting, requested, done, failed or cancelled
    waits       TEXT,                       -- for payment, answer or operator
    payment     TEXT,
    paid_at     INTEGER,
    ended_at    INTEGER
) STRICT;
CREATE INDEX order_domain ON registry_order (environment, ace);

CREATE TABLE request (
    id          INTEGER PRIMARY KEY,
    "order"     INTEGER UNIQUE REFERENCES registry_order (id),    -- one request for an order, ever
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
CREATE INDEX request_due    ON request (due_at) WHERE state IN ('queued', 'signed');
CREATE INDEX request_open   ON request (sent_at) WHERE state = 'sent';
CREATE INDEX request_domain ON request (environment, ace) WHERE state IN ('signed', 'sent', 'unanswered');

-- The action log: what was asked, answered, advised.
CREATE TABLE action (
    id   INTEGER PRIMARY KEY,
    ace  TEXT,
    body TEXT NOT NULL                      -- JSON
) STRICT;
CREATE INDEX action_ace ON action (ace);
