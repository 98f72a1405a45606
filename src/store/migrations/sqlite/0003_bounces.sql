-- Keys that are made once for this database and shown nowhere.
CREATE TABLE secret (
    name  TEXT PRIMARY KEY,
    value BLOB NOT NULL
) STRICT, WITHOUT ROWID;

-- When a mail system said of a mail that had left that it is late.
ALTER TABLE notice ADD COLUMN late_at INTEGER;

-- What mail systems reported about notices, a row per recipient.
CREATE TABLE report (
    message INTEGER NOT NULL,               -- the inbound message
    number  INTEGER NOT NULL,               -- of the recipient in it, from 0
    notice  INTEGER NOT NULL,
    at      INTEGER NOT NULL,
    body    TEXT    NOT NULL,
    PRIMARY KEY (message, number)
) STRICT, WITHOUT ROWID;
CREATE INDEX report_notice ON report (notice, message, number);
