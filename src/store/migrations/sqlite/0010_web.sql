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
