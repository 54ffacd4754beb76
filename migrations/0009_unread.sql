-- 1: `unreadable` says why the provider did not hand it out; it is asked for again in every cycle.
ALTER TABLE snapshot ADD COLUMN unread INTEGER NOT NULL DEFAULT 0;
