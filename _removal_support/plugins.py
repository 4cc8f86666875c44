"""Models of other distributions, found by their entry points and imported when they are used."""

from __future__ import annotations

from collections.abc import Callable, Collection
from functools import cache
from importlib.metadata import EntryPoint, entry_points
from typing import TypeVar

from _removal_support.errors import RemovalError

Record = TypeVar("Record")


class PluginError(RemovalError, ValueError):
    """Another distribution's model that cannot be used; the message names the distribution."""


class UnknownModelError(RemovalError, ValueError):
    """No model has that name; the message lists those that there are."""

    @classmethod
    def of(cls, name: str, known: Collection[str], *, option: str) -> UnknownModelError:
        """The error for a name that is not among the known ones; option: as in `RemovalError`."""
        return cls(f"expected one of {', '.join(known)}, got {name!r}", option=option)


@cache
def _found(group: str) -> dict[str, tuple[EntryPoint, ...]]:
    by_name: dict[str, tuple[EntryPoint, ...]] = {}
    for entry in entry_points(group=group):
        if entry not in by_name.get(entry.name, ()):
            by_name[entry.name] = (*by_name.get(entry.name, ()), entry)
    return by_name


def plugin_names(group: str) -> tuple[str, ...]:
    """The names that installed distributions register in a group, by alphabet; nothing is imported."""
    return tuple(sorted(_found(group)))


def load_plugin(group: str, name: str, *, taken: Collection[str]) -> object:
    """What a distribution registers by this name.

    Args:
        group: of entry points, such as "removal.inpainters".
        name: one of `plugin_names`.
        taken: names of our own, which nobody else may take.

    Raises:
        PluginError: two distributions register the name, or it is one of ours, or its module cannot be
            imported.
    """
    entries = _found(group)[name]
    owners = [_owner(entry) for entry in entries]
    if name in taken:
        raise PluginError(
            f"expected a name of its own in {group}, but {owners[0]} takes {name!r}, a name of ours"
        )
    if len(entries) > 1:
        raise PluginError(
            f"expected one {name!r} in {group}, but {' and '.join(owners)} both register it: uninstall one"
        )
    try:
        return entries[0].load()
    except Exception as error:  # somebody else's code: whatever it raises, its name is what helps
        raise PluginError(
            f"{name!r} of {owners[0]} cannot be imported: {type(error).__name__}: {error}"
        ) from error


def plugin_record(group: str, name: str, kind: type[Record], *, taken: Collection[str]) -> Record:
    """The record that a distribution registers by this name; a builder alone gets one made of both.

    Args:
        group, name, taken: as `load_plugin` takes them.
        kind: the class of the records, called with a name and a builder.

    Raises:
        PluginError: as `load_plugin` raises it, and for a value that is neither.
    """
    build: Callable[..., Record] = kind
    found = load_plugin(group, name, taken=taken)
    if isinstance(found, kind):
        return found
    if callable(found):
        return build(name, found)
    article = "an" if kind.__name__[0] in "AEIOU" else "a"
    raise PluginError(
        f"expected {article} {kind.__name__} or a builder as {name!r}, got {type(found).__name__}"
    )


def _owner(entry: EntryPoint) -> str:
    distribution = entry.dist
    return f"{distribution.name} {distribution.version}" if distribution else entry.value
