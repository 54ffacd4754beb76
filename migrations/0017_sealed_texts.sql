-- Titles and texts of events are sealed from here on: `sealed` and `opened` are calpair's own. What
-- earlier forms left in plain behind this (free pages, the log, copies) goes when it is done.
CREATE TABLE texts (
    proof BLOB NOT NULL -- opens with the key that all others open with
) STRICT;
INSERT INTO texts (proof) VALUES (sealed('calpair'));

UPDATE body SET content = sealed(content), raw = sealed(raw), base = sealed(base);
UPDATE intent SET before = sealed(before), target = sealed(target);
UPDATE former SET raw = sealed(raw);
UPDATE history SET before = sealed(before), after = sealed(after);

ALTER TABLE history ADD COLUMN heading BLOB;
UPDATE history SET heading = sealed(title);
ALTER TABLE history DROP COLUMN title;
ALTER TABLE history RENAME COLUMN heading TO title;

ALTER TABLE conflict ADD COLUMN heading BLOB;
UPDATE conflict SET heading = sealed(title);
ALTER TABLE conflict DROP COLUMN title;
ALTER TABLE conflict RENAME COLUMN heading TO title;

CREATE TABLE conflict_value (
    conflict INTEGER NOT NULL REFERENCES conflict (id) ON DELETE CASCADE,
    position INTEGER NOT NULL,
    field    TEXT NOT NULL,
    "left"   BLOB NOT NULL,
    "right"  BLOB NOT NULL,
    PRIMARY KEY (conflict, position)
) STRICT, WITHOUT ROWID;
INSERT INTO conflict_value SELECT conflict, position, field, sealed("left"), sealed("right")
    FROM conflict_field;
DROP TABLE conflict_field;
ALTER TABLE conflict_value RENAME TO conflict_field;
