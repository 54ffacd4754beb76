#!/usr/bin/env python3
"""Fast in-memory CalDAV server for measuring clients: a request costs O(answer), not O(calendar).

  memdav.py PORT [PORT ...]        one independent store per port, on 127.0.0.1

Account: any user and password. Principal /user/, home set /user/cal/, calendars /user/cal/ID/.
Does OPTIONS, .well-known, PROPFIND 0 and 1, PROPPATCH (accepts, ignores), MKCALENDAR, GET, PUT and
DELETE with If-Match and If-None-Match, REPORT sync-collection (tokens, DAV:limit),
calendar-multiget, calendar-query (component filter only). PUT answers with an ETag; a UID that
exists gives 409. Not a conforming server: a yardstick.
"""

import asyncio
import hashlib
import re
import sys
import urllib.parse
from html import escape, unescape

try:
    import uvloop

    uvloop.install()
except ImportError:
    pass

ROOT = re.compile(rb"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
HREF = re.compile(rb"<(?:[\w.-]+:)?href\s*>\s*([^<]*?)\s*</")
TOKEN = re.compile(rb"<(?:[\w.-]+:)?sync-token\s*>\s*([^<]*?)\s*</")
LIMIT = re.compile(rb"<(?:[\w.-]+:)?nresults\s*>\s*(\d+)")
UID = re.compile(rb"^UID:(.*?)\r?$", re.M)
PROPTAG = re.compile(rb"<(?:[\w.-]+:)?([\w.-]+)(?:\s[^<>]*)?/>")
NS = (
    '<?xml version="1.0" encoding="utf-8"?><D:multistatus xmlns:D="DAV:" '
    'xmlns:C="urn:ietf:params:xml:ns:caldav" xmlns:CS="http://calendarserver.org/ns/" '
    'xmlns:A="http://apple.com/ns/ical/">'
)
REPORTS = "".join(
    f"<D:supported-report><D:report><{report}/></D:report></D:supported-report>"
    for report in ("D:sync-collection", "C:calendar-multiget", "C:calendar-query")
)
FOUND = "<D:status>HTTP/1.1 200 OK</D:status>"
NOT_FOUND = "<D:status>HTTP/1.1 404 Not Found</D:status>"


class Coll:
    def __init__(self):
        self.items, self.uids, self.seq, self.log, self.props = {}, {}, 0, {}, {}

    def bump(self, name, gone):
        self.seq += 1
        self.log.pop(name, None)
        self.log[name] = (self.seq, gone)  # dict order == seq order

    def token(self):
        return f"urn:memdav:{self.seq}"


class Store:
    def __init__(self):
        self.colls = {}


def item_xml(path, it, data):
    text = f"<C:calendar-data>{it[2]}</C:calendar-data>" if data else ""
    return (
        f"<D:response><D:href>{path}</D:href><D:propstat><D:prop><D:getetag>{it[0]}</D:getetag>"
        "<D:getcontenttype>text/calendar; component=vevent</D:getcontenttype><D:resourcetype/>"
        f"{text}</D:prop>{FOUND}</D:propstat></D:response>"
    )


def missing(path):
    return f"<D:response><D:href>{path}</D:href>{NOT_FOUND}</D:response>"


def node_xml(path, props, wanted):
    have = "".join(props[name] for name in wanted if name in props)
    lack = "".join(f"<D:{name}/>" for name in wanted if name not in props)
    x = f"<D:response><D:href>{path}</D:href><D:propstat><D:prop>{have}</D:prop>{FOUND}"
    x += "</D:propstat>"
    if lack:
        x += f"<D:propstat><D:prop>{lack}</D:prop>{NOT_FOUND}</D:propstat>"
    return x + "</D:response>"


def pointer(name, path):
    return f"<{name}><D:href>{path}</D:href></{name}>"


BASE = {
    "current-user-principal": pointer("D:current-user-principal", "/user/"),
    "principal-URL": pointer("D:principal-URL", "/user/"),
    "owner": pointer("D:owner", "/user/"),
    "calendar-home-set": pointer("C:calendar-home-set", "/user/cal/"),
}
PRIVILEGES = "".join(f"<D:privilege><D:{name}/></D:privilege>" for name in ("all", "read", "write"))


def coll_props(c, name):
    return {
        **BASE,
        "resourcetype": "<D:resourcetype><D:collection/><C:calendar/></D:resourcetype>",
        "displayname": f"<D:displayname>{escape(name)}</D:displayname>",
        "getctag": f"<CS:getctag>{c.token()}</CS:getctag>",
        "sync-token": f"<D:sync-token>{c.token()}</D:sync-token>",
        "getetag": f'<D:getetag>"{c.seq}"</D:getetag>',
        "supported-calendar-component-set": "<C:supported-calendar-component-set>"
        '<C:comp name="VEVENT"/></C:supported-calendar-component-set>',
        "supported-report-set": f"<D:supported-report-set>{REPORTS}</D:supported-report-set>",
        "current-user-privilege-set": "<D:current-user-privilege-set>"
        f"{PRIVILEGES}</D:current-user-privilege-set>",
    }


def handle(st, method, path, h, body):
    """-> status, headers, body"""
    path = urllib.parse.unquote(urllib.parse.urlsplit(path).path)
    q = lambda p: urllib.parse.quote(p, safe="/@!$&'()*+,;=:~-._")
    if path.startswith("/.well-known/"):
        return 301, {"Location": "/"}, ""
    parts = path.strip("/").split("/") if path.strip("/") else []
    cname = parts[2] if len(parts) >= 3 and parts[:2] == ["user", "cal"] else None
    name = parts[3] if len(parts) == 4 and cname else None
    c = st.colls.get(cname) if cname else None
    if method == "OPTIONS":
        return (
            200,
            {
                "DAV": "1, 3, calendar-access, sync-collection",
                "Allow": "OPTIONS, GET, PUT, DELETE, PROPFIND, PROPPATCH, REPORT, MKCALENDAR",
            },
            "",
        )
    if method in ("MKCALENDAR", "MKCOL"):
        if cname and not name and not c:
            st.colls[cname] = Coll()
            return 201, {}, ""
        return 405, {}, ""
    if method == "PROPFIND":
        want = [w.decode() for w in PROPTAG.findall(body)] or [
            "resourcetype",
            "getetag",
            "displayname",
        ]
        depth = h.get("depth", "0")
        out = [NS]
        if not cname:
            props = {
                **BASE,
                "resourcetype": "<D:resourcetype><D:collection/>"
                + ("<D:principal/>" if path.strip("/") == "user" else "")
                + "</D:resourcetype>",
                "displayname": "<D:displayname>user</D:displayname>",
            }
            out.append(node_xml(q(path if path.endswith("/") else path + "/"), props, want))
            if depth != "0" and parts == ["user", "cal"]:
                out += [
                    node_xml(q(f"/user/cal/{n}/"), coll_props(k, n), want)
                    for n, k in st.colls.items()
                ]
        elif c is None:
            return 404, {}, ""
        elif name:
            if name not in c.items:
                return 404, {}, ""
            out.append(item_xml(q(path), c.items[name], False))
        else:
            out.append(node_xml(q(f"/user/cal/{cname}/"), coll_props(c, cname), want))
            if depth != "0":
                b = q(f"/user/cal/{cname}/")
                out += [item_xml(b + q(n), it, False) for n, it in c.items.items()]
        return 207, {}, "".join(out) + "</D:multistatus>"
    if method == "PROPPATCH":
        return (
            207,
            {},
            NS
            + node_xml(
                q(path),
                {w.decode(): f"<D:{w.decode()}/>" for w in PROPTAG.findall(body)},
                [w.decode() for w in PROPTAG.findall(body)],
            )
            + "</D:multistatus>",
        )
    if c is None:
        return 404, {}, ""
    if method == "REPORT":
        kind = ROOT.search(body).group(1)
        b = q(f"/user/cal/{cname}/")
        data = b"calendar-data" in body
        if kind == b"sync-collection":
            m, lim = TOKEN.search(body), LIMIT.search(body)
            tok, lim = m.group(1).decode() if m else "", int(lim.group(1)) if lim else 1 << 60
            since = 0
            if tok:
                if not tok.startswith("urn:memdav:") or int(tok[11:]) > c.seq:
                    return 403, {}, '<D:error xmlns:D="DAV:"><D:valid-sync-token/></D:error>'
                since = int(tok[11:])
            ch = []
            for n in reversed(c.log):
                s, gone = c.log[n]
                if s <= since:
                    break
                if not (gone and not since):
                    ch.append((s, n, gone))
            ch.reverse()
            new = c.seq
            if len(ch) > lim:
                ch = ch[:lim]
                new = ch[-1][0]
            return (
                207,
                {},
                NS
                + "".join(
                    missing(b + q(n)) if gone else item_xml(b + q(n), c.items[n], data)
                    for _, n, gone in ch
                )
                + f"<D:sync-token>urn:memdav:{new}</D:sync-token></D:multistatus>",
            )
        if kind == b"calendar-multiget":
            out = [NS]
            for x in HREF.findall(body):
                p = unescape(x.decode())
                n = urllib.parse.unquote(urllib.parse.urlsplit(p).path).rsplit("/", 1)[1]
                it = c.items.get(n)
                out.append(item_xml(b + q(n), it, data) if it else missing(p))
            return 207, {}, "".join(out) + "</D:multistatus>"
        if kind == b"calendar-query":
            if b'"VTODO"' in body or b'"VJOURNAL"' in body:
                return 207, {}, NS + "</D:multistatus>"
            return (
                207,
                {},
                NS
                + "".join(item_xml(b + q(n), it, data) for n, it in c.items.items())
                + "</D:multistatus>",
            )
        return 403, {}, '<D:error xmlns:D="DAV:"><D:supported-report/></D:error>'
    if name is None:
        if method == "DELETE":
            del st.colls[cname]
            return 204, {}, ""
        return 405, {}, ""
    it = c.items.get(name)
    im, inm = h.get("if-match"), h.get("if-none-match")
    if method in ("PUT", "DELETE") and (
        (im and (not it or (im != "*" and it[0] not in im))) or (inm == "*" and it)
    ):
        return 412, {}, ""
    if method in ("GET", "HEAD"):
        return (
            (
                200,
                {"ETag": it[0], "Content-Type": "text/calendar; charset=utf-8"},
                it[1] if method == "GET" else "",
            )
            if it
            else (404, {}, "")
        )
    if method == "PUT":
        m = UID.search(body)
        uid = m.group(1) if m else b""
        if not m or c.uids.get(uid, name) != name:
            return 409 if m else 400, {}, ""
        text = body.decode()
        if it and it[3] != uid:
            c.uids.pop(it[3], None)
        c.uids[uid] = name
        et = '"' + hashlib.md5(body).hexdigest() + '"'
        c.items[name] = (et, text, escape(text, quote=False).replace("\r", "&#13;"), uid)
        c.bump(name, False)
        return 204 if it else 201, {"ETag": et}, ""
    if method == "DELETE":
        if not it:
            return 404, {}, ""
        c.uids.pop(it[3], None)
        del c.items[name]
        c.bump(name, True)
        return 204, {}, ""
    return 405, {}, ""


REASON = {
    200: "OK",
    201: "Created",
    204: "No Content",
    207: "Multi-Status",
    301: "Moved Permanently",
    400: "Bad Request",
    403: "Forbidden",
    404: "Not Found",
    405: "Method Not Allowed",
    409: "Conflict",
    412: "Precondition Failed",
}


async def serve(st, r, w):
    try:
        while True:
            head = await r.readuntil(b"\r\n\r\n")
            lines = head[:-4].decode("latin1").split("\r\n")
            method, path, _ = lines[0].split(" ", 2)
            h = {}
            for l in lines[1:]:
                k, v = l.split(":", 1)
                h[k.strip().lower()] = v.strip()
            if h.get("transfer-encoding", "").lower() == "chunked":
                body = b""
                while n := int(await r.readline(), 16):
                    body += await r.readexactly(n)
                    await r.readexactly(2)
                await r.readline()
            else:
                n = int(h.get("content-length", 0))
                body = await r.readexactly(n) if n else b""
            s, hh, out = handle(st, method, path, h, body)
            out = out.encode()
            if out and "Content-Type" not in hh:
                hh["Content-Type"] = "application/xml; charset=utf-8"
            if s != 204:
                hh["Content-Length"] = str(len(out))
            w.write(
                f"HTTP/1.1 {s} {REASON[s]}\r\n".encode()
                + "".join(f"{k}: {v}\r\n" for k, v in hh.items()).encode()
                + b"\r\n"
                + out
            )
            await w.drain()
            if h.get("connection", "").lower() == "close":
                return
    except (asyncio.IncompleteReadError, ConnectionError):
        pass
    finally:
        w.close()


async def main():
    for p in sys.argv[1:]:
        st = Store()
        await asyncio.start_server(
            lambda r, w, st=st: serve(st, r, w), "127.0.0.1", int(p), limit=1 << 26, backlog=512
        )
    print("ready", flush=True)
    await asyncio.Event().wait()


if __name__ == "__main__":
    asyncio.run(main())
