-- Writes that a person asked for, outside any cycle; what was and what is to be there stands in the
-- line of history that tells of each. A line of one that is not made yet is not shown.
CREATE TABLE errand (
    history  INTEGER PRIMARY KEY REFERENCES history (id) ON DELETE CASCADE,
    pair     INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    name     TEXT NOT NULL,    -- the same where the same is asked for again
    attempt  INTEGER NOT NULL, -- which of the events that it ever made
    change   INTEGER,          -- what was there before this change is put back
    conflict INTEGER,          -- this conflict is settled by it
    resource TEXT,             -- what it is written over; of a creation: what it made
    made     INTEGER NOT NULL DEFAULT 0
) STRICT;
CREATE INDEX errand_pair ON errand (pair, name);
