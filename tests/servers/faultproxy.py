#!/usr/bin/env python3
"""Reverse proxy that breaks answers on demand (standard library only, loopback only).

usage: faultproxy.py LISTEN_PORT UPSTREAM_URL RULES.json [LOG.jsonl]

RULES.json is read anew for every request: a list of
  {"method": "PUT|GET|.*", "path": "regex", "after": 0, "times": 1, "action": "...", ...}
The first rule that fits is counted; it acts on the requests after the first `after`, `times` times.

Without asking the server:
  status{code,headers,body} reset_before html200 redirect{location,code} empty_multistatus
  empty_json_items{body} gzip_bomb{mb} huge{mb} xml_bomb fold_bomb{lines}
After asking it (a write has happened):
  dup_commit (asks twice) drop_after_commit timeout_after_commit{seconds} truncate{frac} empty_body
  sub{pattern,repl} bad_etag strip_header{name} wrong_length{delta} reset_mid{frac}
  stall{seconds,step} latency{seconds}

The log has one JSON object per request: t, m(ethod), p(ath), h(eaders, secrets by scheme only),
len and sha of the body, fault.
"""

import gzip
import hashlib
import http.client
import json
import re
import socket
import struct
import sys
import threading
import time
import urllib.parse
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer

PORT = int(sys.argv[1])
UPSTREAM = urllib.parse.urlsplit(sys.argv[2])
RULES = sys.argv[3]
LOG = open(sys.argv[4], "a", buffering=1) if len(sys.argv) > 4 else None
MB = 1 << 20
XML = [("Content-Type", "application/xml; charset=utf-8")]
HTML = [("Content-Type", "text/html")]
# Headers that belong to one connection, not to the answer.
OF_THE_CONNECTION = ("transfer-encoding", "connection", "content-length", "keep-alive")
PORTAL = (
    b"<!DOCTYPE html><html><head><title>Welcome to Free WiFi</title></head>"
    b"<body><form action=/login>Accept terms</form></body></html>"
)

lock = threading.Lock()
hits = {}


def rule_for(method, path):
    try:
        with open(RULES) as file:
            rules = json.load(file)
    except (OSError, ValueError):
        return None
    for at, rule in enumerate(rules):
        fits = re.fullmatch(rule.get("method", ".*"), method)
        if not (fits and re.search(rule.get("path", ""), path)):
            continue
        with lock:
            count = hits[at] = hits.get(at, 0) + 1
        after = rule.get("after", 0)
        if count <= after or (rule.get("times") is not None and count > after + rule["times"]):
            continue
        return rule
    return None


def xml_bomb():
    entities = "".join(
        '<!ENTITY a%d "%s">' % (level, ("&a%d;" % (level - 1)) * 10) for level in range(1, 10)
    )
    return (
        '<?xml version="1.0"?><!DOCTYPE m [<!ENTITY a0 "lolololol">%s]>'
        '<multistatus xmlns="DAV:"><response><href>&a9;</href></response></multistatus>' % entities
    ).encode()


def fold_bomb(lines):
    head = b"BEGIN:VCALENDAR\r\nVERSION:2.0\r\nPRODID:x\r\nBEGIN:VEVENT\r\nUID:fold\r\n"
    head += b"DTSTAMP:20260101T000000Z\r\nDTSTART:20260101T000000Z\r\nSUMMARY:"
    return head + b"a\r\n " * lines + b"\r\nEND:VEVENT\r\nEND:VCALENDAR\r\n"


def made_up(rule):
    """Status, headers and body of an answer that the server isn't asked for; None: ask it."""
    match rule["action"]:
        case "status":
            headers = list(rule.get("headers", {}).items())
            return rule["code"], headers, rule.get("body", "").encode()
        case "html200":
            return 200, HTML, PORTAL
        case "redirect":
            return rule.get("code", 302), [("Location", rule["location"])], b""
        case "empty_multistatus":
            return 207, XML, b'<?xml version="1.0"?><multistatus xmlns="DAV:"/>'
        case "empty_json_items":
            empty = {"kind": "calendar#events", "items": [], "nextSyncToken": "x"}
            body = json.dumps(rule.get("body", empty)).encode()
            return 200, [("Content-Type", "application/json")], body
        case "gzip_bomb":
            body = gzip.compress(b"\0" * (rule.get("mb", 512) * MB), 9)
            return 200, [*XML, ("Content-Encoding", "gzip")], body
        case "xml_bomb":
            return 207, XML, xml_bomb()
        case "fold_bomb":
            calendar = [("Content-Type", "text/calendar")]
            return 200, calendar, fold_bomb(rule.get("lines", 1000000))
    return None


def changed(rule, headers, body):
    """The server's answer, changed as the rule says."""
    match rule["action"]:
        case "truncate":
            body = body[: int(len(body) * rule.get("frac", 0.5))]
        case "empty_body":
            body = b""
        case "sub":
            body = re.sub(rule["pattern"].encode(), rule["repl"].encode(), body, flags=re.S)
        case "bad_etag":
            weak = f'W/"weak-{time.time_ns()}"'
            headers = [(k, weak if k.lower() == "etag" else v) for k, v in headers]
        case "strip_header":
            headers = [(k, v) for k, v in headers if k.lower() != rule["name"].lower()]
    return headers, body


class Proxy(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"

    def log_message(self, *_):
        pass

    def __getattr__(self, name):
        if name.startswith("do_"):
            return self.any
        raise AttributeError(name)

    def reset(self):
        """Ends the connection with a RST instead of a FIN."""
        try:
            at_once = struct.pack("ii", 1, 0)
            self.connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, at_once)
            self.connection.close()
        except OSError:
            pass
        self.close_connection = True

    def forward(self, body):
        https = UPSTREAM.scheme == "https"
        kind = http.client.HTTPSConnection if https else http.client.HTTPConnection
        connection = kind(UPSTREAM.hostname, UPSTREAM.port, timeout=60)
        dropped = ("connection", "accept-encoding")
        headers = {k: v for k, v in self.headers.items() if k.lower() not in dropped}
        connection.request(self.command, self.path, body or None, headers)
        answer = connection.getresponse()
        kept = [(k, v) for k, v in answer.getheaders() if k.lower() not in OF_THE_CONNECTION]
        return answer.status, answer.reason, kept, answer.read()

    def head(self, status, headers, length, reason=None):
        self.send_response(status, reason)
        for name, value in headers:
            if name.lower() not in ("date", "server"):
                self.send_header(name, value)
        self.send_header("Content-Length", str(length))
        self.end_headers()

    def reply(self, status, headers, body, length=None, reason=None):
        self.head(status, headers, len(body) if length is None else length, reason)
        if self.command != "HEAD":
            self.wfile.write(body)

    def huge(self, megabytes):
        self.head(200, XML, megabytes * MB)
        for _ in range(megabytes):
            self.wfile.write(b"x" * MB)

    def trickle(self, rule, body):
        end = time.time() + rule.get("seconds", 600)
        for at in range(len(body)):
            if time.time() > end:
                return self.reset()
            self.wfile.write(body[at : at + 1])
            self.wfile.flush()
            time.sleep(rule.get("step", 1))

    def note(self, body, action):
        if not LOG:
            return
        secret = ("authorization", "cookie")
        headers = {
            k: f"<{v.split()[0]}>" if k.lower() in secret else v for k, v in self.headers.items()
        }
        entry = {
            "t": round(time.time(), 3),
            "m": self.command,
            "p": self.path,
            "h": headers,
            "len": len(body),
            "sha": hashlib.sha256(body).hexdigest()[:12],
            "fault": action,
        }
        LOG.write(json.dumps(entry) + "\n")

    def any(self):
        length = int(self.headers.get("content-length") or 0)
        body = self.rfile.read(length) if length else b""
        rule = rule_for(self.command, self.path) or {"action": None}
        self.note(body, rule["action"])
        try:
            self.answer(rule, body)
        except (BrokenPipeError, ConnectionError):
            self.close_connection = True

    def answer(self, rule, body):
        action = rule["action"]
        if action == "reset_before":
            return self.reset()
        if action == "huge":
            return self.huge(rule.get("mb", 2048))
        if answer := made_up(rule):
            return self.reply(*answer)
        if action == "latency":
            time.sleep(rule.get("seconds", 5))
        status, reason, headers, content = self.forward(body)
        if action == "dup_commit":
            status, reason, headers, content = self.forward(body)
        if action == "timeout_after_commit":
            time.sleep(rule.get("seconds", 600))
        if action in ("drop_after_commit", "timeout_after_commit"):
            return self.reset()
        headers, content = changed(rule, headers, content)
        if action == "wrong_length":
            delta = rule.get("delta", 100)
            self.reply(status, headers, content, len(content) + delta, reason)
            return self.reset() if delta > 0 else None
        if action == "reset_mid":
            self.head(status, headers, len(content), reason)
            self.wfile.write(content[: int(len(content) * rule.get("frac", 0.5))])
            self.wfile.flush()
            time.sleep(0.05)
            return self.reset()
        if action == "stall":
            self.head(status, headers, len(content), reason)
            return self.trickle(rule, content)
        return self.reply(status, headers, content, reason=reason)


class Server(ThreadingHTTPServer):
    daemon_threads = True


Server(("127.0.0.1", PORT), Proxy).serve_forever()
