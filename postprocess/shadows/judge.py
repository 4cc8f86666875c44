"""How likely a dark region is an object's shadow: logistic regression on its evidence and on the squares.

The numbers are in `shadow_weights.py`, made by tools/shadow_judge/training.py, which says on what they were
fitted and prints how well they do on scenes that they were not fitted on.
"""

from __future__ import annotations

import numpy as np

from postprocess.shadows.evidence import Evidence
from postprocess.shadows.weights import BIAS, NAMES, WEIGHTS

CLIP = 3.0
"""Evidence further than this many standard deviations off counts as this far."""
CUT_OFF = 0.3
"""Of an object whose lower outline lies on the frame by more than this share the feet are not seen."""
DARK_ELSEWHERE = 0.47
"""Where more than this share of the ground around is as dark as the region, it is the ground's pattern."""
LARGEST = 3.5
"""A region larger than this many times the object is the ground."""
SHORT_FACTOR = 0.9
"""Of a whole region and one cut off at a distance, equally likely, the whole one is taken."""


def likelihood(evidence: Evidence, *, short: bool) -> float:
    """0 to 1: the root of the overlap (intersection over union) to expect of the region with the shadow.

    evidence: of `postprocess.shadows.evidence`. short: whether the region was cut off at a distance from the
    contact (a contact shadow), for which other weights hold.
    """
    if (
        evidence["cut"] > CUT_OFF
        or evidence["dark_elsewhere"] > DARK_ELSEWHERE
        or evidence["area"] > np.log(LARGEST)
    ):
        return 0.0
    kind = "contact" if short else "cast"
    centre, scale, linear, square = _TABLES[kind]
    values = np.array([evidence[name] for name in NAMES])
    normal = np.clip((values - centre) / scale, -CLIP, CLIP)
    total = BIAS[kind] + float(normal @ linear + (normal**2) @ square)
    return float(1 / (1 + np.exp(-total))) * (SHORT_FACTOR if short else 1.0)


_TABLES = {kind: np.array([table[name] for name in NAMES]).T for kind, table in WEIGHTS.items()}
