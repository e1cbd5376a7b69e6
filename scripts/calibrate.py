"""Calibrate the diagnosis and the uncertainty of llars against known truth.

    python scripts/calibrate.py DATA                        all parts, with the bundled weights
    python scripts/calibrate.py DATA --only trust           the parts that depend on the weights: this first,
    python scripts/calibrate.py DATA --only uncertainty     then this
    python scripts/calibrate.py DATA --weights FILE         for other weights

DATA is a folder with a scenes.json. The limits of the diagnosis are fitted on the clean scenes of its training and
validation splits, the calibration of the uncertainty on those of the validation split. Both are judged on those of the
test split; the diagnosis is also judged on all dates of the Sentinel-2 series. The results are written to
src/llars/infer/diagnosis/limits.json, src/llars/weights/temperatures.json, src/llars/weights/trust.json and the tables
of docs/diagnosis.md.
"""

import argparse
import sys
import time
from pathlib import Path

import torch

from llars.bench.calibration.cases import clean_scenes
from llars.bench.calibration.cloud_dates import compare_dates, dates_of
from llars.bench.calibration.faults import evaluate_detection, fit_limits, hidden_share, measure
from llars.bench.calibration.page import (
    alarm_lines,
    cloud_lines,
    fault_lines,
    limit_lines,
    put_section,
    uncertainty_lines,
)
from llars.bench.calibration.trust import fitted_trust
from llars.bench.calibration.uncertainty import calibrated, collect, tasks_of
from llars.bench.cases import Scene
from llars.errors import LlarsError
from llars.infer.diagnosis.limits import MEASUREMENTS, PICTURES, keep_limits
from llars.infer.restorer import load
from llars.weights.temperatures import keep_calibrations
from llars.weights.trust import keep_trust

PAGE = Path(__file__).parents[1] / "docs" / "diagnosis.md"

FAULTS_CROP, UNCERTAINTY_CROP = 192, 128
"""Largest side of the scenes in pixels, for each of the two parts."""


def say(line: str) -> None:
    """Report progress."""
    print(line, file=sys.stderr, flush=True)


def calibrate_faults(data: Path) -> None:
    """Fit and judge the diagnosis."""
    clean = []
    for number, scene in enumerate(clean_scenes(data, ("train", "val"), FAULTS_CROP)):
        clean.append(measure(scene, number))
        say(f"{scene.name}: measured")
    limits = {
        kind: fit_limits([one for one in clean if one.picture == (kind == PICTURES)])
        for kind in (MEASUREMENTS, PICTURES)
    }
    keep_limits(limits)
    put_section(PAGE, "limits", [f"Fitted on {len(clean)} scenes.", "", *limit_lines(limits)])
    alarms, judged = evaluate_detection(list(clean_scenes(data, ("test",), FAULTS_CROP, corners=True)), limits, say)
    put_section(PAGE, "alarms", alarm_lines(alarms))
    put_section(PAGE, "faults", fault_lines(judged))
    real = cloud_lines(compare_dates(dates_of(data), lambda scene: hidden_share(scene, limits)))
    put_section(PAGE, "overcast", real)
    print("\n".join([*alarm_lines(alarms), "", *fault_lines(judged), "", *real]))


def calibrate_trust(data: Path, weights: str) -> None:
    """Fit the shares of the network's change that are applied."""
    restorer = load(weights)
    trust = fitted_trust(restorer, validation_scenes(data), say)
    keep_trust(restorer.info.sha256, trust)
    print(", ".join(f"{task} {share:g}" for task, share in trust.items()))


def validation_scenes(data: Path) -> list[Scene]:
    """Centres and corners: the split has few places, and their centres alone are too small a sample."""
    return [one for corners in (False, True) for one in clean_scenes(data, ("val",), UNCERTAINTY_CROP, corners=corners)]


def calibrate_uncertainty(data: Path, weights: str) -> None:
    """Fit and judge the calibration of the uncertainty."""
    restorer = load(weights)
    fit = validation_scenes(data)
    held_out = list(clean_scenes(data, ("test",), UNCERTAINTY_CROP))
    calibrations = calibrated(collect(restorer, fit, say), collect(restorer, held_out, say))
    keep_calibrations(restorer.info.sha256, tasks_of(calibrations))
    made = f"Weights {restorer.info.sha256[:16]}; {len(fit)} parts of scenes to fit, {len(held_out)} scenes to judge."
    put_section(PAGE, "uncertainty", [made, "", *uncertainty_lines(calibrations)])
    print("\n".join(uncertainty_lines(calibrations)))


def main() -> int:
    """The command line; returns 2 for a mistake of the user."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("data", type=Path, help="folder with a scenes.json")
    parser.add_argument("--weights", default="llars-small", help="bundled weights, or a weights file")
    parser.add_argument("--only", choices=("faults", "trust", "uncertainty"), help="one of the parts")
    parser.add_argument("--threads", type=int, default=0, help="of torch; default: as many as it likes")
    options = parser.parse_args()
    if options.threads:
        torch.set_num_threads(options.threads)
    begun = time.process_time()
    try:
        if options.only in (None, "faults"):
            calibrate_faults(options.data)
        if options.only in (None, "trust"):
            calibrate_trust(options.data, options.weights)
        if options.only in (None, "uncertainty"):
            calibrate_uncertainty(options.data, options.weights)
    except LlarsError as mistake:
        say(f"calibrate: error: {mistake}")
        return 2
    say(f"{time.process_time() - begun:.0f} s of processor time")
    return 0


if __name__ == "__main__":
    sys.exit(main())
