"""Degrades a real scene and restores it: what `make demo` runs.

The commands are printed before they run, so that they can be repeated by hand.
"""

import shlex
import sys
from pathlib import Path

from llars.cli import run
from llars.infer.comparison import compare_files

SCENE = Path("examples/sentinel2_aberystwyth.tif")
FAULT = ("--task", "denoise", "--severity", "0.5", "--seed", "7")
PROMPT = "reduce the noise"


def call(*arguments: str | Path) -> None:
    """Print a command of llars and run it; exit with its exit code if it fails."""
    words = [str(argument) for argument in arguments]
    print(f"$ llars {shlex.join(words)}", flush=True)
    if code := run(words):
        sys.exit(code)


def main(folder: Path = Path("demo")) -> None:
    """Write degraded.tif, restored.tif and before_after.png to ``folder``, and print the gain."""
    folder.mkdir(exist_ok=True)
    degraded, restored, picture = (folder / name for name in ("degraded.tif", "restored.tif", "before_after.png"))
    call("degrade", SCENE, degraded, *FAULT, "--overwrite")
    call("restore", degraded, restored, "-p", PROMPT, "--preview", picture, "--overwrite")
    before, after = (compare_files(image, SCENE).metrics["psnr"] for image in (degraded, restored))
    print(f"PSNR against the original scene: {before:.2f} dB degraded, {after:.2f} dB restored")
    print(f"look at {picture}; the GeoTIFFs are {degraded} and {restored}")


if __name__ == "__main__":
    main()
