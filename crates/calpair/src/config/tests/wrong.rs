//! Wrong files, and what is said about each.

/// A wrong file, and what is said about it.
pub(super) const WRONG: &[(&str, &str)] = &[
    ("[daemon", "1:8: unclosed table, expected `]`; did you mean `[daemon]`?"),
    ("[deamon]", "1:2: the file has no key `deamon`; did you mean `daemon`?"),
    ("[[pair]]", "1:3: the file has no key `pair`; did you mean `[[pairs]]`?"),
    ("[account.x]", "1:2: the file has no key `account`; did you mean `[accounts.NAME]`?"),
    (
        "[daemon]\nintervall = \"60s\"",
        "2:1: [daemon] has no key `intervall`; did you mean `interval`?",
    ),
    (
        "[daemon]\ncolour = 1",
        "2:1: [daemon] has no key `colour`; the keys here are time_zone, state_dir, \
             interval, confirm, listen, public_url, return_to, link_valid",
    ),
    (
        "[daemon]\ninterval = 60",
        "2:12: `interval` must be a text in quotes, not a whole number; \
             write `interval = \"…\"`",
    ),
    (
        "[daemon]\ninterval = \"60\"",
        "2:12: `60` is not a duration; it has no unit; did you mean \"60s\"?",
    ),
    ("[daemon]\ninterval = \"0s\"", "2:12: `0s` is too short; at least \"1s\"; \"60s\" is usual"),
    (
        "[daemon]\nstate_dir = \"~/calpair\"",
        "2:13: `~/calpair` is not an absolute path; write it from the root: \"/…\"; `~` and \
             variables are not replaced",
    ),
    (
        "[daemon]\ntime_zone = \"Europe/Berln\"",
        "2:13: `Europe/Berln` is not a time zone; did you mean `Europe/Berlin`?",
    ),
    (
        "[daemon]\nlisten = \"localhost:80\"",
        "2:10: `localhost:80` is not an address to listen at; \
             did you mean \"127.0.0.1:80\"?",
    ),
    (
        "[daemon]\nlisten = \"off\"\npublic_url = \"https://a.example\"",
        "3:1: `public_url` leads to a page that is off; \
             set `listen` to an address, or take `public_url` out",
    ),
    (
        "daemon = 1",
        "1:10: `daemon` must be a table, not a whole number; \
             write `daemon = { … }`",
    ),
    (
        "[alerts]\ncommand = \"notify\"",
        "2:11: `command` must be a list of texts, not a text; write `command = [\"…\"]`",
    ),
    (
        "[alerts]\ncommand = []",
        "2:11: `command` names no program; \
             a program and its arguments: [\"/usr/local/bin/notify-me\"]",
    ),
    (
        "[alerts]\nwebhook = \"http://ntfy.example.org/t\"",
        "2:11: `http://ntfy.example.org/t` would send passwords in the clear; \
             did you mean \"https://ntfy.example.org/t\"?",
    ),
    (
        "[accounts.a]\nusername = \"x\"",
        "1:1: [accounts.a] has no `provider`; add `provider = \"icloud\"`",
    ),
    (
        "[accounts.a]\nprovider = \"iclaud\"",
        "2:12: `provider` can't be `iclaud`; did you mean `icloud`?",
    ),
    (
        "[accounts.a]\nprovider = \"yahoo\"",
        "2:12: `provider` can't be `yahoo`; one of icloud, caldav, google, microsoft",
    ),
    (
        "[accounts.a]\nprovider = \"icloud\"",
        "1:1: [accounts.a] has no `username`; add `username = \"me@icloud.com\"`",
    ),
    (
        "[accounts.a]\nprovider = \"caldav\"\nusername = \"me\"",
        "1:1: [accounts.a] has no `url`; add `url = \"https://dav.example.org/\"`",
    ),
    (
        "[accounts.a]\nprovider = \"caldav\"\nusername = \"me\"\nurl = \"dav.example.org\"",
        "4:7: `dav.example.org` is not an address; did you mean \"https://dav.example.org\"?",
    ),
    (
        "[accounts.a]\nprovider = \"icloud\"\nusername = \"me\"\ntenant = \"common\"",
        "4:1: [accounts.a] has no key `tenant`; \
             `tenant` is for microsoft accounts, this is icloud",
    ),
    (
        "[accounts.\"a b\"]\nprovider = \"icloud\"\nusername = \"me\"",
        "1:11: `a b` can't be a name; letters, digits, `-`, `_`, `.`, `@` and `+`, at most \
             64, and no `-` in front",
    ),
    (
        "[accounts.a]\nprovider = \"microsoft\"\nclient_id = \"0\"\ntenant = \"a/b\"",
        "4:10: `a/b` is not a tenant; \
             common, consumers, organizations, or a tenant's id or domain",
    ),
    (
        "x = ",
        "1:5: string values must be quoted, expected literal string; \
            texts stand in quotes: name = \"value\"",
    ),
    (
        "[daemon]\ninterval = \"1s\"\ninterval = \"2s\"",
        "3:1: duplicate key; a key or table stands once; take one of the two out",
    ),
];

/// Wrong lines behind [`BASE`], and what is said about them.
pub(super) const WRONG_PAIRS: &[(&str, &str)] = &[
    (
        "direction = \"left\"",
        "13:13: `direction` can't be `left`; one of both, left-to-right, right-to-left",
    ),
    (
        "direction = \"left_to_right\"",
        "13:13: `direction` can't be `left_to_right`; did you mean `left-to-right`?",
    ),
    (
        "direction = \"left-to-right\"\nto_left = { prefix = \"x\" }",
        "14:1: nothing crosses that way: the direction is left-to-right; \
             take `to_left` out, or set `direction = \"both\"`",
    ),
    (
        "direction = \"right-to-left\"\nconflict = \"left\"",
        "14:12: that side can't win: the direction is right-to-left; \
             take `conflict` out, or set `direction = \"both\"`",
    ),
    (
        "window = \"90d\"",
        "13:10: `window` can't be `90d`; { past = \"90d\", future = \"730d\" } or \"all\"",
    ),
    (
        "window = { past = 90 }",
        "13:19: `past` must be a text in quotes, not a whole number; write `past = \"…\"`",
    ),
    ("limits = { deletes = -1 }", "13:22: `deletes` can't be -1; a number from 0 to 1000000"),
    (
        "limits = { delete_percent = 101 }",
        "13:29: `delete_percent` can't be 101; a number from 0 to 100",
    ),
    (
        "limits = { delete_percent = 2.5 }",
        "13:29: `delete_percent` must be a whole number, not a number with a point; \
             write `delete_percent = 100`",
    ),
    (
        "limits = { deletes = 1, percent = 2 }",
        "13:25: `limits` of pair `p` has no key `percent`; \
             the keys here are deletes, delete_percent",
    ),
    (
        "to_right = { detail = \"busy\", attendees = \"text\" }",
        "13:43: people are listed in the description, which doesn't cross; \
             take `attendees` out, or set `detail = \"full\"`",
    ),
    (
        "to_right = { skip = { title = \"a(\" } }",
        "13:31: `a(` is not a regular expression; unclosed group",
    ),
    (
        "to_right = { skip = { all_day = \"yes\" } }",
        "13:33: `all_day` must be true or false, not a text; write `all_day = true`",
    ),
    (
        "to_right = { skip = { category = [\"a\", 1] } }",
        "13:40: `category` must be a text in quotes, not a whole number; \
             write `category = [\"…\"]`",
    ),
    (
        "reminders = \"none\"",
        "13:1: pair `p` has no key `reminders`; it belongs in `to_left` or `to_right`",
    ),
    (
        "colour = \"none\"",
        "13:1: pair `p` has no key `colour`; the keys here are name, left, right, \
             direction, conflict, interval, window, limits, to_left, to_right",
    ),
];
