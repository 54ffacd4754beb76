#!/usr/bin/env python3
"""Deterministic generator of realistic VEVENT .ics objects (one resource each).

  gen.py out DIR N [--seed S] [--prefix P]     write N files DIR/<uid>.ics
  gen.py stats N [--seed S]                    size and kind statistics

As a module: event(i, seed, prefix, rev) -> (uid, kind, text); rev>0 yields an edited copy
(same UID, SEQUENCE=rev, other SUMMARY/DESCRIPTION, moved start), as a user edit would be.
"""

import argparse
import datetime as dt
import hashlib
import os
import random

TZ = {
    "Europe/Berlin": """BEGIN:VTIMEZONE
TZID:Europe/Berlin
X-LIC-LOCATION:Europe/Berlin
BEGIN:DAYLIGHT
TZNAME:CEST
TZOFFSETFROM:+0100
TZOFFSETTO:+0200
DTSTART:19810329T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=-1SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:CET
TZOFFSETFROM:+0200
TZOFFSETTO:+0100
DTSTART:19961027T030000
RRULE:FREQ=YEARLY;BYMONTH=10;BYDAY=-1SU
END:STANDARD
END:VTIMEZONE""",
    "America/New_York": """BEGIN:VTIMEZONE
TZID:America/New_York
X-LIC-LOCATION:America/New_York
BEGIN:DAYLIGHT
TZNAME:EDT
TZOFFSETFROM:-0500
TZOFFSETTO:-0400
DTSTART:20070311T020000
RRULE:FREQ=YEARLY;BYMONTH=3;BYDAY=2SU
END:DAYLIGHT
BEGIN:STANDARD
TZNAME:EST
TZOFFSETFROM:-0400
TZOFFSETTO:-0500
DTSTART:20071104T020000
RRULE:FREQ=YEARLY;BYMONTH=11;BYDAY=1SU
END:STANDARD
END:VTIMEZONE""",
    "Asia/Tokyo": """BEGIN:VTIMEZONE
TZID:Asia/Tokyo
X-LIC-LOCATION:Asia/Tokyo
BEGIN:STANDARD
TZNAME:JST
TZOFFSETFROM:+0900
TZOFFSETTO:+0900
DTSTART:19700101T000000
END:STANDARD
END:VTIMEZONE""",
}
WORDS = (
    "planning review budget quarterly roadmap sync customer launch design draft infra release "
    "hiring interview retro standup workshop travel dentist school pickup rehearsal concert "
    "Überprüfung réunion größe 会議 contract invoice security audit migration offsite lunch"
).split()
NAMES = (
    "Anna Berger|Jürgen Müller|Priya Natarajan|Liam O'Connor|Chloé Lefèvre|山田 太郎|Sofia Rossi|"
    "Mateusz Kowalski|Grace Hopper|Tom Jones|Ines Duarte|Noah Schmidt"
).split("|")
ROOMS = [
    "Room 4.12\\, Building B",
    "Video call",
    "Café Central\\, Herrengasse 14\\, 1010 Wien",
    "HQ",
    "Gym",
    "",
]
EPOCH = dt.datetime(2025, 1, 6, 0, 0)
# kind, weight
KINDS = [
    ("single", 42),
    ("single_utc", 8),
    ("allday", 12),
    ("weekly", 14),
    ("weekly_exdate", 10),
    ("override", 8),
    ("monthly", 4),
    ("yearly_allday", 2),
]


def fold(line):
    """RFC 5545 folding at 75 octets, never inside a UTF-8 sequence."""
    out, cur = [], b""
    for ch in line:
        b = ch.encode()
        if len(cur) + len(b) > 75:
            out.append(cur)
            cur = b" "
        cur += b
    out.append(cur)
    return b"\r\n".join(out).decode()


def stamp(d):
    return d.strftime("%Y%m%dT%H%M%S")


def event(i, seed=1, prefix="ev", rev=0):
    r = random.Random(f"{seed}/{prefix}/{i}")
    h = hashlib.sha1(f"{seed}/{prefix}/{i}".encode()).hexdigest()
    uid = f"{prefix}{i:06d}-{h[:8]}-{h[8:12]}-{h[12:24]}@bench.example"
    kind = r.choices([k for k, _ in KINDS], [w for _, w in KINDS])[0]
    tz = r.choices(list(TZ), [70, 25, 5])[0]
    start = EPOCH + dt.timedelta(
        days=r.randrange(0, 540), hours=r.randrange(7, 20), minutes=r.choice((0, 15, 30, 45))
    )
    dur = r.choice((30, 45, 60, 60, 90, 120))
    words = lambda n: " ".join(r.choice(WORDS) for _ in range(n))
    summary, desc = words(r.randint(2, 6)), words(r.randint(6, 30))
    room = r.choice(ROOMS)
    att = r.sample(NAMES, r.randint(2, 5)) if r.random() < 0.30 else []
    alarms = r.choices((0, 1, 2), (45, 40, 15))[0]
    if rev:
        summary, desc = f"{summary} (rev {rev})", f"{desc} edited in revision {rev}"
        start += dt.timedelta(minutes=15 * (rev % 4 + 1))
    allday = kind in ("allday", "yearly_allday")
    utc = kind == "single_utc"

    def dtline(name, d):
        if allday:
            return f"{name};VALUE=DATE:{d:%Y%m%d}"
        return f"{name}:{stamp(d)}Z" if utc else f"{name};TZID={tz}:{stamp(d)}"

    created = EPOCH - dt.timedelta(days=r.randrange(1, 90), minutes=r.randrange(1440))

    def vevent(st, rid=None, extra=()):
        mod = created + dt.timedelta(days=rev)
        L = [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            f"DTSTAMP:{stamp(mod)}Z",
            f"CREATED:{stamp(created)}Z",
            f"LAST-MODIFIED:{stamp(mod)}Z",
            f"SEQUENCE:{rev}",
        ]
        if rid:
            L.append(dtline("RECURRENCE-ID", rid))
        L += [
            dtline("DTSTART", st),
            dtline("DTEND", st + (dt.timedelta(days=r2) if allday else dt.timedelta(minutes=dur))),
            f"SUMMARY:{summary}" + (" (moved)" if rid else ""),
            f"DESCRIPTION:{desc}\\n\\nhttps://meet.example/{h[:10]}",
        ]
        if room:
            L.append(f"LOCATION:{room}")
        L += [
            "STATUS:CONFIRMED",
            "TRANSP:" + ("TRANSPARENT" if allday else "OPAQUE"),
            "CLASS:PUBLIC",
        ]
        if i % 7 == 0:
            L.append("CATEGORIES:Work,Project X")
        if att:
            L.append(f"ORGANIZER;CN={NAMES[i % len(NAMES)]}:mailto:boss{i % 9}@example.com")
            for k, n in enumerate(att):
                state = ("ACCEPTED", "NEEDS-ACTION", "TENTATIVE")[k % 3]
                L.append(
                    f"ATTENDEE;CN={n};CUTYPE=INDIVIDUAL;ROLE=REQ-PARTICIPANT;PARTSTAT={state}"
                    f";RSVP=TRUE:mailto:user{k}.{i % 40}@example.com"
                )
        L += list(extra)
        for k in range(alarms):
            L += [
                "BEGIN:VALARM",
                "ACTION:DISPLAY",
                "DESCRIPTION:Reminder",
                f"TRIGGER:-PT{(10, 60)[k]}M",
                "END:VALARM",
            ]
        return L + ["END:VEVENT"]

    r2 = r.randint(1, 3)
    body = []
    if kind in ("weekly", "weekly_exdate", "override"):
        day = ("MO", "TU", "WE", "TH", "FR", "SA", "SU")[start.weekday()]
        n = r.randint(8, 40)
        ex = [f"RRULE:FREQ=WEEKLY;INTERVAL={r.choice((1, 1, 2))};COUNT={n};BYDAY={day}"]
        iv = int(ex[0].split("INTERVAL=")[1].split(";")[0])
        occ = lambda k: start + dt.timedelta(weeks=iv * k)
        if kind == "weekly_exdate":
            ex += [dtline("EXDATE", occ(k)) for k in sorted(r.sample(range(1, 8), 2))]
        body = vevent(start, None, ex)
        if kind == "override":
            for k in sorted(r.sample(range(1, 8), r.randint(1, 2))):
                body += vevent(occ(k) + dt.timedelta(hours=2), occ(k))
    elif kind == "monthly":
        start = start.replace(day=min(start.day, 28))
        body = vevent(start, None, [f"RRULE:FREQ=MONTHLY;COUNT=24;BYMONTHDAY={start.day}"])
    elif kind == "yearly_allday":
        body = vevent(start, None, ["RRULE:FREQ=YEARLY"])
    else:
        body = vevent(start)
    L = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//bench//gen 1//EN", "CALSCALE:GREGORIAN"]
    if not allday and not utc:
        L += TZ[tz].split("\n")
    L += body + ["END:VCALENDAR"]
    return uid, kind, "\r\n".join(fold(x) for x in L) + "\r\n"


def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("cmd", choices=("out", "stats"))
    ap.add_argument("args", nargs="+")
    ap.add_argument("--seed", type=int, default=1)
    ap.add_argument("--prefix", default="ev")
    a = ap.parse_args()
    n = int(a.args[-1])
    sizes, kinds = [], {}
    if a.cmd == "out":
        os.makedirs(a.args[0], exist_ok=True)
    for i in range(n):
        uid, kind, text = event(i, a.seed, a.prefix)
        sizes.append(len(text.encode()))
        kinds[kind] = kinds.get(kind, 0) + 1
        if a.cmd == "out":
            with open(os.path.join(a.args[0], uid + ".ics"), "w", newline="") as f:
                f.write(text)
    sizes.sort()
    print(f"n={n} mean={sum(sizes) / n:.0f} B median={sizes[n // 2]} max={sizes[-1]} {kinds}")


if __name__ == "__main__":
    main()
