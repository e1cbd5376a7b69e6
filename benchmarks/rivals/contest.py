"""The contest: every contestant trained on the same batches, for the same processor time and for as many samples."""

from __future__ import annotations

import hashlib
import json
import subprocess
from collections.abc import Mapping, Sequence
from dataclasses import asdict, dataclass, fields
from functools import cache
from pathlib import Path
from typing import Any

import torch
import yaml

from benchmarks.corpora import fingerprint, select
from benchmarks.ours import Ours
from benchmarks.rivals.cost import cost
from benchmarks.rivals.sizes import CONTESTANTS, LLARS
from benchmarks.rivals.transfer import Sights, measured
from benchmarks.training import train
from llars.data.mix import Mixer, Recipe
from llars.errors import ConfigError
from llars.files import write_whole
from llars.train.bundled import estimators, instructions
from llars.weights.registry import find, load_network

__all__ = [
    "KEPT",
    "SAMPLES",
    "SHIPPED",
    "TIME",
    "Contest",
    "Field",
    "enter",
    "hold",
    "read_json",
    "results",
    "write_json",
]

REPOSITORY = Path(__file__).parents[2]
KEPT = Path("benchmarks/rivals/results")
"""Folder of the contest of ``docs/contest.md``, so that it can be continued: results are in git, checkpoints not."""

TIME, SAMPLES, SHIPPED = "time", "samples", "shipped"
"""Names of the budgets: equal processor time, equal number of samples; and the weights that llars ships."""

RATE = 1.2e-3
"""Peak learning rate of all contestants: that of ``configs/train/small.yaml``."""


@dataclass(frozen=True)
class Contest:
    """Settings shared by all contestants; stored in the folder of the run, which belongs to a single contest."""

    corpus: str
    """SHA-256 of the manifest of the corpus."""

    without: str | None
    """Sensors whose names begin with this are left out of training."""

    seed: int
    batch_size: int
    commit: str
    """Commit of the code; with a plus sign if there are uncommitted changes."""

    @classmethod
    def at(cls, corpus: Path, without: str | None, seed: int, batch_size: int) -> Contest:
        """The contest on this corpus, with the current code."""
        return cls(fingerprint(corpus), without, seed, batch_size, _commit())

    def keep(self, run: Path) -> None:
        """Records the contest in its folder.

        Raises:
            ConfigError: the folder holds another contest.
        """
        file = run / "contest.json"
        if file.exists():
            kept = read_json(file)
            # The code may change between contestants: the report names the commit of each result.
            for field in fields(self):
                if field.name != "commit" and kept[field.name] != getattr(self, field.name):
                    raise ConfigError(
                        f"{run} holds a contest with {field.name} {kept[field.name]}, asked for "
                        f"{getattr(self, field.name)}; name another --out"
                    )
            return
        write_json(file, asdict(self))


@dataclass(frozen=True)
class Field:
    """What the contestants of a contest are trained and scored on, with initial estimates or without."""

    contest: Contest
    corpus: Path
    """Folder that ``llars data build`` wrote."""

    shares: Mapping[str, float]
    """Shares of the tasks in the batches."""

    def sights(self, estimated: bool) -> Sights:
        """The held-out batches."""
        return _sights(self.corpus, self.contest.without, estimated)

    def mixer(self, estimated: bool) -> Mixer:
        """The training batches, the same for all contestants but for the initial estimates."""
        return Mixer(
            select(self.corpus / "train", self.contest.without, "train"),
            instructions(),
            Recipe(self.shares),
            self.contest.batch_size,
            seed=self.contest.seed,
            estimators=estimators() if estimated else None,
        )


@cache
def _sights(corpus: Path, without: str | None, estimated: bool) -> Sights:
    return Sights.of(corpus, instructions(), without, estimated)


def hold(
    contest: Contest,
    corpus: Path,
    run: Path,
    names: Sequence[str],
    cpu_minutes: float | None,
    steps: int | str | None,
) -> None:
    """Trains and scores what has no result yet. ``steps`` may be ``least``: the fewest that any did in equal time."""
    contest.keep(run)
    field = Field(contest, corpus, yaml.safe_load((REPOSITORY / "configs/train/small.yaml").read_text())["tasks"])
    if cpu_minutes is not None:
        for name in names:
            enter(field, name, run / TIME / name, {"cpu_minutes": cpu_minutes})
    if steps is not None:
        count = least(run) if steps == "least" else int(steps)
        for name in names:
            file, timed = run / SAMPLES / name / "result.json", results(run, TIME).get(name)
            # The slowest contestant has done this number of steps already, with a schedule that ended there.
            if timed is not None and timed["steps"] == count and not file.exists():
                write_json(file, {**timed, "budget": {"steps": count}})
            enter(field, name, file.parent, {"steps": count})
    if LLARS in names:
        _show(field, run / SHIPPED / LLARS / "result.json")


def least(run: Path) -> int:
    """The fewest steps that any contestant did with the budget of equal time.

    Raises:
        ConfigError: not all contestants have been trained with that budget.
    """
    found = results(run, TIME)
    missing = sorted(set(CONTESTANTS) - set(found))
    if missing:
        raise ConfigError(f"{run}: {', '.join(missing)} not yet trained for the same time; run --cpu-minutes first")
    return min(int(result["steps"]) for result in found.values())


def results(run: Path, budget: str) -> dict[str, dict[str, Any]]:
    """The existing results of a budget, by contestant."""
    files = {name: run / budget / name / "result.json" for name in CONTESTANTS}
    return {name: read_json(file) for name, file in files.items() if file.exists()}


def enter(field: Field, name: str, folder: Path, budget: dict[str, Any]) -> None:
    """Trains and scores one contestant, unless its result exists."""
    file = folder / "result.json"
    if file.exists():
        kept = read_json(file)["budget"]
        if kept != budget:
            raise ConfigError(f"{file} is of the budget {kept}, asked for {budget}; name another --out")
        return
    print(f"{folder.parent.name}: {name}", flush=True)
    torch.manual_seed(field.contest.seed)
    contestant = CONTESTANTS[name]()
    trained = train(
        contestant,
        field.mixer(contestant.from_initial_estimates),
        **budget,
        seed=field.contest.seed,
        learning_rate=RATE,
        checkpoint=folder / "last.safetensors",
        log=folder / "log.csv",
    )
    sights, timed = field.sights(contestant.from_initial_estimates), folder.parent.name == TIME
    # Other sensors and rearranged bands are measured for one budget only.
    rows = measured(contestant, sights if timed else sights.known(field.shares), bands=timed)
    result = {"budget": budget, "commit": field.contest.commit, **asdict(trained), **asdict(cost(contestant))}
    write_json(file, {**result, "rows": rows})


def _show(field: Field, file: Path) -> None:
    """Scores the weights that llars ships, unless their result exists. They may know the sensor that is left out."""
    path = find(LLARS)
    weights = hashlib.sha256(path.read_bytes()).hexdigest()
    if file.exists() and read_json(file)["weights"] == weights:
        return
    network, _ = load_network(path)
    shipped = Ours(network.config)
    shipped.network.load_state_dict(network.state_dict())
    sights = field.sights(shipped.from_initial_estimates)
    write_json(file, {"weights": weights, "rows": measured(shipped, sights, bands=True)})


def read_json(file: Path) -> dict[str, Any]:
    """The object in a file."""
    found: dict[str, Any] = json.loads(file.read_text())
    return found


def write_json(file: Path, content: dict[str, Any]) -> None:
    """Writes a JSON file atomically."""
    file.parent.mkdir(parents=True, exist_ok=True)
    write_whole(file, json.dumps(content, indent=1) + "\n")


def _commit() -> str:
    def git(*words: str) -> str:
        return subprocess.run(
            ["git", *words], cwd=REPOSITORY, capture_output=True, text=True, check=True
        ).stdout.strip()

    try:
        return git("rev-parse", "--short", "HEAD") + ("+" if git("status", "--porcelain", "src", "benchmarks") else "")
    except (OSError, subprocess.CalledProcessError):
        return "unknown"
