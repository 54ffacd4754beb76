-- When an account's sign-in was last used, and when it ends, where its provider has said so.
CREATE TABLE sign_in (
    account TEXT PRIMARY KEY,
    used    INTEGER NOT NULL,
    ends    INTEGER
) STRICT, WITHOUT ROWID;
