#!/usr/bin/env python3
"""Scriptable fault-injecting reverse proxy (stdlib only, loopback only).
usage: faultproxy.py LISTEN_PORT UPSTREAM_URL RULES.json [LOG.jsonl]
RULES.json (re-read on every request) = [{"method":"PUT|GET|.*","path":"regex","after":0,"times":1,"action":"...", ...}]
actions: status{code,headers,body} reset_before reset_mid{frac} timeout_after_commit drop_after_commit stall{seconds,step}
  latency{seconds} wrong_length{delta} truncate{frac} gzip_bomb{mb} huge{mb} html200 redirect{location,code}
  empty_multistatus empty_json_items empty_body sub{pattern,repl} xml_bomb fold_bomb{lines} dup_commit bad_etag strip_header{name}
Every request is logged (method, path, headers without secrets' values, body hash/size, rule hit)."""

import sys, re, json, time, socket, struct, gzip, hashlib, threading, http.client, urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1])
UP = urllib.parse.urlsplit(sys.argv[2])
RULES = sys.argv[3]
LOG = open(sys.argv[4], "a", buffering=1) if len(sys.argv) > 4 else None
lock = threading.Lock()
count = {}


def pick(m, p):
    try:
        rules = json.load(open(RULES))
    except Exception:
        return None
    for i, r in enumerate(rules):
        if re.fullmatch(r.get("method", ".*"), m) and re.search(r.get("path", ""), p):
            with lock:
                n = count[i] = count.get(i, 0) + 1
            if n <= r.get("after", 0):
                continue
            if r.get("times") is not None and n > r.get("after", 0) + r["times"]:
                continue
            return r


class H(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *a):
        pass

    def rst(self):
        try:
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
            self.connection.close()
        except OSError:
            pass
        self.close_connection = True

    def forward(self, body):
        c = (http.client.HTTPSConnection if UP.scheme == "https" else http.client.HTTPConnection)(
            UP.hostname, UP.port, timeout=60
        )
        h = {
            k: v
            for k, v in self.headers.items()
            if k.lower() not in ("connection", "accept-encoding")
        }
        c.request(self.command, self.path, body if body else None, h)
        r = c.getresponse()
        return (
            r.status,
            r.reason,
            [
                (k, v)
                for k, v in r.getheaders()
                if k.lower()
                not in ("transfer-encoding", "connection", "content-length", "keep-alive")
            ],
            r.read(),
        )

    def reply(self, st, hd, b, clen=None, reason=None):
        self.send_response(st, reason)
        for k, v in hd:
            if k.lower() not in ("date", "server"):
                self.send_header(k, v)
        self.send_header("Content-Length", str(len(b) if clen is None else clen))
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(b)

    def any(self):
        n = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(n) if n else b""
        r = pick(self.command, self.path)
        a = r and r["action"]
        if LOG:
            LOG.write(
                json.dumps(
                    dict(
                        t=round(time.time(), 3),
                        m=self.command,
                        p=self.path,
                        h={
                            k: (
                                v
                                if k.lower() not in ("authorization", "cookie")
                                else "<%s>" % v.split()[0]
                            )
                            for k, v in self.headers.items()
                        },
                        len=n,
                        sha=hashlib.sha256(body).hexdigest()[:12],
                        fault=a,
                    )
                )
                + "\n"
            )
        try:
            if a == "status":
                return self.reply(
                    r["code"], list(r.get("headers", {}).items()), r.get("body", "").encode()
                )
            if a == "reset_before":
                return self.rst()
            if a == "html200":
                return self.reply(
                    200,
                    [("Content-Type", "text/html")],
                    b"<!DOCTYPE html><html><head><title>Welcome to Free WiFi</title></head><body><form action=/login>Accept terms</form></body></html>",
                )
            if a == "redirect":
                return self.reply(r.get("code", 302), [("Location", r["location"])], b"")
            if a == "empty_multistatus":
                return self.reply(
                    207,
                    [("Content-Type", "application/xml; charset=utf-8")],
                    b'<?xml version="1.0"?><multistatus xmlns="DAV:"/>',
                )
            if a == "empty_json_items":
                return self.reply(
                    200,
                    [("Content-Type", "application/json")],
                    json.dumps(
                        r.get(
                            "body", {"kind": "calendar#events", "items": [], "nextSyncToken": "x"}
                        )
                    ).encode(),
                )
            if a == "gzip_bomb":
                b = gzip.compress(b"\0" * (r.get("mb", 512) << 20), 9)
                return self.reply(
                    200, [("Content-Type", "application/xml"), ("Content-Encoding", "gzip")], b
                )
            if a == "huge":
                self.send_response(200)
                self.send_header("Content-Type", "application/xml")
                self.send_header("Content-Length", str(r.get("mb", 2048) << 20))
                self.end_headers()
                for _ in range(r.get("mb", 2048)):
                    self.wfile.write(b"x" * (1 << 20))
                return
            if a == "xml_bomb":
                e = "".join(
                    '<!ENTITY a%d "%s">' % (i, ("&a%d;" % (i - 1)) * 10) for i in range(1, 10)
                )
                return self.reply(
                    207,
                    [("Content-Type", "application/xml")],
                    (
                        '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a0 "lolololol">%s]><multistatus xmlns="DAV:"><response><href>&a9;</href></response></multistatus>'
                        % e
                    ).encode(),
                )
            if a == "fold_bomb":
                return self.reply(
                    200,
                    [("Content-Type", "text/calendar")],
                    b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:fold\r\nDTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:"
                    + b"a\r\n " * r.get("lines", 1000000)
                    + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n",
                )
            if a == "latency":
                time.sleep(r.get("seconds", 5))
            st, reason, hd, b = self.forward(body)
            if a == "dup_commit":
                st, reason, hd, b = self.forward(body)
            if a in ("drop_after_commit",):
                return self.rst()
            if a == "timeout_after_commit":
                time.sleep(r.get("seconds", 600))
                return self.rst()
            if a == "truncate":
                b = b[: int(len(b) * r.get("frac", 0.5))]
            if a == "empty_body":
                b = b""
            if a == "sub":
                b = re.sub(r["pattern"].encode(), r["repl"].encode(), b, flags=re.S)
            if a == "bad_etag":
                hd = [
                    (k, 'W/"weak-%d"' % time.time_ns() if k.lower() == "etag" else v) for k, v in hd
                ]
            if a == "strip_header":
                hd = [(k, v) for k, v in hd if k.lower() != r["name"].lower()]
            if a == "wrong_length":
                self.reply(st, hd, b, len(b) + r.get("delta", 100))
                return self.rst() if r.get("delta", 100) > 0 else None
            if a == "reset_mid":
                self.send_response(st, reason)
                [self.send_header(k, v) for k, v in hd]
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                self.wfile.write(b[: int(len(b) * r.get("frac", 0.5))])
                self.wfile.flush()
                time.sleep(0.05)
                return self.rst()
            if a == "stall":
                self.send_response(st, reason)
                [self.send_header(k, v) for k, v in hd]
                self.send_header("Content-Length", str(len(b)))
                self.end_headers()
                t = time.time()
                for i in range(len(b)):
                    if time.time() - t > r.get("seconds", 600):
                        return self.rst()
                    self.wfile.write(b[i : i + 1])
                    self.wfile.flush()
                    time.sleep(r.get("step", 1))
                return
            self.reply(st, hd, b, reason=reason)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    def __getattr__(self, n):
        if n.startswith("do_"):
            return self.any
        raise AttributeError(n)


ThreadingHTTPServer.daemon_threads = True
ThreadingHTTPServer(("127.0.0.1", PORT), H).serve_forever()
