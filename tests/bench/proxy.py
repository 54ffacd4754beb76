#!/usr/bin/env python3
"""Logging, delaying HTTP/1.1 reverse proxy for loopback measurements.

  proxy.py --map 127.0.0.1:9001=127.0.0.1:5232/A [--map ...] --ctl 127.0.0.1:9000

Each request is read whole, held for the injected latency, sent to the upstream on a fresh or
pooled connection, and the answer is relayed whole.  Keep-alive is always offered to the client
(Radicale's own server has none), so the number of connections shows what the client chose to do.

Control port (plain HTTP):
  GET  /set?latency_ms=50&connect_ms=0   set the delay per request and per new connection
  GET  /reset                            forget the log
  GET  /stats                            JSON summary per map name
  GET  /log                              JSON lines, one per request
"""

import argparse
import asyncio
import json
import re
import sys
import time
import urllib.parse
from collections import Counter

try:
    import uvloop

    uvloop.install()
except ImportError:
    pass

CFG = {"latency": 0.0, "connect": 0.0}
LOG, CONNS = [], Counter()
INFLIGHT, PEAK = Counter(), Counter()
ROOT = re.compile(rb"<(?![?!])(?:[\w.-]+:)?([\w.-]+)")
BUSY = {}


async def read_head(r):
    head = await r.readuntil(b"\r\n\r\n")
    lines = head[:-4].split(b"\r\n")
    h = [tuple(x.strip() for x in l.split(b":", 1)) for l in lines[1:] if b":" in l]
    return lines[0], h


def hget(h, k):
    for a, b in h:
        if a.lower() == k:
            return b
    return None


async def read_body(r, h, to_eof=False):
    if (hget(h, b"transfer-encoding") or b"").lower() == b"chunked":
        out = []
        while True:
            n = int((await r.readline()).split(b";")[0], 16)
            if n == 0:
                while (await r.readline()) not in (b"\r\n", b""):
                    pass
                return b"".join(out)
            out.append(await r.readexactly(n))
            await r.readexactly(2)
    cl = hget(h, b"content-length")
    if cl is not None:
        return await r.readexactly(int(cl)) if int(cl) else b""
    return await r.read() if to_eof else b""


def kind(method, h, body):
    m = method.decode()
    if m in ("REPORT", "PROPFIND") and body:
        x = ROOT.search(body)
        m += ":" + (x.group(1).decode() if x else "?") if m == "REPORT" else ""
    if m.startswith("PROPFIND"):
        m += ":" + (hget(h, b"depth") or b"inf").decode()
    return m


class Upstream:
    def __init__(self, name, host, port):
        self.name, self.host, self.port, self.pool = name, host, port, []

    async def call(self, raw, method):
        for attempt in (0, 1):
            fresh = not self.pool
            r, w = (
                self.pool.pop()
                if self.pool
                else await asyncio.open_connection(self.host, self.port, limit=1 << 26)
            )
            try:
                w.write(raw)
                await w.drain()
                line, h = await read_head(r)
                while b" 100 " in line[:13]:
                    line, h = await read_head(r)
                st = int(line.split()[1])
                body = b"" if method == b"HEAD" or st in (204, 304) else await read_body(r, h, True)
                conn = (hget(h, b"connection") or b"").lower()
                if (
                    line.startswith(b"HTTP/1.1")
                    and conn != b"close"
                    and (
                        hget(h, b"content-length")
                        or hget(h, b"transfer-encoding")
                        or st in (204, 304)
                    )
                ):
                    self.pool.append((r, w))
                else:
                    w.close()
                return line, h, body, st
            except (asyncio.IncompleteReadError, ConnectionError):
                w.close()
                while self.pool:  # the server was restarted: every pooled connection is stale
                    self.pool.pop()[1].close()
                if fresh:
                    raise


async def serve(up, r, w):
    CONNS[up.name] += 1
    try:
        if CFG["connect"]:
            await asyncio.sleep(CFG["connect"])
        while True:
            try:
                line, h = await read_head(r)
            except (asyncio.IncompleteReadError, ConnectionError):
                return
            if (hget(h, b"expect") or b"").lower() == b"100-continue":
                w.write(b"HTTP/1.1 100 Continue\r\n\r\n")
            body = await read_body(r, h)
            t0 = time.perf_counter()
            INFLIGHT[up.name] += 1
            INFLIGHT["*"] += 1
            for k in (up.name, "*"):
                PEAK[k] = max(PEAK[k], INFLIGHT[k])
            method, path, _ = line.split(b" ", 2)
            if CFG["latency"]:
                await asyncio.sleep(CFG["latency"])
            hs = [
                (a, b)
                for a, b in h
                if a.lower()
                not in (
                    b"connection",
                    b"transfer-encoding",
                    b"content-length",
                    b"expect",
                    b"keep-alive",
                )
            ]
            if body or method in (b"PUT", b"POST"):
                hs.append((b"Content-Length", str(len(body)).encode()))
            raw = line + b"\r\n" + b"".join(a + b": " + b + b"\r\n" for a, b in hs) + b"\r\n" + body
            t1 = time.perf_counter()
            try:
                rl, rh, rb, st = await up.call(raw, method)
            except Exception as e:
                print("upstream", up.name, method, path, repr(e), file=sys.stderr, flush=True)
                rl, rh, rb, st = b"HTTP/1.1 502 Bad Gateway", [], repr(e).encode(), 502
            t2 = time.perf_counter()
            close = (hget(h, b"connection") or b"").lower() == b"close"
            rh = [
                (a, b)
                for a, b in rh
                if a.lower()
                not in (b"connection", b"transfer-encoding", b"content-length", b"keep-alive")
            ]
            rl = b"HTTP/1.1 " + rl.split(b" ", 1)[1]
            cl = b"" if st in (204, 304) else b"Content-Length: %d\r\n" % len(rb)
            w.write(
                rl
                + b"\r\n"
                + b"".join(a + b": " + b + b"\r\n" for a, b in rh)
                + cl
                + (b"Connection: close\r\n" if close else b"")
                + b"\r\n"
                + rb
            )
            INFLIGHT[up.name] -= 1
            INFLIGHT["*"] -= 1
            LOG.append(
                (
                    up.name,
                    t0,
                    method.decode(),
                    path.decode(),
                    kind(method, h, body),
                    st,
                    len(body),
                    len(rb),
                    t2 - t1,
                    body.count(b"href>") // 2 if method == b"REPORT" else 0,
                )
            )
            await w.drain()
            if close:
                return
    except (ConnectionError, asyncio.CancelledError):
        pass
    finally:
        w.close()


def stats():
    out = {}
    for name in sorted({l[0] for l in LOG} | set(CONNS)):
        ls = [l for l in LOG if l[0] == name]
        out[name] = {
            "requests": len(ls),
            "connections": CONNS[name],
            "peak_inflight": PEAK[name],
            "kinds": dict(Counter(l[4] for l in ls).most_common()),
            "statuses": dict(Counter(str(l[5]) for l in ls).most_common()),
            "bytes_up": sum(l[6] for l in ls),
            "bytes_down": sum(l[7] for l in ls),
            "multiget_hrefs": sum(l[9] for l in ls if "multiget" in l[4]),
            "server_s": round(sum(l[8] for l in ls), 4),
        }
    return out


async def control(r, w):
    line, h = await read_head(r)
    u = urllib.parse.urlsplit(line.split()[1].decode())
    q = dict(urllib.parse.parse_qsl(u.query))
    body = b"{}"
    if u.path == "/set":
        CFG["latency"] = float(q.get("latency_ms", CFG["latency"] * 1e3)) / 1e3
        CFG["connect"] = float(q.get("connect_ms", CFG["connect"] * 1e3)) / 1e3
        body = json.dumps(CFG).encode()
    elif u.path == "/reset":
        LOG.clear()
        CONNS.clear()
        PEAK.clear()
    elif u.path == "/stats":
        body = json.dumps(stats()).encode()
    elif u.path == "/log":
        body = b"".join(json.dumps(l).encode() + b"\n" for l in LOG)
    w.write(
        b"HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: %d\r\n\r\n" % len(body) + body
    )
    await w.drain()
    w.close()


async def main():
    ap = argparse.ArgumentParser()
    ap.add_argument("--map", action="append", required=True, help="LISTEN=UPSTREAM/NAME")
    ap.add_argument("--ctl", default="127.0.0.1:9000")
    ap.add_argument("--latency-ms", type=float, default=0)
    a = ap.parse_args()
    CFG["latency"] = a.latency_ms / 1e3
    for m in a.map:
        lis, up = m.split("=")
        up, name = up.split("/")
        lh, lp = lis.rsplit(":", 1)
        uh, upp = up.rsplit(":", 1)
        u = Upstream(name, uh, int(upp))
        await asyncio.start_server(
            lambda r, w, u=u: serve(u, r, w), lh, int(lp), limit=1 << 26, backlog=512
        )
    ch, cp = a.ctl.rsplit(":", 1)
    s = await asyncio.start_server(control, ch, int(cp))
    print("ready", flush=True)
    await s.serve_forever()


asyncio.run(main())
