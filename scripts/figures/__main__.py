"""Draws the figures: `PYTHONPATH=scripts python -m figures FOLDER [NAME ...]`; all of them if no name is given."""

import sys
from pathlib import Path

from figures import insight, learning, results

MAKERS = {**insight.MAKERS, **results.MAKERS, **learning.MAKERS}

if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(MAKERS):
    sys.exit(f"usage: python -m figures FOLDER [NAME ...] with names of {', '.join(MAKERS)}")
Path(sys.argv[1]).mkdir(parents=True, exist_ok=True)
for name in sys.argv[2:] or MAKERS:
    path = Path(sys.argv[1]) / f"{name}.png"
    MAKERS[name](path)
    print(path)
