-- The first form of the database. Forward only: a later form is a later file.
-- Sides are 0 (left) and 1 (right); times are microseconds since 1970 UTC; truth is 0 and 1.

CREATE TABLE account (
    name       TEXT PRIMARY KEY,
    provider   TEXT NOT NULL,
    identity   TEXT,
    state      TEXT NOT NULL,
    since      INTEGER NOT NULL,
    reason     TEXT,
    action     TEXT,
    refusals   INTEGER NOT NULL,
    last_try   INTEGER,
    not_before INTEGER
) STRICT, WITHOUT ROWID;

-- Sealed with XChaCha20-Poly1305; `key` names the key, it is not one.
CREATE TABLE credential (
    account TEXT PRIMARY KEY,
    key     BLOB NOT NULL,
    sealed  BLOB NOT NULL
) STRICT, WITHOUT ROWID;

CREATE TABLE pair (
    id           INTEGER PRIMARY KEY AUTOINCREMENT,
    name         TEXT NOT NULL UNIQUE,
    state        TEXT NOT NULL,
    since        INTEGER NOT NULL,
    reason       TEXT,
    action       TEXT,
    paused       INTEGER NOT NULL DEFAULT 0,
    last_success INTEGER,
    next_run     INTEGER
) STRICT;

CREATE TABLE side (
    pair     INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    side     INTEGER NOT NULL CHECK (side IN (0, 1)),
    account  TEXT NOT NULL,
    asked    TEXT NOT NULL,
    calendar TEXT,
    observed TEXT, -- the calendar that the side's snapshots are of
    rights   INTEGER NOT NULL DEFAULT 1,
    cursor   TEXT,
    full_at  INTEGER, -- of the last full pass
    empty_at INTEGER, -- since when full passes have found nothing
    PRIMARY KEY (pair, side)
) STRICT, WITHOUT ROWID;

CREATE TABLE mapping (
    id   INTEGER PRIMARY KEY AUTOINCREMENT,
    pair INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    uid  TEXT NOT NULL
) STRICT;
CREATE INDEX mapping_pair ON mapping (pair);

-- What a side holds. Small on purpose: what is long stands in `body`.
CREATE TABLE snapshot (
    id               INTEGER PRIMARY KEY AUTOINCREMENT,
    pair             INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    side             INTEGER NOT NULL CHECK (side IN (0, 1)),
    resource         TEXT NOT NULL,
    version          TEXT,
    mapping          INTEGER REFERENCES mapping (id) ON DELETE SET NULL,
    present          INTEGER NOT NULL, -- 0: gone, kept because it is mapped
    verified         INTEGER NOT NULL, -- 0: what we sent, not yet what the provider made of it
    touched          INTEGER NOT NULL, -- 1: the plan has to look at it
    skipped          INTEGER NOT NULL, -- 0: no, 1: outside the window, 2: for another reason
    ours             INTEGER NOT NULL, -- 1: calpair created it
    uid              TEXT,             -- NULL, like what follows, where it was never readable
    digest           BLOB,
    likeness         BLOB,
    modified         INTEGER,
    extent_from      INTEGER,
    extent_until     INTEGER,
    unreadable       TEXT,             -- why it can't be read now
    unreadable_since INTEGER,
    base_digest      BLOB,             -- of what it held when both sides last agreed
    UNIQUE (pair, side, resource)
) STRICT;
CREATE INDEX snapshot_touched ON snapshot (pair, id) WHERE touched = 1;
CREATE INDEX snapshot_uid ON snapshot (pair, uid);
CREATE INDEX snapshot_likeness ON snapshot (pair, likeness) WHERE mapping IS NULL;
CREATE UNIQUE INDEX snapshot_mapping ON snapshot (mapping, side) WHERE mapping IS NOT NULL;
CREATE INDEX snapshot_present ON snapshot (pair, side) WHERE present = 1;
CREATE INDEX snapshot_window ON snapshot (pair, extent_from) WHERE skipped = 1;
CREATE INDEX snapshot_unreadable ON snapshot (pair) WHERE unreadable IS NOT NULL;

CREATE TABLE body (
    snapshot INTEGER PRIMARY KEY REFERENCES snapshot (id) ON DELETE CASCADE,
    content  BLOB, -- canonical bytes
    raw      BLOB, -- the provider's own form
    base     BLOB  -- what it held when both sides last agreed, packed; NULL: what it holds now
) STRICT;

-- Writes that were begun, and those made (`result` is then set) that no agreement covers yet.
CREATE TABLE intent (
    id       INTEGER PRIMARY KEY AUTOINCREMENT,
    pair     INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    mapping  INTEGER REFERENCES mapping (id) ON DELETE CASCADE,
    "left"   TEXT,             -- the subject's resources, where it is not mapped
    "right"  TEXT,
    side     INTEGER NOT NULL CHECK (side IN (0, 1)),
    action   TEXT NOT NULL,
    key      TEXT,
    resource TEXT,
    applied  INTEGER NOT NULL DEFAULT 0,
    result   TEXT,             -- the resource that the write made or changed
    run      INTEGER NOT NULL,
    begun    INTEGER NOT NULL,
    reason   TEXT NOT NULL,
    before   BLOB,             -- packed
    target   BLOB              -- packed
) STRICT;
CREATE INDEX intent_pair ON intent (pair);
CREATE INDEX intent_mapping ON intent (mapping);

CREATE TABLE approval (
    mapping INTEGER NOT NULL REFERENCES mapping (id) ON DELETE CASCADE,
    side    INTEGER NOT NULL CHECK (side IN (0, 1)),
    at      INTEGER NOT NULL,
    PRIMARY KEY (mapping, side)
) STRICT, WITHOUT ROWID;

-- The subject of a problem or conflict is a mapping, else one or two snapshots.
CREATE TABLE problem (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    pair    INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    mapping INTEGER REFERENCES mapping (id) ON DELETE CASCADE,
    "left"  INTEGER REFERENCES snapshot (id) ON DELETE CASCADE,
    "right" INTEGER REFERENCES snapshot (id) ON DELETE CASCADE,
    side    INTEGER NOT NULL CHECK (side IN (0, 1)),
    uid     TEXT NOT NULL,
    reason  TEXT NOT NULL,
    since   INTEGER NOT NULL,
    tried   INTEGER NOT NULL
) STRICT;
CREATE INDEX problem_pair ON problem (pair);
CREATE INDEX problem_mapping ON problem (mapping);
CREATE INDEX problem_left ON problem ("left");
CREATE INDEX problem_right ON problem ("right");

CREATE TABLE conflict (
    id      INTEGER PRIMARY KEY AUTOINCREMENT,
    pair    INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    mapping INTEGER REFERENCES mapping (id) ON DELETE CASCADE,
    "left"  INTEGER REFERENCES snapshot (id) ON DELETE CASCADE,
    "right" INTEGER REFERENCES snapshot (id) ON DELETE CASCADE,
    uid     TEXT NOT NULL,
    title   TEXT,
    since   INTEGER NOT NULL
) STRICT;
CREATE INDEX conflict_pair ON conflict (pair);
CREATE INDEX conflict_mapping ON conflict (mapping);
CREATE INDEX conflict_left ON conflict ("left");
CREATE INDEX conflict_right ON conflict ("right");

CREATE TABLE conflict_field (
    conflict INTEGER NOT NULL REFERENCES conflict (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    field    TEXT NOT NULL,
    "left"   TEXT NOT NULL,
    "right"  TEXT NOT NULL,
    PRIMARY KEY (conflict, position)
) STRICT, WITHOUT ROWID;

CREATE TABLE run (
    id          INTEGER PRIMARY KEY,
    pair        INTEGER NOT NULL REFERENCES pair (id) ON DELETE CASCADE,
    started     INTEGER NOT NULL,
    ended       INTEGER NOT NULL,
    outcome     TEXT NOT NULL,
    duration_ms INTEGER NOT NULL,
    left_requests INTEGER NOT NULL, left_created INTEGER NOT NULL,
    left_updated INTEGER NOT NULL, left_deleted INTEGER NOT NULL,
    right_requests INTEGER NOT NULL, right_created INTEGER NOT NULL,
    right_updated INTEGER NOT NULL, right_deleted INTEGER NOT NULL,
    adopted     INTEGER NOT NULL,
    merged      INTEGER NOT NULL,
    conflicts   INTEGER NOT NULL,
    problems    INTEGER NOT NULL
) STRICT;
CREATE INDEX run_pair ON run (pair, id);

-- Outlives its pair, therefore the pair's name.
CREATE TABLE history (
    id        INTEGER PRIMARY KEY AUTOINCREMENT,
    at        INTEGER NOT NULL,
    run       INTEGER NOT NULL,
    pair      INTEGER NOT NULL,
    pair_name TEXT NOT NULL,
    side      INTEGER NOT NULL CHECK (side IN (0, 1)),
    action    TEXT NOT NULL,
    uid       TEXT NOT NULL,
    title     TEXT,
    reason    TEXT NOT NULL,
    before    BLOB, -- packed
    after     BLOB  -- packed
) STRICT;
CREATE INDEX history_pair ON history (pair, id);
CREATE INDEX history_uid ON history (uid, id);
CREATE INDEX history_run ON history (run);
