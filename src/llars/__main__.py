"""``python -m llars`` is ``llars``."""

from llars.cli import main

main()
