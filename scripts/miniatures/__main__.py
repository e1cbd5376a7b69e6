"""Makes miniatures: `PYTHONPATH=scripts python -m miniatures FOLDER [SET ...]`; all of them if no name is given."""

import sys
from pathlib import Path

from miniatures import MAKERS as SETS
from miniatures import products

MAKERS = {**SETS, "products": products.make}

if len(sys.argv) < 2 or not set(sys.argv[2:]) <= set(MAKERS):
    sys.exit(f"usage: python -m miniatures FOLDER [SET ...] with sets of {', '.join(MAKERS)}")
for name in sys.argv[2:] or MAKERS:
    MAKERS[name](Path(sys.argv[1]) / name)
    print(Path(sys.argv[1]) / name)
