"""What scripts/devcloud runs."""

import sys
from pathlib import Path

sys.path[0] = str(Path(__file__).resolve().parents[1])  # in place of this folder

from devcloud.cli import main  # noqa: E402 - found through the path above

sys.exit(main())
