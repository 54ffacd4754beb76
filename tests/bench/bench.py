#!/usr/bin/env python3
"""Measures a sync client on one pair of CalDAV servers.

Per run: two new calendars, N events on side A, then
  setup      the client's own configuration (not measured)
  initial    the first sync
  noop_first the sync after it, which may still read back its own writes
  noop       a sync with nothing to do
  change     after 10 changed, 5 new and 5 deleted events on each side, both sides compared
  converge   (--converge) more syncs, until both sides agree and a sync writes nothing
Every request goes through proxy.py, which counts and delays it. A sync is one whole process, its
start included. Servers and the client's state lie on tmpfs, so that no disk is measured.

A pair is NAME-NAME of mem, radicale, xandikos, cyrus, davical, sogo, sabredav; `mem` is mem-mem.
A client is clients/NAME.sh with the verbs setup and sync. Usually run by `cargo xtask bench`.
"""

import argparse
import asyncio
import json
import os
import shutil
import subprocess
import sys
import tempfile
import time
import urllib.parse
import urllib.request

import davlib
import report

HERE = os.path.dirname(os.path.abspath(__file__))
SCRIPTS = os.environ.get("CALPAIR_SERVERS_DIR", os.path.join(HERE, "..", "servers"))
CONTROL = 15400  # the proxy's control port; the next two are side A and side B
PORTS = (15410, 15420)  # the servers, each of which may take three ports
GNU_TIME = "/usr/bin/time"  # asked for the peak memory: a child of ours would inherit our own peak


class Server:
    """One side's server, fresh, with a calendar to start from."""

    def __init__(self, name, port, folder):
        self.name, self.port, self.folder = name, port, folder
        self.script = os.path.join(SCRIPTS, f"{name}.sh")
        self.process = None

    def start(self):
        if self.name == "mem":
            memdav = os.path.join(HERE, "memdav.py")
            command = [sys.executable, memdav, str(self.port)]
            self.process = subprocess.Popen(command, stdout=subprocess.PIPE)
            self.process.stdout.readline()
            self.home, self.user, self.password = "/user/cal/", "user", "pass"
            return
        env = dict(os.environ, CALPAIR_OWNER=str(os.getpid()))
        command = [self.script, "start", self.folder, str(self.port)]
        said = subprocess.run(command, check=True, capture_output=True, text=True, env=env).stdout
        url, self.user, self.password = said.strip().splitlines()[-1].split()
        self.home = urllib.parse.urlsplit(url).path.rstrip("/").rsplit("/", 1)[0] + "/"

    def stop(self):
        if self.process:
            self.process.terminate()
            self.process.wait()
        elif self.name != "mem":
            subprocess.run([self.script, "stop", self.folder, str(self.port)], check=False)

    def url(self, collection):
        return f"http://127.0.0.1:{self.port}{self.home}{collection}/"

    def session(self):
        return davlib.session(self.user, self.password)


class Proxy:
    """Counts and delays requests to both servers."""

    def __init__(self, servers, log):
        maps = []
        for at, (server, side) in enumerate(zip(servers, "AB")):
            listen = f"127.0.0.1:{CONTROL + 1 + at}"
            maps += ["--map", f"{listen}=127.0.0.1:{server.port}/{side}"]
        command = [sys.executable, os.path.join(HERE, "proxy.py")]
        command += ["--ctl", f"127.0.0.1:{CONTROL}", *maps]
        self.process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=log)
        self.process.stdout.readline()

    def ask(self, path):
        url = f"http://127.0.0.1:{CONTROL}{path}"
        return json.loads(urllib.request.urlopen(url, timeout=30).read())

    def stop(self):
        self.process.terminate()
        self.process.wait()


def idle_share(seconds=0.4):
    def ticks():
        with open("/proc/stat") as stat:
            values = [int(value) for value in stat.readline().split()[1:]]
        return values[3] + values[4], sum(values)

    idle, total = ticks()
    time.sleep(seconds)
    idle_after, total_after = ticks()
    return (idle_after - idle) / max(1, total_after - total)


def wait_for_quiet(limit, wanted=0.85):
    """Waits for other work on the machine to pause; returns the idle share seen last."""
    end = time.time() + limit
    while True:
        share = idle_share()
        if share >= wanted or time.time() > end:
            return round(share, 2)


class Bench:
    def __init__(self, options, work, out):
        self.options, self.work, self.out = options, work, out
        self.results = []
        names = options.pair.split("-") if "-" in options.pair else [options.pair] * 2
        self.servers = [
            Server(name, port, os.path.join(work, f"{side}-{name}"))
            for name, port, side in zip(names, PORTS, "AB", strict=True)
        ]
        self.log = open(os.path.join(work, "client.log"), "ab")

    def start(self):
        for server in self.servers:
            server.start()
        self.proxy = Proxy(self.servers, self.log)

    def stop(self):
        if hasattr(self, "proxy"):
            self.proxy.stop()
        for server in self.servers:
            server.stop()

    def client_env(self, collection):
        state = os.path.join(self.work, "state")
        shutil.rmtree(state, ignore_errors=True)
        os.makedirs(state)
        env = dict(os.environ, STATE=state, COLL=collection)
        for at, (server, side) in enumerate(zip(self.servers, "AB")):
            home = f"http://127.0.0.1:{CONTROL + 1 + at}{server.home}"
            env[f"{side}_HOME"], env[f"{side}_URL"] = home, f"{home}{collection}/"
            env[f"{side}_USER"], env[f"{side}_PASS"] = server.user, server.password
        return env

    async def run_cases(self, latency, run):
        options = self.options
        collection = f"bench{int(time.time() * 1000)}"
        urls = [server.url(collection) for server in self.servers]
        sessions = [server.session() for server in self.servers]
        try:
            for session, url in zip(sessions, urls):
                await davlib.mkcal(session, url)
            # DAViCal answers 500 when the first event of a new time zone comes twice at once.
            workers = 1 if self.servers[0].name == "davical" else 4
            await davlib.load(sessions[0], urls[0], options.n, workers=workers)
            await davlib.index(sessions[0], urls[0])  # warms the server's caches
            self.env = self.client_env(collection)
            self.setup()
            result = self.sync("initial", latency, run)
            result["check"], *sides = await davlib.compare(sessions, urls)
            self.emit(result)
            for case in ["noop_first", "noop", "noop"]:
                self.emit(self.sync(case, latency, run))
            for at in (0, 1):
                await davlib.mutate(sessions[at], urls[at], sides[at], at, options.n)
            result = self.sync("change", latency, run)
            result["check"], *sides = await davlib.compare(sessions, urls)
            result["check"]["expected"] = options.n
            self.emit(result)
            if options.converge:
                await self.converge(sessions, urls, latency, run)
        finally:
            for session in sessions:
                await session.close()

    async def converge(self, sessions, urls, latency, run):
        for step in range(1, 8):
            result = self.sync("converge", latency, run)
            check, *_ = await davlib.compare(sessions, urls)
            kinds = [side["kinds"] for side in result["http"].values()]
            writes = sum(kind.get("PUT", 0) + kind.get("DELETE", 0) for kind in kinds)
            result.update(check=check, step=step, writes=writes)
            self.emit(result)
            if not (writes or check["only_a"] or check["only_b"] or check["differ"]):
                return
        raise SystemExit("the two sides did not come to agree")

    def client(self, verb):
        return [os.path.join(HERE, "clients", f"{self.options.client}.sh"), verb]

    def setup(self):
        done = subprocess.run(
            self.client("setup"),
            env=self.env,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
        )
        if done.returncode:
            raise SystemExit(f"setup failed: {done.stdout[-800:]} {done.stderr[-800:]}")

    def sync(self, case, latency, run):
        options = self.options
        idle = wait_for_quiet(options.quiet if options.n >= 1000 else 0)
        self.proxy.ask(f"/set?latency_ms={latency}")
        self.proxy.ask("/reset")
        peak = os.path.join(self.work, "peak")
        command = [GNU_TIME, "-q", "-o", peak, "-f", "%M", *self.client("sync")]
        began = time.perf_counter()
        process = subprocess.Popen(
            command, env=self.env, stdout=self.log, stderr=self.log, stdin=subprocess.DEVNULL
        )
        _, status, usage = os.wait4(process.pid, 0)
        wall = time.perf_counter() - began
        process.returncode = os.waitstatus_to_exitcode(status)
        http = self.proxy.ask("/stats")
        self.proxy.ask("/set?latency_ms=0")
        with open(peak) as said:
            kilobytes = int(said.read().split()[-1])
        return {
            "client": options.client,
            "pair": options.pair,
            "n": options.n,
            "latency_ms": latency,
            "case": case,
            "run": run,
            "rc": process.returncode,
            "wall": round(wall, 4),
            "cpu": round(usage.ru_utime + usage.ru_stime, 4),
            "rss_mb": round(kilobytes / 1024, 1),
            "idle_before": idle,
            "http": http,
        }

    def emit(self, result):
        self.results.append(result)
        self.out.write(json.dumps(result) + "\n")
        self.out.flush()
        sides = " ".join(
            f"{side}:{http['requests']} requests {http['kinds']}"
            for side, http in result["http"].items()
        )
        print(
            f"{result['pair']} n={result['n']} {result['latency_ms']:g} ms {result['case']}:"
            f" exit {result['rc']}, {result['wall']:.2f} s, cpu {result['cpu']:.3f} s,"
            f" {result['rss_mb']} MB, {sides} {result.get('check', '')}",
            flush=True,
        )


def options():
    parser = argparse.ArgumentParser(description="Measures a sync client on a pair of servers.")
    parser.add_argument("--client", default="calpair")
    parser.add_argument("--pair", default="mem")
    parser.add_argument("--n", type=int, default=1000)
    parser.add_argument("--latency", default="0 50", help='milliseconds per request, as "0 50"')
    parser.add_argument("--runs", type=int, default=3)
    parser.add_argument("--converge", action="store_true")
    parser.add_argument("--quiet", type=float, default=20, help="seconds to wait for an idle CPU")
    parser.add_argument("--out", default="results.jsonl")
    parser.add_argument("--md", action="store_true", help="the table in Markdown")
    return parser.parse_args()


def main():
    chosen = options()
    if not os.path.exists(GNU_TIME):
        raise SystemExit(f"{GNU_TIME} is missing (Debian: the package time)")
    work = tempfile.mkdtemp(prefix="calpair-bench-", dir="/dev/shm")
    os.chmod(work, 0o755)  # servers run as users of their own
    failed = True
    with open(chosen.out, "a") as out:
        bench = Bench(chosen, work, out)
        try:
            bench.start()
            for run in range(chosen.runs):
                for latency in chosen.latency.split():
                    asyncio.run(bench.run_cases(float(latency), run))
            wrong = list(report.wrong(bench.results))
            # Peers are measured as they are.
            failed = bool(wrong) and chosen.client == "calpair"
            print("\n".join(wrong), end="\n" if wrong else "")
        finally:
            bench.stop()
            bench.log.close()
            if failed:
                with open(os.path.join(work, "client.log"), errors="replace") as log:
                    print("the end of the client's log:\n" + log.read()[-3000:], file=sys.stderr)
            shutil.rmtree(work, ignore_errors=True)
    report.table(bench.results, chosen.md)
    sys.exit(1 if failed else 0)


if __name__ == "__main__":
    main()
