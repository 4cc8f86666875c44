"""How likely a dark region is an object's shadow: a few rules, and small networks that look at its evidence.

The networks' numbers are in `judge.npz`, made by tools/shadow_judge/training.py, which says on what they were
fitted and prints how well they do on scenes that they were not fitted on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from postprocess.shadows.evidence import Evidence
from postprocess.small_networks import mean_answer

WEIGHTS = Path(__file__).with_name("judge.npz")
CLIP = 3.0
"""Evidence further than this many standard deviations off counts as this far."""
CUT_OFF = 0.3
"""Of an object whose lower outline lies on the frame by more than this share the feet are not seen."""
DARK_ELSEWHERE = 0.47
"""Where more than this share of the ground around is as dark as the region, it is the ground's pattern."""
LARGEST = 3.5
"""A region larger than this many times the object is the ground."""
MOST_SIDES = 2
"""A region that runs out of the photo over more of its sides than this is the ground, too."""
LEAST_EDGE = 0.1
"""Where the light changes by less than this share of the darkening across the outline there is no outline."""


def likelihood(evidence: Evidence, *, short: bool) -> float:
    """0 to 1: the root of the overlap (intersection over union) to expect of the region with the shadow.

    evidence: of `postprocess.shadows.evidence`. short: whether the region was cut off at a distance from the
    contact (a contact shadow).
    """
    if is_ruled_out(evidence):
        return 0.0
    return mean_answer(WEIGHTS, evidence, clip=CLIP, further=(float(short),))


def is_ruled_out(evidence: Evidence) -> bool:
    """Whether the region is no shadow whatever else speaks for it: the feet or the whole object are not seen,
    it is the ground or its pattern, or it has no outline."""
    return bool(
        evidence["cut"] > CUT_OFF
        or evidence["held"] > 0
        or evidence["dark_elsewhere"] > DARK_ELSEWHERE
        or evidence["area"] > np.log(LARGEST)
        or evidence["photo_sides"] > MOST_SIDES
        or evidence["edge"] < LEAST_EDGE
    )
