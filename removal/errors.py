"""The errors of a run. They, and those of the other packages, share the base RemovalError."""

from __future__ import annotations

from _removal_support.errors import RemovalError

__all__ = ["BusyError", "PlanError", "RemovalError", "RunError"]


class PlanError(RemovalError, ValueError):
    """The inputs, the options and the output do not fit together; nothing was done."""


class RunError(RemovalError, RuntimeError):
    """The work as a whole cannot be done, or cannot go on."""


class BusyError(RunError):
    """Another process is at work in the same folder."""
