"""The one base of every error that is meant for the person who uses the program, and errors in words."""

from __future__ import annotations

from pathlib import Path

# Control characters, line separators, and what turns the direction of writing.
_STEERING = (*range(32), *range(127, 160), *range(0x2028, 0x202F), *range(0x2066, 0x206A))
_CONTROLS = {code: repr(chr(code))[1:-1] for code in _STEERING}


def one_line(text: str) -> str:
    """The text on one line, control characters written out: names and metadata of foreign files may hold
    line ends, and what steers a terminal."""
    return printable(" ".join(text.split()))


def printable(text: str) -> str:
    """The text with its control characters written out, and its spaces as they are."""
    return text.translate(_CONTROLS)


def describe(error: BaseException, path: Path | None = None) -> str:
    """An error as one line that says the cause, and where `path` is given names that file.

    An error of a kind that is no message to people (KeyError, MemoryError) is called by its name too.
    """
    if isinstance(error, OSError) and error.strerror:
        file = error.filename or path
        text = one_line(error.strerror)
        text = text if file is None else f"{text}: '{printable(str(file))}'"
    else:
        text = one_line(str(error))
    # OpenCV's class is called "error" and no more, which tells nobody anything.
    is_message = isinstance(
        error, (ValueError, TypeError, OSError, RuntimeError, FloatingPointError, RemovalError)
    )
    if not text or not (is_message or type(error).__name__ == "error"):
        text = f"{type(error).__name__} {text}".rstrip()
    if path is None or printable(str(path)) in text:
        return text
    return f"{printable(str(path))}: {text}"


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
