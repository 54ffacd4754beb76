-- What the provider held before a change, in its own form, where it can be put back as a whole.
CREATE TABLE former (
    history INTEGER PRIMARY KEY REFERENCES history (id) ON DELETE CASCADE,
    upto    INTEGER NOT NULL, -- bytes of all that was ever kept here, with this one
    raw     BLOB NOT NULL
) STRICT;
CREATE INDEX former_upto ON former (upto);

-- 1: what the write removes or replaces is to be kept in `former`.
ALTER TABLE intent ADD COLUMN keeps INTEGER NOT NULL DEFAULT 0;
