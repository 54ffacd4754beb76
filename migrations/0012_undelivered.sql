-- Alerts on their way to the command or the address of [alerts], until they have arrived there.
CREATE TABLE undelivered (
    id   INTEGER PRIMARY KEY,
    aim  TEXT NOT NULL,
    body TEXT NOT NULL
) STRICT;
