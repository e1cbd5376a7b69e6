"""Files of settings: YAML with ``key: value`` lines, which ``key=value`` arguments override."""

from __future__ import annotations

import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from llars.errors import ConfigError

__all__ = ["check_least", "read_overrides", "read_settings", "to_number"]


def read_settings(path: str | Path, example: str, overrides: Sequence[str] = ()) -> dict[str, Any]:
    """The settings in a YAML file; see ``read_overrides``.

    Args:
        path: the file.
        example: a file or folder of such settings, which messages name.
        overrides: ``key=value`` arguments.

    Raises:
        ConfigError: the file cannot be read, or does not hold settings, or an override is not one.
    """
    import yaml

    try:
        found = yaml.safe_load(Path(path).read_text(encoding="utf-8"))
    except FileNotFoundError:
        raise ConfigError(f"no configuration at {path}; see {example} for one to start from") from None
    except OSError as fault:
        problem = "is a folder" if Path(path).is_dir() else f"cannot be read ({fault.strerror})"
        raise ConfigError(f"{path} {problem}; give a YAML file of settings, see {example}") from None
    except (yaml.YAMLError, UnicodeDecodeError) as fault:
        raise ConfigError(f"{path} is not YAML ({' '.join(str(fault).split())}); compare with {example}") from None
    if not isinstance(found, dict):
        kind = "nothing" if found is None else "a list" if isinstance(found, list) else "a single value"
        raise ConfigError(f"found {kind} in {path}, expected lines of key: value; compare with {example}")
    return {**{str(key): value for key, value in found.items()}, **read_overrides(overrides)}


def read_overrides(words: Sequence[str]) -> dict[str, Any]:
    """The settings in ``key=value`` arguments, whose values are YAML too.

    Raises:
        ConfigError: an argument is something else.
    """
    import yaml

    found = {}
    for word in words:
        key, equals, value = word.partition("=")
        try:
            found[key] = yaml.safe_load(value)
        except yaml.YAMLError:
            equals = ""
        if not (key and equals):
            raise ConfigError(f"{word!r} is not readable as a setting; expected key=value, the value as in YAML")
    return found


def to_number(key: str, value: Any, kind: type[int] | type[float]) -> int | float:
    """The value of a setting as a number; also from text, because YAML 1.1 reads 2e-3 as text.

    Raises:
        ConfigError: it is none, or no whole one where ``kind`` is int.
    """
    try:
        number = kind(value)
        if isinstance(value, bool) or (isinstance(value, float) and number != value) or not math.isfinite(number):
            raise ValueError
    except (TypeError, ValueError, OverflowError):
        wanted = "int, a whole number" if kind is int else "float, a number"
        raise ConfigError(f"{key}={value!r} is not what was expected: {wanted}") from None
    return number


def check_least(settings: Any, least: Mapping[str, float]) -> None:
    """Check that attributes of ``settings`` that are not None are no less than the values in ``least``.

    Raises:
        ConfigError: one is less; the message names it.
    """
    for name, lowest in least.items():
        value = getattr(settings, name)
        if value is not None and value < lowest:
            raise ConfigError(f"{name}={value}; expected {lowest:g} or more")
