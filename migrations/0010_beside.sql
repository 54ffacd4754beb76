-- 1: since both sides agreed, somebody changed what the provider's form says and no series does.
ALTER TABLE snapshot ADD COLUMN beside INTEGER NOT NULL DEFAULT 0;
