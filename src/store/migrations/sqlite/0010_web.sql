-- People who look in on the web.
CREATE TABLE web_user (
    name        TEXT PRIMARY KEY,           -- lower case
    role        TEXT    NOT NULL,           -- viewer, operator, admin or auditor
    created_at  INTEGER NOT NULL,
    disabled_at INTEGER,
    language    TEXT,                       -- NULL: the browser's
    theme       TEXT    NOT NULL,
    has_keys    INTEGER NOT NULL
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
