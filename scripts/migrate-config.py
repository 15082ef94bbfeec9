"""
Make a typed configuration module from an old one: the roadmap's entry point, calling `maestro migrate config`.

    scripts/migrate-config.py --source=old-config.py --target=new-config.py
"""

import subprocess
import sys
from pathlib import Path

if __name__ == "__main__":
    sys.exit(
        subprocess.run(
            [Path(sys.executable).parent / "maestro", "migrate", "config", *sys.argv[1:]], check=False
        ).returncode
    )
