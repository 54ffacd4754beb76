-- The second form of the database.

-- What the plan that was last halted would have deleted: what `approve` lets through.
CREATE TABLE proposal (
    mapping INTEGER NOT NULL REFERENCES mapping (id) ON DELETE CASCADE,
    side    INTEGER NOT NULL CHECK (side IN (0, 1)),
    at      INTEGER NOT NULL,
    shown   INTEGER NOT NULL, -- 1: a person has seen it since it was proposed
    PRIMARY KEY (mapping, side)
) STRICT, WITHOUT ROWID;

-- What was said of what needs a person, so that it is said once a day and once when it is over.
-- '' where it is about no account, pair or subject.
CREATE TABLE alert (
    event   TEXT NOT NULL,
    account TEXT NOT NULL,
    pair    TEXT NOT NULL,
    subject TEXT NOT NULL, -- which of several in a pair: an event, a conflict
    said    INTEGER NOT NULL,
    since   INTEGER NOT NULL,
    reason  TEXT NOT NULL,
    action  TEXT,
    PRIMARY KEY (account, pair, event, subject)
) STRICT, WITHOUT ROWID;

-- 1: its copies are being removed: what is missing on a side must not be taken for deleted.
ALTER TABLE pair ADD COLUMN detaching INTEGER NOT NULL DEFAULT 0;

-- History is asked by a pair's name: it outlives the pair.
DROP INDEX history_pair;
CREATE INDEX history_pair_name ON history (pair_name, id);

-- The rules of a pair that its rows were last touched for, by name; none: that is not known.
CREATE TABLE rule (
    pair  INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    name  TEXT NOT NULL,
    value TEXT NOT NULL,
    PRIMARY KEY (pair, name)
) STRICT, WITHOUT ROWID;

-- The fields (a bit each) in which a mapped row's copy is to be made anew, because rules changed.
ALTER TABLE snapshot ADD COLUMN renew INTEGER NOT NULL DEFAULT 0;
