#!/usr/bin/env python3
"""Compares when two calendars' events take place, with code that shares nothing with calpair.

stdin: JSON lines {"uid", "left": text, "right": text}. stdout, for each line:
  {"uid", "count": occurrences}        both take place at the same times, under the same titles
  {"uid", "unequal": [words, …]}       they don't; the first occurrences that only one side has
  {"uid", "unsure": reason}            the expander itself can't read one of them

The window is ten years from the first start of either text, or what {"from", "until"} say: then
only what starts in it counts. What floats takes place in {"zone"}, if there is one. Needs
recurring-ical-events.
"""

import datetime as dt
import json
import re
import signal
import sys
import warnings
import zoneinfo

import icalendar
import recurring_ical_events

YEARS = 10
# Seconds for one event; rules by the minute take for ever.
PATIENCE = 4

warnings.simplefilter("ignore")


def plain(text):
    """Without the zones that some producers give to days (RFC 5545 section 3.2.19 forbids it)."""
    return re.sub(r"(?im)^((?:DTSTART|DTEND|RECURRENCE-ID|EXDATE|RDATE)[^:\r\n]*)", days, text)


def days(match):
    head = match.group(1)
    if re.search(r"(?i);VALUE=DATE(;|$)", head):
        return re.sub(r"(?i);TZID=[^:;]*", "", head)
    return head


def starts(calendar):
    for event in calendar.walk("VEVENT"):
        start = event.get("DTSTART")
        if start is not None:
            yield start.dt


def day(value):
    return value.date() if isinstance(value, dt.datetime) else value


def instant(value, zone):
    """UTC for what has a zone, or gets one; days and other floating times as they are."""
    if zone and isinstance(value, dt.datetime) and value.tzinfo is None:
        value = value.replace(tzinfo=zone)
    if isinstance(value, dt.datetime) and value.tzinfo is not None:
        return value.astimezone(dt.timezone.utc).strftime("%Y-%m-%dT%H:%M:%SZ")
    return value.isoformat()


def occurrence(event, zone):
    start = event["DTSTART"].dt
    if "DTEND" in event:
        end = event["DTEND"].dt
    elif "DURATION" in event:
        end = start + event["DURATION"].dt
    else:
        end = start
    # A day has a length (RFC 5545 section 3.6.1).
    if not isinstance(start, dt.datetime) and end == start:
        end = start + dt.timedelta(days=1)
    # Quotes need no escape, and some escape them; blanks are no content.
    title = " ".join(str(event.get("SUMMARY", "")).replace('\\"', '"').split())
    return f"{instant(start, zone)} {instant(end, zone)} {title}"


def occurrences(calendar, first, window, zone):
    last = dt.date(min(first.year + YEARS, 9998), first.month, min(first.day, 28))
    if window:
        first, last = window
    query = recurring_ical_events.of(calendar, skip_bad_series=False)
    # A cancelled occurrence and an excluded one are the same: it does not take place.
    return sorted(
        occurrence(event, zone)
        for event in query.between(first, last)
        if str(event.get("STATUS", "")).upper() != "CANCELLED"
        and (not window or first <= day(event["DTSTART"].dt) < last)
    )


def compare(case):
    signal.alarm(PATIENCE)
    try:
        sides = [icalendar.Calendar.from_ical(plain(case[side])) for side in ("left", "right")]
        first = min(day(start) for side in sides for start in starts(side))
        first = max(first, dt.date(2, 1, 1)) - dt.timedelta(days=1)
        window = [dt.date.fromisoformat(case[end]) for end in ("from", "until") if end in case]
        zone = zoneinfo.ZoneInfo(case["zone"]) if case.get("zone") else None
        left, right = (occurrences(side, first, window, zone) for side in sides)
    except Exception as error:  # whatever a text makes it stumble over
        return {"unsure": f"{type(error).__name__}: {error}"[:200]}
    finally:
        signal.alarm(0)
    if left == right:
        return {"count": len(left)}
    only = [f"left {one}" for one in left if one not in set(right)][:3]
    only += [f"right {one}" for one in right if one not in set(left)][:3]
    return {"unequal": only or [f"{len(left)} and {len(right)} occurrences"]}


def too_long(_signal, _frame):
    raise TimeoutError("takes too long to expand")


def main():
    signal.signal(signal.SIGALRM, too_long)
    for line in sys.stdin:
        case = json.loads(line)
        print(json.dumps({"uid": case["uid"], **compare(case)}), flush=True)


if __name__ == "__main__":
    main()
