-- In whose calendar a change was made; NULL: of a pair that had ended before this was kept. A pair
-- that is still there counts as not led elsewhere until now.
ALTER TABLE history ADD COLUMN account TEXT;
ALTER TABLE history ADD COLUMN calendar TEXT;
UPDATE history SET (account, calendar) = (SELECT account, observed FROM side
    WHERE side.pair = history.pair AND side.side = history.side AND observed IS NOT NULL);
