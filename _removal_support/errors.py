"""The one base of every error that is meant for the person who uses the program."""

from __future__ import annotations


class RemovalError(Exception):
    """Something that the user can mend; the message is one line: what was expected, what came, what to do.

    Derived classes also derive from ValueError, RuntimeError or OSError, as suits them.

    option: the setting that the error is about, by its name in the options' dataclass, such as "masks"; None
    = none in particular. The library never names flags of the command line in a message: the command line
    puts the flag of `option` in front.
    """

    def __init__(self, message: str, *, option: str | None = None) -> None:
        super().__init__(" ".join(message.split()))
        self.option = option

    def __reduce__(self) -> tuple[object, ...]:
        return type(self), (str(self),), self.__dict__
