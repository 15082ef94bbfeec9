"""
Migrate one service: the roadmap's entry point, calling `maestro migrate service`.

    scripts/migrate-service.py --service=orders-api --backup=true [any option of `maestro migrate service`]

`--service` is a path, or the name of a folder under `services/` or `examples/legacy-fleet/`.
"""

import argparse
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent


def main() -> int:
    """Translate the roadmap's flags and run the command."""
    parser = argparse.ArgumentParser(
        description="Migrate one service onto the shared libraries.",
        epilog="Other options go to `maestro migrate service`.",
    )
    parser.add_argument("--service", required=True, help="path or name of the service")
    parser.add_argument(
        "--backup", choices=("true", "false"), default="true", help="keep the original bytes for a rollback"
    )
    known, rest = parser.parse_known_args()
    places = (
        Path(known.service),
        ROOT / "services" / known.service,
        ROOT / "examples" / "legacy-fleet" / known.service,
    )
    path = next((place for place in places if place.is_dir()), Path(known.service))
    backup = "--backup" if known.backup == "true" else "--no-backup"
    return subprocess.run(
        [Path(sys.executable).parent / "maestro", "migrate", "service", path, backup, *rest], check=False
    ).returncode


if __name__ == "__main__":
    sys.exit(main())
