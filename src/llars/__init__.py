"""llars: bad satellite images made good, by instruction.

Every name here is imported when it is first used, so that ``import llars`` loads neither torch nor rasterio (PEP 562).
"""

from importlib import import_module
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from llars import degrade, errors, metrics
    from llars.bands import Band, Modality, Polarisation, Role, Sensor
    from llars.infer.diagnosis.findings import Finding
    from llars.infer.restorer import Restorer, load
    from llars.scene import open_scene
    from llars.sensors import get_sensor
    from llars.tasks import Step, Task
    from llars.train.tuning.tune import tune

__version__ = "0.1.0"

__all__ = [
    "Band",
    "Finding",
    "Modality",
    "Polarisation",
    "Restorer",
    "Role",
    "Sensor",
    "Step",
    "Task",
    "__version__",
    "degrade",
    "errors",
    "get_sensor",
    "load",
    "metrics",
    "open_scene",
    "tune",
]

_MODULES = frozenset({"degrade", "errors", "metrics"})

_HOMES = {
    "Band": "llars.bands",
    "Finding": "llars.infer.diagnosis.findings",
    "Modality": "llars.bands",
    "Polarisation": "llars.bands",
    "Restorer": "llars.infer.restorer",
    "Role": "llars.bands",
    "Sensor": "llars.bands",
    "Step": "llars.tasks",
    "Task": "llars.tasks",
    "get_sensor": "llars.sensors",
    "load": "llars.infer.restorer",
    "open_scene": "llars.scene",
    "tune": "llars.train.tuning.tune",
}


def __getattr__(name: str) -> Any:
    if name in _MODULES:
        return import_module(f"llars.{name}")
    if name not in _HOMES:
        raise AttributeError(f"module 'llars' has no attribute {name!r}")
    value = getattr(import_module(_HOMES[name]), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted({*globals(), *__all__})
