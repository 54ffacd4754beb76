-- Accounts that take no writes before a time; they are read all the same.
CREATE TABLE limited_writes (
    account TEXT PRIMARY KEY,
    until   INTEGER NOT NULL
) STRICT, WITHOUT ROWID;
