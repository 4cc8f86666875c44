"""Which labels of a hand-over mean the classes that are wanted."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence

from segment.classes import canonical_class, means_same, nearest_classes


def labels_meant(wanted: str, labels: Iterable[str]) -> tuple[str, ...]:
    """The labels of one file that mean a wanted class: in any case and with any spaces; where there are none,
    those in another number or with another word for it ("people", "persons", "human" for "person").

    Narrower words ("woman") and wider ones are others.
    """
    known = tuple(dict.fromkeys(labels))
    same = tuple(label for label in known if means_same(wanted, label, spelling_only=True))
    return same or tuple(label for label in known if means_same(wanted, label))


class ClassChoice:
    """The classes that are wanted of a hand-over, and what its labels are taken for.

    wanted: names as they were asked for. tell: told once in one line of each label that is taken for a wanted
    class though written otherwise, and of each that is near one but left out.
    """

    def __init__(self, wanted: Sequence[str], tell: Callable[[str], None]) -> None:
        self.wanted = tuple(wanted)
        self._tell = tell
        self._told: set[str] = set()
        self._found: dict[tuple[str, ...], dict[str, str]] = {}

    def names(self, labels: Iterable[str]) -> dict[str, str]:
        """The wanted class of each label of a file that means one."""
        known = tuple(dict.fromkeys(labels))
        if known in self._found:
            return self._found[known]
        meant = {label: name for name in reversed(self.wanted) for label in labels_meant(name, known)}
        for label, name in meant.items():
            if label != name:
                self._tell_once(label, f"masks: the label {label!r} is taken for {name!r}")
        for name in self.wanted:
            narrower = [label for label in known if canonical_class(label, (name,)) is not None]
            for label in (*narrower, *nearest_classes(name, known)):
                if label not in meant:
                    self._tell_once(label, f"masks: the label {label!r} is near {name!r}, but left out")
        self._found[known] = meant
        return meant

    def _tell_once(self, label: str, text: str) -> None:
        if label not in self._told:
            self._told.add(label)
            self._tell(text)
