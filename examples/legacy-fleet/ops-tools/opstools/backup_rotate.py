"""Deletes old backups: keeps one a day, one a week, one a month."""

import argparse
import datetime
import logging
import os
import re
import sys
from pathlib import Path

from opstools.term import human

NAME = re.compile(r"^(?P<name>[\w.-]+?)-(?P<date>\d{8})\.tar(\.gz|\.zst)?$")
PROTECT = os.getenv("BACKUP_PROTECT", "").split(",")


class Backup:
    def __init__(self, path):
        match = NAME.match(path.name)
        if match is None:
            raise ValueError(f"{path.name} is not named like a backup")
        self.path = path
        self.name = match["name"]
        self.date = datetime.datetime.strptime(match["date"], "%Y%m%d").date()

    @property
    def size(self):
        return self.path.stat().st_size

    def __repr__(self):
        return f"<{self.path.name}>"


def find(folder):
    found = []
    for path in sorted(Path(folder).iterdir()):
        if not path.is_file():
            continue
        try:
            found.append(Backup(path))
        except ValueError as e:
            logging.warning("left alone: %s", e)
    logging.info("%d backups in %s", len(found), folder)
    return found


def newest_of_each(backups, period, count):
    """The newest backup of each of the last periods that have one."""
    newest = {}
    for backup in sorted(backups, key=lambda b: b.date):
        newest[period(backup.date)] = backup
    return [newest[key] for key in sorted(newest, reverse=True)[:count]]


def choose(backups, days, weeks, months):
    """Those to keep, by name of what was backed up."""
    keep = set()
    for name in sorted({b.name for b in backups}):
        own = [b for b in backups if b.name == name]
        if name in PROTECT:
            logging.info(f"{name} is protected, all {len(own)} kept")
            keep.update(own)
            continue
        keep.update(newest_of_each(own, lambda d: d, days))
        keep.update(newest_of_each(own, lambda d: tuple(d.isocalendar())[:2], weeks))
        keep.update(newest_of_each(own, lambda d: (d.year, d.month), months))
        logging.debug("%s: %d of %d kept", name, len(keep & set(own)), len(own))
    return keep


def tell_hook(path):
    hook = os.environ.get("BACKUP_HOOK_FILE")
    if hook:
        with open(hook, "a") as fh:
            fh.write(f"{path.name}\n")


def rotate(folder, days, weeks, months, dry_run=False):
    backups = find(folder)
    keep = choose(backups, days, weeks, months)
    freed = failed = 0
    for backup in backups:
        if backup in keep:
            continue
        size = backup.size
        if dry_run:
            print(f"would delete {backup.path.name} ({human(size)})")
            freed += size
            continue
        try:
            backup.path.unlink()
        except OSError as e:
            logging.error(e)
            failed += 1
            continue
        freed += size
        print(f"deleted {backup.path.name} ({human(size)})")
        tell_hook(backup.path)
    logging.log(logging.INFO, "%d kept, %s freed", len(keep), human(freed))
    return len(keep), freed, failed


def parser():
    p = argparse.ArgumentParser(prog="backup-rotate", description=__doc__)
    p.add_argument("folder", type=Path)
    p.add_argument("--days", type=int, default=int(os.getenv("BACKUP_KEEP_DAYS", "7")))
    p.add_argument("--weeks", type=int, default=int(os.getenv("BACKUP_KEEP_WEEKS", "4")))
    p.add_argument("--months", type=int, default=os.getenv("BACKUP_KEEP_MONTHS", 6))
    p.add_argument("-n", "--dry-run", action="store_true", default=os.getenv("BACKUP_DRY_RUN", "").lower() == "true")
    p.add_argument("-v", "--verbose", action="store_true")
    return p


def main(argv=None):
    args = parser().parse_args(argv)
    logging.basicConfig(
        level=logging.DEBUG if args.verbose else logging.WARNING,
        format="%(asctime)s %(levelname)s %(message)s",
    )
    if not args.folder.is_dir():
        logging.error("%s is not a folder", args.folder)
        return 2
    kept, freed, failed = rotate(args.folder, args.days, args.weeks, args.months, args.dry_run)
    print(f"{kept} kept, {human(freed)} {'to free' if args.dry_run else 'freed'}")
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main())
