-- A registrar's database after some years. Numbers and templates in braces are put in by fill.rs; times
-- are microseconds, {now} is the present.

CREATE TEMP TABLE n AS WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < {most}) SELECT i FROM n;

INSERT INTO customer (id, body)
SELECT 'K-' || (10000 + i), json_set('{customer}', '$.id', 'K-' || (10000 + i),
    '$.salutation', 'Frau Muster ' || i,
    -- One in fifty lives under the domain that is at stake.
    '$.email', iif(i % 50 = 0, 'info@' || printf('crowd-%06d.de', i), 'kunde' || i || '@example.net'))
FROM n WHERE i <= {customers};

-- Domain i belongs to customer i; the first of them have an open case, one in four is on hold.
CREATE TEMP TABLE d AS SELECT i, printf('crowd-%06d.de', i) AS ace, 'K-' || (10001 + (i - 1) % {customers}) AS customer,
    {messages} - ({messages} - i) % {domains} AS message, i <= {cases} AS is_open, i % 4 = 0 AS is_held,
    {now} + CAST(45.0 * 86400000000 * i / {cases} AS INTEGER) AS first_at
FROM n WHERE i <= {domains};

INSERT INTO domain (environment, ace, customer, lifecycle, imported_status, imported_holders, facts,
    dedelegation_at, deletion_at, source_message, updated_at, version)
SELECT 'live', ace, customer, 'registered', 'connect', '["DENIC-1000888-A"]',
    CASE WHEN NOT is_open THEN json_set('{quiet}', '$.status.at', {iso:asked_at})
        ELSE json_set('{asked}', '$.status.at', {iso:asked_at}, '$.verification.at', {iso:asked_at},
            '$.status.status', iif(is_held, 'serverHold', 'connect'),
            '$.verification.dedelegation_at', iif(is_held, NULL, {iso:first_at}),
            '$.verification.deletion_at', iif(is_held, {iso:first_at}, {iso:first_at + 30 * 86400000000})) END,
    iif(is_open AND NOT is_held, first_at, NULL),
    CASE WHEN is_open THEN iif(is_held, first_at, first_at + 30 * 86400000000) END,
    message, asked_at, 2
FROM (SELECT *, {now} - 20 * 86400000000 AS asked_at FROM d) ORDER BY ace;
INSERT INTO holder SELECT 'live', printf('DENIC-1000888-%06d', i), ace FROM d ORDER BY 2;
INSERT INTO history (environment, ace, at, message, summary)
SELECT 'live', ace, {now} - (400 - 380 * step) * 86400000000, message, iif(step, 'holders DENIC-1000888-A', 'status connect')
FROM d, (SELECT 0 AS step UNION ALL SELECT 1);

-- Messages of the last 400 days, evenly.
INSERT INTO inbound (id, received_at, source, environment, envelope, sha256, raw)
SELECT i, {now} - CAST(400.0 * 86400000000 * ({messages} - i) / {messages} AS INTEGER),
    CASE WHEN i % 50 = 49 THEN 'dsn' WHEN i % 10 > 7 THEN 'denic-queue' WHEN i % 10 = 7 THEN 'centralnic-mail' ELSE 'denic-mail' END,
    NULL, json_set('{envelope}', '$.queue_id', printf('4Z%09d', i)), printf('%064x', i),
    CAST(replace(replace('{raw}', '@domain@', printf('crowd-%06d.de', 1 + (i - 1) % {domains})), '@id@', i) AS BLOB)
FROM n WHERE i <= {messages};
INSERT INTO verdict (id, decided_at, verdict, environment, route, kind, ace, message_id, registry_time,
    deadline, digest, is_covered, reasons, trace)
SELECT id, received_at + 400000,
    CASE WHEN id % 2000 = 1 THEN 'held' WHEN id % 97 = 0 THEN 'refused' WHEN id % 3 = 0 THEN 'unchanged' ELSE 'applied' END,
    CASE WHEN id % 2000 = 1 AND id % 3 = 0 THEN NULL WHEN id % 20 = 0 THEN 'test' ELSE 'live' END,
    iif(id % 20 = 0, 'denic-test', 'denic-live'), 'domain-status', printf('crowd-%06d.de', 1 + (id - 1) % {domains}),
    id || '@denic.de', received_at - 1000000, iif(id % 4000 = 1, received_at + 30 * 86400000000, NULL),
    iif(id % 2000 = 1 OR id % 97 = 0, NULL, printf('%064x', id)), 0,
    CASE WHEN id % 2000 = 1 THEN '{held}' WHEN id % 97 = 0 THEN '{refused}' WHEN id % 5 = 0 THEN '{warned}' ELSE '[]' END,
    '{trace}'
FROM inbound;

-- Open cases, then those that are over.
INSERT INTO verification_case (id, environment, ace, state, opened_at, closed_at, sequence, plan_at)
SELECT i, 'live', ace, iif(is_held, 'on-hold', 'open'), {now} - 20 * 86400000000, NULL, 4, {now} + 86400000000
FROM d WHERE is_open;
INSERT INTO verification_case (id, environment, ace, state, opened_at, closed_at, sequence, plan_at)
SELECT {cases} + n.i, 'live', ace, CASE n.i % 10 WHEN 0 THEN 'deleted' WHEN 1 THEN 'moved' WHEN 2 THEN 'closed' ELSE 'resolved' END,
    {now} - (30 + n.i % 365) * 86400000000, {now} - (5 + n.i % 365) * 86400000000, 4, NULL
FROM n JOIN d ON d.i = {cases} + 1 + (n.i - 1) % ({domains} - {cases}) WHERE n.i <= {closed};
INSERT INTO case_note ("case", at, actor, text) SELECT i, {now} - 86400000000, '1000 anna', 'called, nobody there' FROM n WHERE i <= {cases} AND i % 10 = 0;
INSERT INTO task ("case", key, customer, code, text, opened_at)
SELECT i, 'W11', customer, 'W11', 'call the customer: the address lies under ' || ace, {now} - 86400000000 FROM d WHERE is_open AND i % 25 = 0;
INSERT INTO alarm (key, code, environment, ace, text, raised_at)
SELECT 'domain:live:' || ace || ':W60', 'W60', 'live', ace, 'the customer has not been told about ' || ace, {now} - 3600000000 FROM d WHERE is_open AND i % 100 = 0;

-- Some mails for each case: told at first, then reminded.
CREATE TEMP TABLE m AS SELECT n.i, c.id AS "case", c.ace, c.opened_at, c.closed_at, (n.i - 1) / ({cases} + {closed}) AS step
FROM n JOIN verification_case AS c ON c.id = 1 + (n.i - 1) % ({cases} + {closed}) WHERE n.i <= {notices};
INSERT INTO notice (id, environment, kind, languages, customer, salutation, recipient, code, message_id,
    created_at, due_at, state, attempts, is_open, raw, sent_at, last_reply)
SELECT m.i, 'live', iif(step = 0, 'verification-required', 'reminder'), '["de"]', customer, 'Frau Muster',
    'kunde' || substr(customer, 3) || '@example.net', printf('C%03d-%04d', m.i / 10000, m.i % 10000), 'n' || m.i || '@registrar.example',
    opened_at + step * 259200000000, opened_at + step * 259200000000 + 900000000,
    CASE WHEN "case" % 60 = 0 AND step = {last_step} THEN 'bounced' WHEN "case" % 90 = 0 THEN 'observed' WHEN m.i % 200 = 0 THEN 'failed' ELSE 'sent' END,
    1, 0, CAST(replace('{notice}', '@domain@', m.ace) AS BLOB),
    iif("case" % 90 = 0 OR m.i % 200 = 0, NULL, opened_at + step * 259200000000 + 900000000), '250 2.0.0 ok'
FROM m JOIN d ON d.ace = m.ace;
INSERT INTO notice_item (key, notice, message, "case", ace, body)
SELECT printf('V-%d:%d#%d', "case", step, step), m.i, iif(step = 0, d.message, NULL), "case", m.ace,
    json_set('{item}', '$.case', 'V-' || "case", '$.domain', m.ace, '$.unicode', m.ace, '$.sequence', step,
        '$.deletion_at', {iso:opened_at + 90 * 86400000000})
FROM m JOIN d ON d.ace = m.ace;
INSERT INTO report (message, number, notice, at, body)
SELECT 49 + 50 * id, 0, id, sent_at + 60000000, '{report}' FROM notice WHERE state = 'bounced' AND 49 + 50 * id <= {messages};
DROP TABLE m; DROP TABLE d; DROP TABLE n;
