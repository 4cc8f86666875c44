"""The errors of a run. They, and those of the other packages, share the base RemovalError."""

from __future__ import annotations

from _removal_support.errors import RemovalError, describe, one_line, printable

__all__ = [
    "BusyError",
    "PlanError",
    "RemovalError",
    "ResultExistsError",
    "RunError",
    "describe",
    "one_line",
    "printable",
]


class PlanError(RemovalError, ValueError):
    """The inputs, the options and the output do not fit together; nothing was done."""


class RunError(RemovalError, RuntimeError):
    """The work as a whole cannot be done, or cannot go on."""


class BusyError(RunError):
    """Another process is at work in the same folder."""


class ResultExistsError(RemovalError, FileExistsError):
    """A file that a photo's result would be written to is there, and may not be written over."""
