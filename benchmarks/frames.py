"""How long the way of one photo is: frames between `main` and the first algorithm, and who handles the photo.

    python -m benchmarks.frames                          # this checkout
    PYTHONPATH=OTHER python benchmarks/frames.py         # another one, the file given by its path

Runs the command in this process under `sys.setprofile`, on one small photo, once with a box and once with a
class (a stub finds the object, so that no weights are needed), both filled by Telea. Counted are

- the stack when the mask is refined (`refine_mask`), when the inpainter is asked to fill (`fill`) and when it
  fills (`fill_window`) for the first time: the frames between `main` and these, once ours alone (of the five
  packages), once all, click's four among them;
- the functions of ours through which the photo passes from the command to the fill, in whatever form: its
  path, its job, its task, its pixels, or a list with one of these. A photo passes through a function that is
  given it and gives it back, and through all that are on the stack of the fill, which is not counted itself.
  What is given it and answers a question (is it a folder?) is listed apart; what reads the file's format and
  refines the mask is left out;
- the files of ours with a function that ran, and the lines in them.
"""

from __future__ import annotations

import sys
import tempfile
from collections.abc import Iterator, Sequence
from contextlib import contextmanager, redirect_stdout
from dataclasses import dataclass, field
from io import StringIO
from pathlib import Path
from types import CodeType, FrameType
from typing import Any

PACKAGES = ("removal", "segment", "postprocess", "inpaint", "_removal_support", "backend")
APART = ("removal/images", "postprocess")  # how a file is read and a mask is refined are ways of their own
TARGETS = ("refine_mask", "fill", "fill_window")
CARRIES = ("source", "path", "job", "item", "photo", "image")  # attributes by which an object holds the photo
HEIGHT, WIDTH = 64, 96


@dataclass
class Way:
    """What was seen of one run. stacks: by what was called, the frames from `main` on, outermost first."""

    root: Path
    photo: Path
    stacks: dict[str, list[CodeType]] = field(default_factory=dict)
    given: dict[CodeType, None] = field(default_factory=dict)  # in the order of their first call
    giving: set[CodeType] = field(default_factory=set)
    files: set[Path] = field(default_factory=set)

    def watch(self, frame: FrameType, event: str, value: object) -> None:
        """Called by the interpreter at each call and return; a generator's are its steps."""
        code = frame.f_code
        if event not in ("call", "return") or (name := self.name_of(code)) is None:
            return
        if event == "return":
            if self.holds(value):
                self.giving.add(code)
            return
        self.files.add(Path(code.co_filename))
        if code.co_name in TARGETS and name.startswith(("inpaint", "postprocess")):
            self.stacks.setdefault(code.co_name, stack_of(frame))
        if "fill" not in self.stacks and self.is_given_the_photo(frame):
            self.given.setdefault(code)

    def name_of(self, code: CodeType) -> str | None:
        """The function by its file and name where it is ours, else None."""
        try:
            file = Path(code.co_filename).relative_to(self.root)
        except ValueError:
            return None
        return f"{file}:{code.co_qualname}" if file.parts[0] in PACKAGES else None

    def is_given_the_photo(self, frame: FrameType) -> bool:
        code = frame.f_code
        count = code.co_argcount + code.co_kwonlyargcount + bool(code.co_flags & 0x04)
        names = [name for name in code.co_varnames[:count] if name not in ("self", "cls")]
        return any(self.holds(frame.f_locals.get(name)) for name in names)

    def holds(self, value: Any, depth: int = 3) -> bool:
        """Whether a value is the photo, or has it in it: a few steps down, and no deeper."""
        if isinstance(value, Path):
            return value == self.photo
        if type(value).__name__ == "ndarray":
            return value.shape == (HEIGHT, WIDTH, 3)
        if depth == 0 or isinstance(value, str | bytes | int | float | None):
            return False
        if isinstance(value, list | tuple):
            return any(self.holds(one, depth - 1) for one in value[:4])
        fields = vars(value) if hasattr(value, "__dict__") and not isinstance(value, type) else {}
        return any(self.holds(fields[name], depth - 1) for name in CARRIES if name in fields)


def stack_of(frame: FrameType | None) -> list[CodeType]:
    """The frames between `main` of the command line and this one, both left out, outermost first."""
    found: list[CodeType] = []
    frame = frame.f_back if frame else None
    while frame is not None and not (
        frame.f_code.co_name == "main"
        and "cli" in frame.f_code.co_filename
        and "click" not in frame.f_code.co_filename
    ):
        found.append(frame.f_code)
        frame = frame.f_back
    return found[::-1]


class Stub:
    """A segmenter that finds one person in the middle of every photo."""

    name, description, fallback, classes = "stub", "stub", None, ("person",)

    def __call__(self, images: Sequence[Any], **_: object) -> list[Any]:
        import numpy as np

        from segment import Detections

        mask = np.zeros((HEIGHT, WIDTH), bool)
        mask[20:44, 30:60] = True
        return [Detections.from_masks([mask], ["person"], [0.9]) for _ in images]


@contextmanager
def arguments(words: Sequence[str]) -> Iterator[None]:
    kept = sys.argv
    sys.argv = ["remove", *words]
    try:
        yield
    finally:
        sys.argv = kept


def walk(words: Sequence[str], folder: Path) -> Way:
    """Runs the command with these words and the photo, and returns what was seen."""
    import numpy as np
    from PIL import Image

    import segment
    from removal.cli.main import main

    segment.load_segmenter = lambda *_, **__: Stub()  # type: ignore[assignment]
    photo = folder / "photo.png"
    pixels = np.random.default_rng(0).integers(0, 255, (HEIGHT, WIDTH, 3), np.uint8)
    pixels[20:44, 30:60] = 255
    Image.fromarray(pixels).save(photo)
    way = Way(Path(segment.__file__).resolve().parents[1], photo)
    with (
        arguments([*words, str(photo), "-o", str(folder / "result.png"), "--overwrite"]),
        redirect_stdout(StringIO()),
    ):
        sys.setprofile(way.watch)
        try:
            main()
        except SystemExit as ended:
            if ended.code:
                raise
        finally:
            sys.setprofile(None)
    return way


def report(title: str, way: Way) -> list[str]:
    lines = [f"## {title}"]
    for target, stack in way.stacks.items():
        ours = [name for code in stack if (name := way.name_of(code))]
        click = [code.co_qualname for code in stack if "click" in code.co_filename]
        lines += [
            f"{len(ours)} frames of ours between main and {target}, {len(stack)} of all "
            f"(click: {' > '.join(click)})",
            *(f"    {name}" for name in ours),
        ]
    on_the_stack = {way.name_of(code) for code in way.stacks["fill"]}
    codes = dict.fromkeys([*way.given, *way.stacks["fill"]])
    named = {name: code for code in codes if (name := way.name_of(code)) and not name.startswith(APART)}
    passed = [name for name, code in named.items() if code in way.giving or name in on_the_stack]
    lines += [
        f"the photo passes through {len(passed)} functions of ours up to the fill; * = on its stack",
        *(f"  {'*' if name in on_the_stack else ' '} {name}" for name in passed),
        f"and {len(named) - len(passed)} more are asked something of it:",
        "    " + ", ".join(name.partition(":")[2] for name in named if name not in passed),
    ]
    count = sum(len(file.read_text(encoding="utf-8").splitlines()) for file in way.files)
    return [*lines, f"{len(way.files)} files of ours were run through, {count} lines in them", ""]


def main() -> None:
    with tempfile.TemporaryDirectory() as folder:
        place = Path(folder).resolve()
        box, person = (["--box", "28,18,36,30"], ["--class", "person"])
        for words in (box, person):
            words += ["--inpainter", "telea"]
            walk(words, place)  # once before, for what is imported is not on the way
            print("\n".join(report(f"remove {' '.join(words)} photo.png", walk(words, place))))


if __name__ == "__main__":
    main()
