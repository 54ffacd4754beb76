#!/usr/bin/env python3
"""CalDAV peer probe (stdlib only). usage: caldav_probe.py BASE_COLLECTION_URL USER PASS [PRINCIPAL_OR_ROOT_URL]
Prints one line per capability so that servers can be compared."""

import sys, re, base64, http.client, urllib.parse, time, json

base, user, pw = sys.argv[1:4]
root = sys.argv[4] if len(sys.argv) > 4 else None
U = urllib.parse.urlsplit(base)
auth = "Basic " + base64.b64encode(f"{user}:{pw}".encode()).decode()


def rq(m, url, body=None, h=None, noauth=False):
    u = urllib.parse.urlsplit(url if "://" in url else f"{U.scheme}://{U.netloc}{url}")
    c = http.client.HTTPConnection(u.hostname, u.port, timeout=30)
    H = {
        "User-Agent": "probe",
        "Content-Type": "application/xml; charset=utf-8"
        if body and body.lstrip().startswith("<")
        else "text/calendar; charset=utf-8",
    }
    if not noauth:
        H["Authorization"] = auth
    H.update(h or {})
    c.request(
        m,
        (u.path or "/") + ("?" + u.query if u.query else ""),
        body.encode() if isinstance(body, str) else body,
        H,
    )
    r = c.getresponse()
    b = r.read()
    return r.status, {k.lower(): v for k, v in r.getheaders()}, b.decode("utf8", "replace")


def ev(uid, summary="Probe", extra="", dt="DTSTART:20261201T090000Z\r\nDTEND:20261201T100000Z"):
    return f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//probe//EN\r\nBEGIN:VEVENT\r\nUID:{uid}\r\nDTSTAMP:20260101T000000Z\r\n{dt}\r\nSUMMARY:{summary}\r\n{extra}END:VEVENT\r\nEND:VCALENDAR\r\n"


def say(k, v):
    print(f"{k:34s} {v}")


st, h, b = rq("OPTIONS", base)
say("server", h.get("server", "-"))
say("OPTIONS DAV", h.get("dav", "-")[:150])
st, h, b = rq(
    "PROPFIND",
    base,
    '<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>',
    {"Depth": "0"},
    noauth=True,
)
say("no auth", f"{st} {h.get('www-authenticate', '-')[:60]}")
st, h, b = rq(
    "PROPFIND",
    base,
    '<propfind xmlns="DAV:"><prop><resourcetype/></prop></propfind>',
    {"Depth": "0", "Authorization": "Basic " + base64.b64encode(f"{user}:wrong".encode()).decode()},
)
say("wrong password", st)
st, h, b = rq("GET", "/.well-known/caldav")
say(".well-known/caldav", f"{st} {h.get('location', '')}")
PF = '<propfind xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav" xmlns:cs="http://calendarserver.org/ns/" xmlns:a="http://apple.com/ns/ical/"><prop><current-user-principal/><c:calendar-home-set/><resourcetype/><displayname/><getetag/><cs:getctag/><sync-token/><supported-report-set/><c:supported-calendar-component-set/><c:max-resource-size/><current-user-privilege-set/><a:calendar-color/></prop></propfind>'
st, h, b = rq("PROPFIND", base, PF, {"Depth": "0"})
say("PROPFIND", st)
say("  ctag", "getctag>" in b and bool(re.search(r"getctag[^>]*>[^<]+<", b)))
tok = re.search(r"sync-token[^>]*>([^<]+)<", b)
say("  sync-token", tok.group(1)[:70] if tok else None)
say("  sync-collection advertised", "sync-collection" in b)
say(
    "  current-user-principal",
    (re.search(r"current-user-principal[^>]*>\s*<[^>]*href[^>]*>([^<]+)", b) or [None, None])[1],
)
say(
    "  privileges",
    sorted(
        set(re.findall(r"<(?:\w+:)?(read|write|write-content|bind|unbind|all|read-acl)\s*/>", b))
    ),
)
n = str(int(time.time() * 1000))
u1 = f"probe-{n}"
href = base + u1 + ".ics"
P = "X-PROBE-PROP;X-P=1:keep\\, me\r\nDESCRIPTION:Zürich ☃ 日本\\nline2\r\nATTACH;FMTTYPE=text/plain:https://example.com/a\r\n"
st, h, b = rq("PUT", href, ev(u1, extra=P), {"If-None-Match": "*"})
say("PUT create", f"{st} ETag={h.get('etag')} loc={h.get('location')} stag={h.get('schedule-tag')}")
st, h, b = rq("PUT", href, ev(u1), {"If-None-Match": "*"})
say("PUT If-None-Match:* on existing", st)
st, h, b = rq("GET", href)
e1 = h.get("etag")
say("GET", f"{st} ETag={e1} ct={h.get('content-type')}")
say("  body identical to what was PUT", b == ev(u1, extra=P))
say("  X-prop kept", "X-PROBE-PROP" in b)
say("  CRLF kept", "\r\n" in b)
say("  utf8 kept", "☃" in b)
st, h, b = rq("PUT", href, ev(u1, "Two"), {"If-Match": '"stale"'})
say("PUT stale If-Match", st)
st, h, b = rq("PUT", href, ev(u1, "Two"), {"If-Match": e1 or "*"})
say("PUT good If-Match", f"{st} ETag={h.get('etag')}")
st, h, b = rq("PUT", base + u1 + "-other.ics", ev(u1, "dup uid"))
say("PUT same UID, other href", f"{st} {'no-uid-conflict' if 'no-uid-conflict' in b else ''}")
if st in (201, 204):
    rq("DELETE", base + u1 + "-other.ics")
SC = lambda t: (
    f'<sync-collection xmlns="DAV:"><sync-token>{t}</sync-token><sync-level>1</sync-level><prop><getetag/></prop></sync-collection>'
)


def sync(t):
    st, h, b = rq("REPORT", base, SC(t), {"Depth": "0"})
    m = re.search(r"sync-token[^>]*>([^<]+)<", b)
    return st, (m.group(1) if m else None), b


st, t, b = sync("")
say(
    "sync-collection initial",
    f"{st} members={len(re.findall(r'<(?:[A-Za-z0-9]+:)?response[ >]', b))} token={t and t[:60]}",
)
u2 = u1 + "b"
rq("PUT", base + u2 + ".ics", ev(u2))
if t:
    st, t2, b = sync(t)
    say(
        "sync incremental (1 add)",
        f"{st} members={len(re.findall(r'<(?:[A-Za-z0-9]+:)?response[ >]', b))} changed_token={t2 != t}",
    )
    rq("DELETE", base + u2 + ".ics")
    st, t3, b = sync(t2 or t)
    say(
        "sync incremental (1 delete)",
        f"{st} members={len(re.findall(r'<(?:[A-Za-z0-9]+:)?response[ >]', b))} 404={'404' in b}",
    )
    st, t4, b = sync(t3 or t)
    say(
        "sync no change: token stable",
        f"{st} {t4 == t3} members={len(re.findall(r'<(?:[A-Za-z0-9]+:)?response[ >]', b))}",
    )
st, _, b = sync("http://example.com/bogus-token")
say("sync bogus token", f"{st} {'valid-sync-token' if 'valid-sync-token' in b else b[:60]!r}")
MG = f'<c:calendar-multiget xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/><c:calendar-data/></prop><href>{urllib.parse.urlsplit(href).path}</href><href>{U.path}nope.ics</href></c:calendar-multiget>'
st, h, b = rq("REPORT", base, MG, {"Depth": "1"})
say("multiget (1 hit, 1 miss)", f"{st} data={b.count('BEGIN:VCALENDAR')} 404={'404' in b}")
Q = '<c:calendar-query xmlns="DAV:" xmlns:c="urn:ietf:params:xml:ns:caldav"><prop><getetag/></prop><c:filter><c:comp-filter name="VCALENDAR"><c:comp-filter name="VEVENT"><c:time-range start="20261130T000000Z" end="20261203T000000Z"/></c:comp-filter></c:comp-filter></c:filter></c:calendar-query>'
st, h, b = rq("REPORT", base, Q, {"Depth": "1"})
say("calendar-query time-range", f"{st} hit={u1 in b}")
rec = f"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:-//probe//EN\r\nBEGIN:VTIMEZONE\r\nTZID:X/Custom\r\nBEGIN:STANDARD\r\nDTSTART:19700101T000000\r\nTZOFFSETFROM:+0330\r\nTZOFFSETTO:+0330\r\nEND:STANDARD\r\nEND:VTIMEZONE\r\nBEGIN:VEVENT\r\nUID:{u1}r\r\nDTSTAMP:20260101T000000Z\r\nDTSTART;TZID=X/Custom:20261201T090000\r\nDTEND;TZID=X/Custom:20261201T100000\r\nRRULE:FREQ=WEEKLY;COUNT=5\r\nEXDATE;TZID=X/Custom:20261208T090000\r\nSUMMARY:R\r\nEND:VEVENT\r\nBEGIN:VEVENT\r\nUID:{u1}r\r\nDTSTAMP:20260101T000000Z\r\nRECURRENCE-ID;TZID=X/Custom:20261215T090000\r\nDTSTART;TZID=X/Custom:20261216T110000\r\nDTEND;TZID=X/Custom:20261216T120000\r\nSUMMARY:R moved\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"
st, h, b = rq("PUT", base + u1 + "r.ics", rec)
g = rq("GET", base + u1 + "r.ics")
say(
    "PUT series+override+custom TZ",
    f"{st} back: overrides={g[2].count('RECURRENCE-ID')} tz={'X/Custom' in g[2]} identical={g[2] == rec}",
)
orphan = ev(u1 + "o", extra="RECURRENCE-ID:20261201T090000Z\r\n")
st, h, b = rq("PUT", base + u1 + "o.ics", orphan)
say("PUT orphan override (no master)", st)
st, h, b = rq("PUT", base + u1 + "bad.ics", "BEGIN:VCALENDAR\r\nnot ical")
say("PUT garbage", st)
st, h, b = rq(
    "PUT",
    base + u1 + "two.ics",
    ev(u1 + "x").replace("END:VCALENDAR\r\n", "")
    + ev(u1 + "y").split("PRODID:-//probe//EN\r\n")[1],
)
say("PUT two UIDs in one resource", st)
weird = u1 + "/ä b%40"
hw = base + urllib.parse.quote(weird, safe="") + ".ics"
st, h, b = rq("PUT", hw, ev(weird))
st2 = rq("GET", hw)[0]
say("PUT href with %2F, space, ü", f"{st} GET {st2}")
long = "L" * 900
st, h, b = rq("PUT", base + u1 + "long.ics", ev(long))
say("PUT UID of 900 chars", st)
big = ev(u1 + "big", extra="DESCRIPTION:" + "x" * 1_500_000 + "\r\n")
st, h, b = rq("PUT", base + u1 + "big.ics", big)
say("PUT 1.5 MB", st)
st, h, b = rq("DELETE", href, h={"If-Match": '"stale"'})
say("DELETE stale If-Match", st)
st, h, b = rq("DELETE", href)
st2 = rq("DELETE", href)[0]
say("DELETE, DELETE again", f"{st} {st2}")
for s in ("r", "o", "two", "long", "big", "bad"):
    rq("DELETE", base + u1 + s + ".ics")
rq("DELETE", hw)
