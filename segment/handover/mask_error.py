"""What is wrong with a mask that another team made."""

from __future__ import annotations

from typing import Literal

from _removal_support.errors import RemovalError

Reason = Literal["missing", "several", "unreadable", "size", "empty", "polarity", "labels", "path"]


class MaskError(RemovalError, ValueError):
    """A photo's mask cannot be used; the message is one line that names the file and the cause.

    reason: "missing" or "several" (no single mask for the photo), "unreadable" (corrupt, or no mask at all),
    "size" (another shape than the photo's), "empty" (no pixel is marked), "polarity" (the other way round
    than the rest), "labels" (a label map, and no label was given), "path" (names a file outside its folder).
    """

    def __init__(self, message: str, reason: Reason, *, option: str | None = None) -> None:
        super().__init__(message, option=option)
        self.reason: Reason = reason

    def __reduce__(self) -> tuple[object, ...]:
        return MaskError, (str(self), self.reason), self.__dict__
