"""Figures derived from the results of a budget: means by task, ranks, and losses with rearranged bands."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass
from typing import Any

from benchmarks.rivals.sizes import LLARS
from llars.tasks import TASK_KEYS

__all__ = ["INPUT", "SHIPPED", "START", "Results", "Standing", "losses", "mean", "means"]

Results = Mapping[str, Mapping[str, Any]]

INPUT, START, SHIPPED = "degraded", "initial estimate", "shipped"
"""Columns that are not ranked: the degraded images given to the rivals, the initial estimates given to llars, and the
weights that llars ships."""


@dataclass(frozen=True)
class Standing:
    """PSNR of every task and method, in decibels."""

    psnr: dict[str, dict[str, float]]
    """PSNR by task, then by method, including the inputs of the contestants."""

    @classmethod
    def of(cls, results: Results, shipped: Mapping[str, Any] | None = None, *, seen: bool = True) -> Standing:
        """Means over batches whose sensor was ``seen`` in training, or was not; families of sensors have equal weight.

        ``shipped`` is the result of the weights that llars ships; they are listed but not ranked.
        """
        columns = {name: means(result["rows"], "restored", seen) for name, result in results.items()}
        rivals = (result["rows"] for name, result in results.items() if name != LLARS)
        given = {INPUT: next(rivals, None), START: results[LLARS]["rows"]}
        columns = {**{name: means(rows, "given", seen) for name, rows in given.items() if rows is not None}, **columns}
        if shipped is not None:
            columns[SHIPPED] = means(shipped["rows"], "restored", seen)
        tasks = [task for task in TASK_KEYS if task in columns[START]]
        return cls({task: {name: column[task] for name, column in columns.items()} for task in tasks})

    @property
    def methods(self) -> list[str]:
        """The contestants."""
        return [name for name in next(iter(self.psnr.values())) if name not in (INPUT, START, SHIPPED)]

    @property
    def columns(self) -> list[str]:
        """The contestants, and the columns that are not ranked."""
        return list(next(iter(self.psnr.values())))

    def winner(self, task: str) -> str:
        """The contestant that is best in a task."""
        return max(self.methods, key=lambda name: self.psnr[task][name])

    def mean(self, name: str) -> float:
        """Mean over tasks, in decibels."""
        return mean([row[name] for row in self.psnr.values()])

    def rank(self, name: str) -> float:
        """Mean rank over tasks, 1 for the best; equal methods share the better rank."""
        return mean([1 + sum(row[other] > row[name] for other in self.methods) for row in self.psnr.values()])

    def lost(self) -> list[str]:
        """Tasks in which a rival beats llars."""
        return [task for task in self.psnr if self.winner(task) != LLARS]


def mean(values: list[float]) -> float:
    """Arithmetic mean."""
    return sum(values) / len(values)


def means(rows: list[dict[str, Any]], column: str, seen: bool) -> dict[str, float]:
    """Mean of a column over the rows of each task."""
    return _by_task(rows, seen, lambda row: row[column])


def losses(rows: list[dict[str, Any]]) -> dict[str, dict[str, float]]:
    """Loss in dB in each task with ``shuffled`` bands, and, on the remaining bands, with the others ``missing``."""
    asked = [row for row in rows if row["shuffled"] is not None]
    return {
        "shuffled": _by_task(asked, True, lambda row: row["restored"] - row["shuffled"]),
        "missing": _by_task(asked, True, lambda row: row["whole"] - row["part"]),
    }


def _by_task(rows: list[dict[str, Any]], seen: bool, value: Callable[[dict[str, Any]], float]) -> dict[str, float]:
    found: dict[str, list[float]] = {}
    for row in rows:
        if row["seen"] == seen:
            found.setdefault(row["task"], []).append(value(row))
    return {task: mean(values) for task, values in found.items()}
