#!/usr/bin/env python3
"""Says how a CalDAV server behaves, one line a question, so that servers can be compared.

usage: caldav_probe.py CALENDAR_URL USER PASSWORD       (standard library only)

Leaves the calendar as it was, unless the server refuses to delete. The answers for the servers
here are in README.md.
"""

import base64
import http.client
import re
import sys
import time
import urllib.parse

CALENDAR, USER, PASSWORD = sys.argv[1:4]
PLACE = urllib.parse.urlsplit(CALENDAR)
NAME = f"probe-{int(time.time() * 1000)}"
NAMESPACES = 'xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"'
APPLE = 'xmlns:cs="http://calendarserver.org/ns/" xmlns:a="http://apple.com/ns/ical/"'


def basic(password):
    return "Basic " + base64.b64encode(f"{USER}:{password}".encode()).decode()


def ask(method, path, body=None, headers=None, authorization=basic(PASSWORD)):
    """Status, headers (names in lower case) and text of the answer."""
    connection = http.client.HTTPConnection(PLACE.hostname, PLACE.port, timeout=30)
    kind = "application/xml" if body and body.startswith("<") else "text/calendar"
    sent = {"User-Agent": "probe", "Content-Type": f"{kind}; charset=utf-8"}
    if authorization:
        sent["Authorization"] = authorization
    sent.update(headers or {})
    connection.request(method, path, body.encode() if body else None, sent)
    answer = connection.getresponse()
    text = answer.read().decode("utf-8", "replace")
    return answer.status, {k.lower(): v for k, v in answer.getheaders()}, text


def say(question, answer):
    print(f"{question:34} {answer}")


def path(name):
    return f"{PLACE.path}{name}.ics"


def calendar(*components):
    lines = ["BEGIN:VCALENDAR", "VERSION:2.0", "PRODID:-//probe//EN", *components]
    return "\r\n".join([*lines, "END:VCALENDAR", ""])


def event(uid, *lines, start="20261201T090000Z", summary="Probe", zone=""):
    end = start.replace("T09", "T10").replace("T11", "T12")
    return "\r\n".join(
        [
            "BEGIN:VEVENT",
            f"UID:{uid}",
            "DTSTAMP:20260101T000000Z",
            f"DTSTART{zone}:{start}",
            f"DTEND{zone}:{end}",
            f"SUMMARY:{summary}",
            *lines,
            "END:VEVENT",
        ]
    )


def members(text):
    return len(re.findall(r"<(?:[A-Za-z0-9]+:)?response[ >]", text))


def inside(name, text):
    found = re.search(rf"{name}[^>]*>([^<]+)<", text)
    return found.group(1) if found else None


def greeting():
    wanted = f"<propfind {NAMESPACES}><prop><resourcetype/></prop></propfind>"
    _, headers, _ = ask("OPTIONS", PLACE.path)
    say("server", headers.get("server", "-"))
    say("OPTIONS DAV", headers.get("dav", "-")[:150])
    depth = {"Depth": "0"}
    status, headers, _ = ask("PROPFIND", PLACE.path, wanted, depth, authorization=None)
    say("no auth", f"{status} {headers.get('www-authenticate', '-')[:60]}")
    say("wrong password", ask("PROPFIND", PLACE.path, wanted, depth, basic("wrong"))[0])
    status, headers, _ = ask("GET", "/.well-known/caldav")
    say(".well-known/caldav", f"{status} {headers.get('location', '')}")


def properties():
    wanted = (
        f"<propfind {NAMESPACES} {APPLE}><prop><current-user-principal/><c:calendar-home-set/>"
        "<resourcetype/><displayname/><getetag/><cs:getctag/><sync-token/><supported-report-set/>"
        "<c:supported-calendar-component-set/><c:max-resource-size/>"
        "<current-user-privilege-set/><a:calendar-color/></prop></propfind>"
    )
    status, _, text = ask("PROPFIND", PLACE.path, wanted, {"Depth": "0"})
    say("PROPFIND", status)
    say("  ctag", bool(inside("getctag", text)))
    say("  sync-token", (inside("sync-token", text) or "None")[:70])
    say("  sync-collection advertised", "sync-collection" in text)
    principal = re.search(r"current-user-principal[^>]*>\s*<[^>]*href[^>]*>([^<]+)", text)
    say("  current-user-principal", principal.group(1) if principal else None)
    names = r"<(?:\w+:)?(read|write|write-content|bind|unbind|all|read-acl)\s*/>"
    say("  privileges", sorted(set(re.findall(names, text))))


def writing():
    sent = calendar(
        event(
            NAME,
            "X-PROBE-PROP;X-P=1:keep\\, me",
            "DESCRIPTION:Zürich ☃ 日本\\nline2",
            "ATTACH;FMTTYPE=text/plain:https://example.com/a",
        )
    )
    plain = calendar(event(NAME))
    status, headers, _ = ask("PUT", path(NAME), sent, {"If-None-Match": "*"})
    tags = f"location={headers.get('location')} schedule-tag={headers.get('schedule-tag')}"
    say("PUT create", f"{status} ETag={headers.get('etag')} {tags}")
    again = ask("PUT", path(NAME), plain, {"If-None-Match": "*"})[0]
    say("PUT If-None-Match:* on existing", again)
    status, headers, text = ask("GET", path(NAME))
    etag = headers.get("etag")
    say("GET", f"{status} ETag={etag} type={headers.get('content-type')}")
    say("  body identical to what was PUT", text == sent)
    say("  X-property, CRLF, UTF-8 kept", ["X-PROBE-PROP" in text, "\r\n" in text, "☃" in text])
    two = calendar(event(NAME, summary="Two"))
    say("PUT stale If-Match", ask("PUT", path(NAME), two, {"If-Match": '"stale"'})[0])
    status, headers, _ = ask("PUT", path(NAME), two, {"If-Match": etag or "*"})
    say("PUT good If-Match", f"{status} ETag={headers.get('etag')}")
    other = path(NAME + "-other")
    status, _, text = ask("PUT", other, calendar(event(NAME, summary="same UID")))
    conflict = "no-uid-conflict" if "no-uid-conflict" in text else ""
    say("PUT same UID, other href", f"{status} {conflict}")
    if status in (201, 204):
        ask("DELETE", other)


def since(token):
    body = (
        f"<sync-collection {NAMESPACES}><sync-token>{token}</sync-token>"
        "<sync-level>1</sync-level><prop><getetag/></prop></sync-collection>"
    )
    status, _, text = ask("REPORT", PLACE.path, body, {"Depth": "0"})
    return status, inside("sync-token", text), text


def changes():
    status, first, text = since("")
    say("sync-collection initial", f"{status} members={members(text)} token={first}")
    ask("PUT", path(NAME + "b"), calendar(event(NAME + "b")))
    if first:
        status, second, text = since(first)
        moved = second != first
        say("sync after an addition", f"{status} members={members(text)} new token={moved}")
        ask("DELETE", path(NAME + "b"))
        status, third, text = since(second or first)
        say("sync after a deletion", f"{status} members={members(text)} 404={'404' in text}")
        status, fourth, text = since(third or first)
        say("sync, no change", f"{status} members={members(text)} same token={fourth == third}")
    ask("DELETE", path(NAME + "b"))
    status, _, text = since("http://example.com/bogus-token")
    refused = "valid-sync-token" if "valid-sync-token" in text else repr(text[:60])
    say("sync bogus token", f"{status} {refused}")


def reading():
    body = (
        f"<c:calendar-multiget {NAMESPACES}><prop><getetag/><c:calendar-data/></prop>"
        f"<href>{path(NAME)}</href><href>{path('nope')}</href></c:calendar-multiget>"
    )
    status, _, text = ask("REPORT", PLACE.path, body, {"Depth": "1"})
    found = text.count("BEGIN:VCALENDAR")
    say("multiget (1 hit, 1 miss)", f"{status} data={found} 404={'404' in text}")
    body = (
        f"<c:calendar-query {NAMESPACES}><prop><getetag/></prop><c:filter>"
        '<c:comp-filter name="VCALENDAR">'
        '<c:comp-filter name="VEVENT"><c:time-range start="20261130T000000Z" '
        'end="20261203T000000Z"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>'
    )
    status, _, text = ask("REPORT", PLACE.path, body, {"Depth": "1"})
    say("calendar-query time-range", f"{status} hit={NAME in text}")


def series():
    zone = ";TZID=X/Custom"
    timezone = (
        "BEGIN:VTIMEZONE\r\nTZID:X/Custom\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\n"
        "TZOFFSETFROM:+0330\r\nTZOFFSETTO:+0330\r\nEND:STANDARD\r\nEND:VTIMEZONE"
    )
    rule = ("RRULE:FREQ=WEEKLY;COUNT=5", f"EXDATE{zone}:20261208T090000")
    moved = f"RECURRENCE-ID{zone}:20261215T090000"
    sent = calendar(
        timezone,
        event(NAME + "r", *rule, start="20261201T090000", zone=zone),
        event(NAME + "r", moved, start="20261216T110000", zone=zone, summary="moved"),
    )
    status, _, _ = ask("PUT", path(NAME + "r"), sent)
    _, _, text = ask("GET", path(NAME + "r"))
    kept = f"overrides={text.count('RECURRENCE-ID')} zone={'X/Custom' in text}"
    say("PUT series, override, custom zone", f"{status} back: {kept} identical={text == sent}")
    orphan = calendar(event(NAME + "o", "RECURRENCE-ID:20261201T090000Z"))
    say("PUT orphan override (no master)", ask("PUT", path(NAME + "o"), orphan)[0])


def hostile():
    garbage = "BEGIN:VCALENDAR\r\nnot ical"
    say("PUT garbage", ask("PUT", path(NAME + "bad"), garbage)[0])
    two = calendar(event(NAME + "x"), event(NAME + "y"))
    say("PUT two UIDs in one resource", ask("PUT", path(NAME + "two"), two)[0])
    odd = NAME + "/ä b%40"
    place = path(urllib.parse.quote(odd, safe=""))
    status = ask("PUT", place, calendar(event(odd)))[0]
    say("PUT href with %2F, space, ü", f"{status} GET {ask('GET', place)[0]}")
    long = calendar(event("L" * 900))
    say("PUT UID of 900 chars", ask("PUT", path(NAME + "long"), long)[0])
    big = calendar(event(NAME + "big", "DESCRIPTION:" + "x" * 1_500_000))
    say("PUT 1.5 MB", ask("PUT", path(NAME + "big"), big)[0])
    stale = ask("DELETE", path(NAME), headers={"If-Match": '"stale"'})[0]
    say("DELETE stale If-Match", stale)
    say("DELETE, DELETE again", f"{ask('DELETE', path(NAME))[0]} {ask('DELETE', path(NAME))[0]}")
    for suffix in ("r", "o", "two", "long", "big", "bad"):
        ask("DELETE", path(NAME + suffix))
    ask("DELETE", place)


for questions in (greeting, properties, writing, changes, reading, series, hostile):
    questions()
