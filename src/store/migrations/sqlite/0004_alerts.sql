-- How alarms reach people: a row is one mail to the desk, or one POST. Its bytes are there from the
-- beginning and never change.
CREATE TABLE alert (
    id          INTEGER PRIMARY KEY,
    uid         TEXT    NOT NULL UNIQUE,    -- what the other side knows it by
    channel     TEXT    NOT NULL,           -- webhook, or mail:desk@example.net
    event       TEXT    NOT NULL,           -- raised, cleared or test
    state       TEXT    NOT NULL,           -- queued, delayed, sent, failed or dropped
    created_at  INTEGER NOT NULL,
    due_at      INTEGER NOT NULL,
    attempts    INTEGER NOT NULL DEFAULT 0,
    lease_until INTEGER NOT NULL DEFAULT 0,
    body        BLOB    NOT NULL,
    sent_at     INTEGER,
    last_reply  TEXT
) STRICT;
CREATE INDEX alert_due     ON alert (due_at) WHERE state IN ('queued', 'delayed');
CREATE INDEX alert_channel ON alert (channel, id);
CREATE INDEX alert_failed  ON alert (id) WHERE state = 'failed';

-- Which alarm was told by which alert: each once per channel.
CREATE TABLE alert_alarm (
    alarm   INTEGER NOT NULL,
    channel TEXT    NOT NULL,
    alert   INTEGER NOT NULL,               -- said that it was raised
    is_open INTEGER NOT NULL,               -- 1: its end is still to be told
    PRIMARY KEY (alarm, channel)
) STRICT, WITHOUT ROWID;
CREATE INDEX alert_alarm_alert ON alert_alarm (alert);
CREATE INDEX alert_alarm_open  ON alert_alarm (channel, alarm) WHERE is_open = 1;

-- What a live route has heard, for as long as it is watched.
CREATE TABLE route_watch (
    route    TEXT PRIMARY KEY,
    since    INTEGER NOT NULL,              -- watched since
    heard_at INTEGER                        -- its last message from the registry
) STRICT, WITHOUT ROWID;

-- Up to which message the routes were looked after.
CREATE TABLE route_watch_upto (
    one     INTEGER PRIMARY KEY CHECK (one = 1),
    message INTEGER NOT NULL
) STRICT;
INSERT INTO route_watch_upto VALUES (1, 0);

-- Few, and looked for every few seconds.
CREATE INDEX notice_undelivered ON notice (created_at) WHERE state IN ('failed', 'bounced');
