-- What charts and metrics show, so that nobody has to go through all messages for it.

-- Messages by the day they came in (days since 1970, UTC), as they are judged today.
CREATE TABLE message_day (
    day         INTEGER NOT NULL,
    environment TEXT    NOT NULL,           -- empty: not known
    source      TEXT    NOT NULL,
    verdict     TEXT    NOT NULL,
    count       INTEGER NOT NULL,
    PRIMARY KEY (day, environment, source, verdict)
) STRICT, WITHOUT ROWID;

-- What has happened since the beginning: these numbers only grow, but for `case`, which says how many
-- there are. A label that is not there is empty.
CREATE TABLE tally (
    what   TEXT    NOT NULL,                -- message, bytes, reason, notice, bounce, request, case
    label1 TEXT    NOT NULL,
    label2 TEXT    NOT NULL,
    label3 TEXT    NOT NULL,
    count  INTEGER NOT NULL,
    PRIMARY KEY (what, label1, label2, label3)
) STRICT, WITHOUT ROWID;

-- When something was heard last that was understood.
CREATE TABLE heard (
    environment TEXT    NOT NULL,
    source      TEXT    NOT NULL,
    last_at     INTEGER NOT NULL,
    PRIMARY KEY (environment, source)
) STRICT, WITHOUT ROWID;

-- How long things took, since the beginning: in each bucket what took longer than the one below.
CREATE TABLE took (
    what    TEXT    NOT NULL,               -- notice, request, reseller
    label1  TEXT    NOT NULL,
    label2  TEXT    NOT NULL,
    bucket  INTEGER NOT NULL,               -- number of its upper bound; the last has none
    count   INTEGER NOT NULL,
    seconds REAL    NOT NULL,               -- all of them together
    PRIMARY KEY (what, label1, label2, bucket)
) STRICT, WITHOUT ROWID;

-- When OpenPGP keys end that only the sender can read.
CREATE TABLE key_end (
    fingerprint TEXT PRIMARY KEY,
    ends_at     INTEGER NOT NULL
) STRICT, WITHOUT ROWID;

-- The one time that all messages are gone through.
CREATE TABLE counted AS
    SELECT received_at / 86400000000 AS day, coalesce(verdict.environment, '') AS environment, source,
        verdict, count(*) AS count, sum(length(raw)) AS bytes, max(received_at) AS last_at
    FROM verdict CROSS JOIN inbound ON inbound.id = verdict.id GROUP BY 1, 2, 3, 4;
INSERT INTO message_day SELECT day, environment, source, verdict, count FROM counted;
INSERT INTO tally SELECT 'message', environment, source, verdict, sum(count) FROM counted GROUP BY 2, 3, 4;
INSERT INTO tally SELECT 'bytes', source, '', '', sum(bytes) FROM counted GROUP BY source;
INSERT INTO heard SELECT environment, source, max(last_at) FROM counted
    WHERE verdict IN ('applied', 'unchanged') GROUP BY 1, 2;
DROP TABLE counted;
INSERT INTO tally SELECT 'reason', reason.value ->> 'code', '', '', count(DISTINCT verdict.id)
    FROM verdict, json_each(reasons) AS reason GROUP BY 2;
INSERT INTO tally SELECT 'notice', kind, coalesce(languages ->> 0, ''),
        iif(state = 'sent' AND late_at IS NOT NULL, 'delayed', state), count(*)
    FROM notice WHERE state <> 'queued' GROUP BY 2, 3, 4;
INSERT INTO tally SELECT 'bounce', coalesce(body ->> 'category', ''), '', '', count(*)
    FROM report WHERE body ->> 'action' = 'failed' GROUP BY 2;
INSERT INTO tally SELECT 'request', action, coalesce(outcome, state), '', count(*)
    FROM request WHERE state IN ('answered', 'unanswered', 'withdrawn', 'failed') GROUP BY 2, 3;
INSERT INTO tally SELECT 'case', environment, state, '', count(*) FROM verification_case GROUP BY 2, 3;

-- Messages are counted by the statements that write verdicts, many at once. The rest is seldom. What is
-- not known is counted as an empty word: no row may fail for being counted.
CREATE TRIGGER notice_counted AFTER INSERT ON notice WHEN NEW.state <> 'queued' BEGIN
    INSERT INTO tally VALUES ('notice', NEW.kind, coalesce(NEW.languages ->> 0, ''), NEW.state, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER notice_moved AFTER UPDATE OF state ON notice
    WHEN NEW.state <> OLD.state AND NEW.state <> 'queued' BEGIN
    INSERT INTO tally VALUES ('notice', NEW.kind, coalesce(NEW.languages ->> 0, ''), NEW.state, 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER notice_late AFTER UPDATE OF late_at ON notice
    WHEN NEW.late_at IS NOT NULL AND OLD.late_at IS NULL BEGIN
    INSERT INTO tally VALUES ('notice', NEW.kind, coalesce(NEW.languages ->> 0, ''), 'delayed', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER report_counted AFTER INSERT ON report WHEN NEW.body ->> 'action' = 'failed' BEGIN
    INSERT INTO tally VALUES ('bounce', coalesce(NEW.body ->> 'category', ''), '', '', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER request_counted AFTER UPDATE OF state ON request
    WHEN NEW.state <> OLD.state AND NEW.state IN ('answered', 'unanswered', 'withdrawn', 'failed') BEGIN
    INSERT INTO tally VALUES ('request', NEW.action, coalesce(NEW.outcome, NEW.state), '', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER case_counted AFTER INSERT ON verification_case BEGIN
    INSERT INTO tally VALUES ('case', NEW.environment, NEW.state, '', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;
CREATE TRIGGER case_moved AFTER UPDATE OF state ON verification_case WHEN NEW.state <> OLD.state BEGIN
    UPDATE tally SET count = count - 1
        WHERE what = 'case' AND label1 = OLD.environment AND label2 = OLD.state AND label3 = '';
    INSERT INTO tally VALUES ('case', NEW.environment, NEW.state, '', 1)
    ON CONFLICT DO UPDATE SET count = count + 1;
END;

-- The oldest that is held, and what is due next.
CREATE INDEX verdict_held_in      ON verdict (environment, id) WHERE verdict = 'held';
CREATE INDEX domain_dedelegation  ON domain (environment, dedelegation_at) WHERE dedelegation_at IS NOT NULL;
CREATE INDEX domain_deletion      ON domain (environment, deletion_at) WHERE deletion_at IS NOT NULL;
CREATE INDEX domain_suspension    ON domain (environment, suspension_at) WHERE suspension_at IS NOT NULL;
CREATE INDEX request_unanswered   ON request (environment) WHERE state = 'unanswered';
