"""The one base of every error that is meant for the person who uses the program."""

from __future__ import annotations

_CONTROLS = {code: repr(chr(code))[1:-1] for code in (*range(32), *range(127, 160), 0x2028, 0x2029)}


def one_line(text: str) -> str:
    """The text on one line, control characters written out: names and metadata of foreign files may hold
    line ends, and what steers a terminal."""
    return " ".join(text.split()).translate(_CONTROLS)


class RemovalError(Exception):
    """Something that the user can mend; the message is one line: what was expected, what came, what to do.

    Derived classes also derive from ValueError, RuntimeError or OSError, as suits them.

    option: the setting that the error is about, by its name in the options' dataclass, such as "masks"; None
    = none in particular. The library never names flags of the command line in a message: the command line
    puts the flag of `option` in front.
    """

    def __init__(self, message: str, *, option: str | None = None) -> None:
        super().__init__(one_line(message))
        self.option = option

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self),), self.__dict__
