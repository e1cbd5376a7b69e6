"""The tasks, each with its key, its canonical sentence, its inputs and its output."""

from dataclasses import dataclass

from llars.bands import Role
from llars.errors import InstructionError

__all__ = [
    "PROJECTED_TASKS",
    "REMOVING_TASKS",
    "TASKS",
    "TASK_KEYS",
    "TONES",
    "Step",
    "Task",
    "brightness_gain",
    "get_task",
    "words_for",
]


@dataclass(frozen=True)
class Task:
    """One kind of restoration."""

    key: str
    """Name in code, files and on the command line."""

    title: str
    """One line for people: input -> output."""

    instruction: str
    """The canonical sentence that asks for it."""

    guides: tuple[Role, ...] = ()
    """Guides it needs besides the target."""

    changes_grid: bool = False
    """The output lies on a finer grid than the input."""


TASKS: tuple[Task, ...] = (
    Task("cloud", "optical -> cloud-free optical", "remove the clouds"),
    Task("cloud_sar", "optical + SAR -> cloud-free optical", "use the radar to see through the clouds", (Role.SAR,)),
    Task("haze", "optical -> clear optical", "remove the haze"),
    Task("denoise", "any image, SAR too -> clean", "reduce the noise"),
    Task("deblur", "any image -> sharp", "sharpen the blurred image"),
    Task("destripe", "any image -> stripe-free", "remove the stripes"),
    Task("sr", "optical -> finer grid (x2, x3, x4)", "double the resolution", changes_grid=True),
    Task("pansharpen", "MS + PAN -> MS on the PAN grid", "sharpen with the panchromatic band", (Role.PAN,), True),
    Task(
        "stf",
        "coarse now + fine before + coarse before -> fine now",
        "predict the fine image of the later date",
        (Role.FINE_BEFORE, Role.COARSE_BEFORE),
        True,
    ),
    Task("equalize", "optical -> equalised", "equalise the histogram"),
    Task("stretch", "optical -> stretched", "linear 2-98 % stretch"),
    Task("brightness", "optical -> brighter or darker", "brighten the image"),
)
"""All tasks; ``cloud`` and ``cloud_sar`` are one of the paper's eleven tasks, without and with a guide."""

TASK_KEYS: tuple[str, ...] = tuple(task.key for task in TASKS)
"""Keys in the order of the model's task outputs. Append only: trained weights depend on the order."""

TONES = frozenset({"equalize", "stretch"})
"""Tasks about the histogram: they need the quantiles of the whole scene."""


REMOVING_TASKS = frozenset({"denoise", "deblur", "destripe", "cloud", "cloud_sar"})
"""Tasks whose initial estimate lies on the scene's own grid and removes something from it: only their network can also
take what was removed, the residual. Elsewhere the difference is the detail of a finer grid."""

PROJECTED_TASKS = frozenset({"sr", "pansharpen"})
"""Tasks whose result keeps the means of the input's pixels. The image that ``stf`` predicts is another sensor's."""


def get_task(key: str) -> Task:
    """The task called ``key``.

    Raises:
        InstructionError: there is no such task.
    """
    for task in TASKS:
        if task.key == key:
            return task
    raise InstructionError(f"unknown task {key!r}; the tasks are {', '.join(TASK_KEYS)}")


@dataclass(frozen=True)
class Step:
    """One operation that an instruction asks for."""

    task: str
    """A task key."""

    severity: float
    """Strength in [0, 1]; for ``brightness`` in [-1, 1], negative to darken. See ``brightness_gain``."""

    text: str = ""
    """The words that asked for it."""

    scale: int = 1
    """Factor by which the grid gets finer (``sr`` only)."""

    confidence: float = 1.0
    """Probability that the words ask for this task, in [0, 1]."""

    taught: str = ""
    """An adapter's own sentence that conditions the network; empty: the plain one for task and strength.

    The user's own words never condition it: the step has been read from them, and their phrasing must not change the
    result.
    """


def brightness_gain(strength: float) -> float:
    """Factor on physical values for a brightness strength in [-1, 1]: one stop at full strength."""
    return float(2.0**strength)


SLIGHT, STRONG = 0.35, 0.7
"""Severity below which a sentence says "slightly", and from which on it says "strongly"."""

RESOLUTIONS = {2: "double the resolution", 3: "triple the resolution", 4: "quadruple the resolution"}
"""Factors by which a grid can be made finer, and the words for them."""


def words_for(task: str, severity: float, scale: int = 1) -> str:
    """The plainest sentence that asks for ``task`` with that strength; it conditions the network.

    Args:
        task: a task key.
        severity: see ``Step``.
        scale: factor of a finer grid (``sr`` only).
    """
    if task == "sr":
        return RESOLUTIONS.get(scale, get_task(task).instruction)
    words = "darken the image" if task == "brightness" and severity < 0 else get_task(task).instruction
    strength = abs(severity)
    return f"slightly {words}" if strength < SLIGHT else f"strongly {words}" if strength >= STRONG else words
