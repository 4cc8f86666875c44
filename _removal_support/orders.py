"""In which order `auto` tries models: what a user sets, in the environment or in a file of settings.

The file is TOML with a table `[removal]`; its keys are kinds of models, their values names in order:

    [removal]
    inpainter = ["lama", "exemplar"]
"""

from __future__ import annotations

import os
import sys
import tomllib
from collections.abc import Callable, Collection
from pathlib import Path

from _removal_support.errors import RemovalError

CONFIG_VARIABLE = "REMOVAL_CONFIG"
PREFIX = "REMOVAL_"
KINDS = ("segmenter", "inpainter", "prompter")


class ConfigError(RemovalError, ValueError):
    """The file of settings cannot be read, or says something else than orders."""


def config_file() -> Path:
    """The user's file of settings, there or not: REMOVAL_CONFIG, or removal/config.toml in the folder of
    settings that the system has (~/.config, XDG_CONFIG_HOME or APPDATA)."""
    if given := os.environ.get(CONFIG_VARIABLE):
        return Path(given).expanduser()
    home = os.environ.get("APPDATA" if sys.platform == "win32" else "XDG_CONFIG_HOME") or "~/.config"
    return Path(home).expanduser() / "removal" / "config.toml"


def order_from(
    variable: str, default: tuple[str, ...], known: Callable[[], Collection[str]]
) -> tuple[str, ...]:
    """The order of one kind of models.

    Args:
        variable: of the environment, such as REMOVAL_INPAINTER: names separated by commas. Where it holds
            none, the file's key `inpainter` is asked.
        default: where neither says any.
        known: gives the names that there are; asked only where the user says an order.

    Raises:
        ConfigError: the file is not as it must be, or the order holds a name that nobody knows.
    """
    names, source = _found(variable)
    if not names:
        return default
    there = [name for name in known() if name != "auto"]
    if unknown := [name for name in names if name not in there]:
        raise ConfigError(f"{source}: expected names out of {', '.join(there)}, got {', '.join(unknown)}")
    return names


def order_source(variable: str) -> str:
    """Where the order is from, in words."""
    return _found(variable)[1]


def _found(variable: str) -> tuple[tuple[str, ...], str]:
    words = os.environ.get(variable, "").split(",")
    if names := tuple(word.strip() for word in words if word.strip()):
        return names, variable
    path = config_file()
    if names := _orders(path).get(variable.removeprefix(PREFIX).lower(), ()):
        return names, str(path)
    return (), "the default"


def _orders(path: Path) -> dict[str, tuple[str, ...]]:
    try:
        found = tomllib.loads(path.read_text(encoding="utf-8"))
    except FileNotFoundError as error:
        if os.environ.get(CONFIG_VARIABLE):
            raise ConfigError(f"{CONFIG_VARIABLE} names {path}, which is not there") from error
        return {}
    except (OSError, UnicodeDecodeError, tomllib.TOMLDecodeError) as error:
        raise ConfigError(f"{path}: expected a file of settings in TOML: {error}") from error
    table = found.get("removal", {})
    if not isinstance(table, dict):
        raise ConfigError(f"{path}: expected a table [removal], got {table!r}")
    if unknown := [name for name in table if name not in KINDS]:
        raise ConfigError(f"{path}: expected {', '.join(KINDS)} in [removal], got {', '.join(unknown)}")
    return {kind: _names(path, kind, value) for kind, value in table.items()}


def _names(path: Path, kind: str, value: object) -> tuple[str, ...]:
    if not isinstance(value, list) or not value or not all(isinstance(name, str) for name in value):
        raise ConfigError(f"{path}: expected {kind} as a list of names, got {value!r}")
    return tuple(value)
