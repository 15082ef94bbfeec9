"""Counts requests, errors and slow answers in access logs."""

import argparse
import collections
import gzip
import json
import logging
import os
import re
import statistics
import sys

from opstools.term import table

log = logging.getLogger("digest")

LINE = re.compile(
    r'(?P<host>\S+) \S+ \S+ \[(?P<time>[^\]]+)\] "(?P<method>[A-Z]+) (?P<path>\S+)[^"]*" '
    r'(?P<status>\d{3}) (?P<size>\d+|-) "(?P<agent>[^"]*)" (?P<ms>[\d.]+)$'
)
BOT = re.compile("bot|spider|crawl", re.IGNORECASE)
NUMBER = re.compile(r"/\d+(?=/|$)")

SLOW_MS = float(os.getenv("DIGEST_SLOW_MS", "800"))
TOP = int(os.getenv("DIGEST_TOP", "10"))
SKIP_BOTS = os.getenv("DIGEST_SKIP_BOTS", "yes") in ("yes", "true", "1")
IGNORED = [p for p in os.getenv("DIGEST_IGNORE", "/health,/metrics").split(",") if p]


class Path:
    def __init__(self):
        self.requests = 0
        self.errors = 0
        self.slow = 0
        self.times = []

    def count(self, status, ms, slow_ms):
        self.requests += 1
        self.errors += status >= 500
        self.slow += ms > slow_ms
        self.times.append(ms)

    def row(self, name):
        return name, self.requests, self.errors, self.slow, f"{statistics.median(self.times):.0f}"


class Digest:
    def __init__(self, slow_ms=SLOW_MS, skip_bots=SKIP_BOTS, log=log):
        self.slow_ms = slow_ms
        self.skip_bots = skip_bots
        self.log = log
        self.paths = collections.defaultdict(Path)
        self.bad_lines = 0
        self.bots = 0

    def feed(self, line):
        match = LINE.match(line.strip())
        if match is None:
            self.bad_lines += 1
            self.log.debug("not an access line: %.40s", line.strip())
            return
        if self.skip_bots and BOT.search(match["agent"]):
            self.bots += 1
            return
        path = NUMBER.sub("/:id", match["path"].partition("?")[0])
        if path in IGNORED:
            return
        self.paths[path].count(int(match["status"]), float(match["ms"]), self.slow_ms)

    def top(self, count):
        order = sorted(self.paths, key=lambda name: (-self.paths[name].requests, name))
        return [self.paths[name].row(name) for name in order[:count]]

    @property
    def error_share(self):
        total = sum(p.requests for p in self.paths.values())
        return sum(p.errors for p in self.paths.values()) / total if total else 0.0


def lines(name):
    if name == "-":
        yield from sys.stdin
        return
    opener = gzip.open if name.endswith(".gz") else open
    with opener(name, "rt", errors="replace") as fh:
        yield from fh


def digest(files, **options):
    result = Digest(**options)
    for name in files:
        try:
            for line in lines(name):
                result.feed(line)
        except OSError as e:
            log.error("skipping %s: %s", name, e.strerror or e)
            print(f"log-digest: cannot read {name}", file=sys.stderr)
    if result.bad_lines:
        log.warn("%d lines are no access lines", result.bad_lines)
    log.info("%d paths, %d requests of bots left out" % (len(result.paths), result.bots))
    return result


def main(argv=None):
    p = argparse.ArgumentParser(prog="log-digest", description=__doc__)
    p.add_argument("files", nargs="+")
    p.add_argument("--slow-ms", type=float, default=SLOW_MS)
    p.add_argument("--top", type=int, default=TOP)
    p.add_argument("--bots", action="store_true", help="count bots too")
    p.add_argument("--json", action="store_true")
    p.add_argument("--max-errors", type=float, default=float(os.getenv("DIGEST_MAX_ERRORS", 1)), help="share, 0 to 1")
    p.add_argument("--log-level", default=os.environ.get("LOG_LEVEL", "warning"))
    p.add_argument("-v", "--verbose", action="store_const", dest="log_level", const="debug")
    args = p.parse_args(argv)

    level = getattr(logging, args.log_level.upper(), logging.WARNING)
    logging.basicConfig(stream=sys.stderr, level=level, format="%(levelname)s: %(message)s")

    result = digest(args.files, slow_ms=args.slow_ms, skip_bots=SKIP_BOTS and not args.bots)
    columns = ("path", "requests", "errors", "slow", "median ms")
    if args.json:
        print(json.dumps([dict(zip(columns, row)) for row in result.top(args.top)], indent=2))
    else:
        print(table(result.top(args.top), columns))
    if result.error_share > args.max_errors:
        log.error("errors are %.1f %% of all", result.error_share * 100)
        return 1
    return 0


if __name__ == "__main__":
    sys.exit(main())
