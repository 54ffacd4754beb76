#!/usr/bin/env python3
"""report.py RESULTS.jsonl [--md]: medians over runs, one row per pair, N, latency, case, client."""

import argparse
import json
import statistics
from collections import defaultdict

ORDER = ["initial", "noop_first", "noop", "change", "converge"]
HEAD = ["pair", "N", "ms", "case", "client", "runs", "wall s", "cpu s", "rss MB", "req A+B"]
HEAD += ["at once", "KiB", "kinds A / B", "check"]


def requests(results, side):
    return int(
        statistics.median(result["http"].get(side, {}).get("requests", 0) for result in results)
    )


def kinds(result, side):
    counted = result["http"].get(side, {}).get("kinds", {})
    return " ".join(f"{count}x{kind.replace('REPORT:', '')}" for kind, count in counted.items())


def agreed(results):
    checks = [result["check"] for result in results if "check" in result]
    if not checks:
        return ""
    for check in checks:
        wrong_count = check.get("expected", check["a"]) != check["a"]
        if check["only_a"] or check["only_b"] or check["differ"] or wrong_count:
            return str(check)
    return "ok"


def needless(case, results):
    """Writes in a sync that had nothing to do: an echo of the client's own."""
    if case in ("initial", "change"):
        return ""
    sides = [side["kinds"] for result in results for side in result["http"].values()]
    writes = sum(side.get("PUT", 0) + side.get("DELETE", 0) for side in sides)
    return f" {writes} needless writes" if writes else ""


def wrong(results):
    """What a figure of calpair's is worth nothing with: failures, sides that differ, an echo."""
    for result in results:
        said = agreed([result]).replace("ok", "") + needless(result["case"], [result])
        if result["rc"] not in (0, 6):
            said += f" exit {result['rc']}"
        if said:
            yield f"{result['pair']} {result['case']}: {said.strip()}"


def row(key, results):
    pair, n, latency, case, client = key

    def median(value):
        return statistics.median(value(result) for result in results)

    def each(result, name):
        return [side.get(name, 0) for side in result["http"].values()]

    bad = sum(result["rc"] != 0 for result in results)
    traffic = median(lambda r: sum(each(r, "bytes_down")) + sum(each(r, "bytes_up"))) / 1024
    return [
        pair,
        n,
        f"{latency:g}",
        case,
        client,
        len(results),
        f"{median(lambda r: r['wall']):.2f}",
        f"{median(lambda r: r['cpu']):.3f}",
        f"{median(lambda r: r['rss_mb']):.1f}",
        f"{requests(results, 'A')}+{requests(results, 'B')}",
        max(max(each(result, "peak_inflight"), default=0) for result in results),
        f"{traffic:.0f}",
        f"{kinds(results[-1], 'A')} / {kinds(results[-1], 'B')}",
        agreed(results) + needless(case, results) + (f" exit not 0 in {bad} of {len(results)}" if bad else ""),
    ]


def table(results, markdown=False):
    groups = defaultdict(list)
    for r in results:
        groups[r["pair"], r["n"], r["latency_ms"], r["case"], r["client"]].append(r)
    keys = sorted(groups, key=lambda k: (k[0], k[1], ORDER.index(k[3]), k[2], k[4]))
    rows = [[str(cell) for cell in row(key, groups[key])] for key in keys]
    if markdown:
        print("|" + "|".join(HEAD) + "|")
        print("|" + "---|" * len(HEAD))
        for cells in rows:
            print("|" + "|".join(cells) + "|")
        return
    widths = [max(len(cells[at]) for cells in [HEAD, *rows]) for at in range(len(HEAD))]
    for cells in [HEAD, *rows]:
        print("  ".join(cell.ljust(width) for cell, width in zip(cells, widths)).rstrip())


if __name__ == "__main__":
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("file")
    parser.add_argument("--md", action="store_true")
    arguments = parser.parse_args()
    with open(arguments.file) as lines:
        table([json.loads(line) for line in lines], arguments.md)
