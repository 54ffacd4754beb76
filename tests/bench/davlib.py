"""Small async CalDAV client for loading, changing and comparing collections (never measured)."""

import asyncio
import base64
import re
import urllib.parse
from collections import Counter

import aiohttp
from lxml import etree

import gen
from meaning import differences

DAV, CALDAV = "{DAV:}", "{urn:ietf:params:xml:ns:caldav}"
NAMESPACES = 'xmlns:D="DAV:" xmlns:C="urn:ietf:params:xml:ns:caldav"'
MKCALENDAR = (
    f"<C:mkcalendar {NAMESPACES}><D:set><D:prop><D:displayname>bench</D:displayname>"
    '<C:supported-calendar-component-set><C:comp name="VEVENT"/>'
    "</C:supported-calendar-component-set></D:prop></D:set></C:mkcalendar>"
)
LISTING = f"<D:propfind {NAMESPACES}><D:prop><D:getetag/></D:prop></D:propfind>"
BATCH = 500  # resources in one multiget: few requests, answers of under a megabyte


def session(user, password):
    credentials = base64.b64encode(f"{user}:{password}".encode()).decode()
    return aiohttp.ClientSession(
        headers={"Authorization": f"Basic {credentials}"},
        connector=aiohttp.TCPConnector(limit=8),
        timeout=aiohttp.ClientTimeout(total=900),
    )


async def request(s, method, url, body=None, **headers):
    headers = {name.replace("_", "-"): value for name, value in headers.items()}
    data = body.encode() if body else None
    async with s.request(method, url, data=data, headers=headers) as answer:
        content = await answer.read()
        if answer.status not in (200, 201, 204, 207):
            raise RuntimeError(f"{method} {url}: {answer.status} {content[:300]!r}")
        return content


async def xml(s, method, url, body, depth):
    content = await request(s, method, url, body, Depth=depth, Content_Type="application/xml")
    return etree.fromstring(content, etree.XMLParser(huge_tree=True)).iter(DAV + "response")


async def mkcal(s, url):
    await request(s, "MKCALENDAR", url, MKCALENDAR, Content_Type="application/xml")


async def put(s, url, text):
    await request(s, "PUT", url, text, Content_Type="text/calendar; charset=utf-8")


async def load(s, collection, n, workers=4):
    numbers = iter(range(n))

    async def worker():
        for number in numbers:
            uid, _, text = gen.event(number)
            await put(s, collection + urllib.parse.quote(uid) + ".ics", text)

    await asyncio.gather(*(worker() for _ in range(workers)))


def path_of(href):
    return urllib.parse.unquote(urllib.parse.urlsplit(href).path).rstrip("/")


async def index(s, collection):
    """{uid: (href, unfolded text)} by PROPFIND and calendar-multiget."""
    listed = await xml(s, "PROPFIND", collection, LISTING, "1")
    hrefs = [response.findtext(DAV + "href") for response in listed]
    hrefs = [href for href in hrefs if path_of(href) != path_of(collection)]
    found = {}
    for start in range(0, len(hrefs), BATCH):
        asked = "".join(f"<D:href>{href}</D:href>" for href in hrefs[start : start + BATCH])
        body = (
            f"<C:calendar-multiget {NAMESPACES}><D:prop><D:getetag/><C:calendar-data/></D:prop>"
            f"{asked}</C:calendar-multiget>"
        )
        for response in await xml(s, "REPORT", collection, body, "1"):
            text = response.findtext(f".//{CALDAV}calendar-data")
            if not text:
                continue
            text = re.sub(r"\r?\n[ \t]", "", text)
            uid = re.search(r"^UID:(.*?)\r?$", text, re.M).group(1)
            if uid in found:
                raise RuntimeError(f"duplicate UID {uid} in {collection}")
            found[uid] = (response.findtext(DAV + "href"), text)
    return found


async def compare(sessions, urls):
    """What differs between the two collections, and both, indexed."""
    a, b = await asyncio.gather(*(index(s, url) for s, url in zip(sessions, urls)))
    both = a.keys() & b.keys()
    differ = [names for uid in both if (names := differences(a[uid][1], b[uid][1]))]
    counts = {
        "a": len(a),
        "b": len(b),
        "only_a": len(a.keys() - b.keys()),
        "only_b": len(b.keys() - a.keys()),
        "differ": len(differ),
    }
    if differ:
        counts["in"] = dict(Counter(name for names in differ for name in names))
    return counts, a, b


async def mutate(s, collection, indexed, side, n):
    """10 changed, 5 new and 5 deleted events on one side (0 or 1), others than on the other."""

    def url(uid):
        return urllib.parse.urljoin(collection, indexed[uid][0])

    for number in range(10):
        uid, _, text = gen.event(10 * side + number, rev=1)
        await put(s, url(uid), text)
    for number in range(5):
        uid, _, text = gen.event(number, prefix="new" + "ab"[side])
        await put(s, collection + urllib.parse.quote(uid) + ".ics", text)
    for number in range(5):
        uid = gen.event(n - 1 - (5 * side + number))[0]
        await request(s, "DELETE", url(uid))
