-- The third form of the database.

-- 1: somebody else than calpair has changed it since calpair created it, or has put it back.
ALTER TABLE snapshot ADD COLUMN edited INTEGER NOT NULL DEFAULT 0;

-- 1: it was detached, and is paused until it is taken out of the configuration.
ALTER TABLE pair ADD COLUMN detached INTEGER NOT NULL DEFAULT 0;
