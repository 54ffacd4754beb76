-- What was skipped because it ended before the window never enters it, however much of it there is:
-- the index leads past it, so that it is not looked at in every cycle.
DROP INDEX snapshot_window;
CREATE INDEX snapshot_window ON snapshot (pair, extent_until, extent_from) WHERE skipped = 1;
