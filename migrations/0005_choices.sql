-- The third form of the database.

-- Which side somebody chose in a conflict; NULL: nobody has yet.
ALTER TABLE conflict ADD COLUMN keep INTEGER CHECK (keep IN (0, 1));
