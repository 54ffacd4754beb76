-- What people call an account, where `identity` is nothing that they know; NULL: it is.
ALTER TABLE account ADD COLUMN address TEXT;
