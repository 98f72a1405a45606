-- When the plan of reminders is looked at next: 0 at once, NULL when something changes.
ALTER TABLE verification_case ADD COLUMN plan_at INTEGER DEFAULT 0;
CREATE INDEX case_plan ON verification_case (plan_at) WHERE closed_at IS NULL AND plan_at IS NOT NULL;

-- The Message-ID of the first notice of the case, without angle brackets.
ALTER TABLE notice ADD COLUMN in_reply_to TEXT;

-- 1: overtaken by later news before it left; 2: the same, and the mail left without it.
ALTER TABLE notice_item ADD COLUMN withdrawn INTEGER NOT NULL DEFAULT 0;

-- Calls that the desk has to make, because no mail reaches the customer.
CREATE TABLE task (
    id        INTEGER PRIMARY KEY,
    "case"    INTEGER NOT NULL,
    key       TEXT    NOT NULL,             -- of one case never put on the list twice
    customer  TEXT,
    code      TEXT    NOT NULL,
    text      TEXT    NOT NULL,
    opened_at INTEGER NOT NULL,
    closed_at INTEGER,
    is_made   INTEGER NOT NULL DEFAULT 0,   -- 1: somebody called; 0: to be made, or not needed
    outcome   TEXT,
    UNIQUE ("case", key)
) STRICT;
CREATE INDEX task_open ON task ("case") WHERE closed_at IS NULL;
