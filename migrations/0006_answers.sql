-- What whose account it is has declined: rules may ask for it, it is no part of the content.
ALTER TABLE snapshot ADD COLUMN declined INTEGER NOT NULL DEFAULT 0;
