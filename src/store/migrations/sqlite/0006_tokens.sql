-- Programs that order over HTTP. A token itself is kept nowhere.
CREATE TABLE token (
    id           INTEGER PRIMARY KEY,
    name         TEXT    NOT NULL,
    digest       TEXT    NOT NULL UNIQUE,   -- SHA-256 of the token, hexadecimal
    scopes       TEXT    NOT NULL,          -- words, separated by blanks
    environment  TEXT,                      -- the only one that it may touch
    created_at   INTEGER NOT NULL,
    expires_at   INTEGER NOT NULL,
    revoked_at   INTEGER,
    last_used_at INTEGER
) STRICT;
-- A name is given anew once its token was taken back.
CREATE UNIQUE INDEX token_name ON token (name) WHERE revoked_at IS NULL;
