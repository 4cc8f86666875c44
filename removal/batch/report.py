"""How a run went."""

from __future__ import annotations

from collections import Counter
from dataclasses import dataclass, field
from typing import Any


@dataclass
class RunReport:
    """How a run went: photos by outcome, wall time of the work without the loading of models, and the seconds
    that each stage worked, those of its threads summed; of the files in the folders that are pictures or
    videos but cannot be read, how many have which suffix."""

    counts: Counter[str] = field(default_factory=Counter)
    seconds: float = 0.0
    busy: dict[str, float] = field(default_factory=dict)
    workers: int = 1
    batch_size: int = 1
    passed_over: dict[str, int] = field(default_factory=dict)

    @property
    def worked_on(self) -> int:
        return sum(self.counts[name] for name in ("done", "unchanged", "failed"))

    @property
    def photos_per_s(self) -> float:
        return self.worked_on / self.seconds if self.seconds else 0.0

    @property
    def shares(self) -> dict[str, float]:
        """Of all the work, what each stage had: 0 to 1."""
        total = sum(self.busy.values())
        return {name: seconds / total for name, seconds in self.busy.items()} if total else {}

    def record(self) -> dict[str, Any]:
        """The fields as JSON takes them."""
        fields = {
            "photos": dict(self.counts),
            "seconds": round(self.seconds, 3),
            "photos_per_s": round(self.photos_per_s, 3),
            "busy_seconds": {name: round(seconds, 3) for name, seconds in self.busy.items()},
            "shares": {name: round(share, 4) for name, share in self.shares.items()},
            "workers": self.workers,
            "batch_size": self.batch_size,
        }
        return fields | ({"passed_over": self.passed_over} if self.passed_over else {})
