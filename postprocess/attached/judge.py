"""How likely a region clings to a figure: small networks that look at its evidence.

Their numbers are in `judge.npz`, made by tools/clinging_judge/training.py, which prints how well they do on
photos that they were not fitted on.
"""

from __future__ import annotations

from pathlib import Path

import numpy as np

from postprocess.attached.evidence import Evidence
from postprocess.small_networks import mean_answer

WEIGHTS = Path(__file__).with_name("judge.npz")
CLIP = 4.0
"""Evidence further than this many standard deviations off counts as this far."""
SLIM = 0.6
"""Least log of an object's height over its width: only with a figure that is seen at length are things in the
hand, at the hip and on the back told from what is behind it; in a group or a portrait they are not."""
GROUND, UNDER = 0.92, 0.5
"""What ends below this height on the object, less than this share of its upper edge under it, stands
on the ground by itself."""
MOST_OTHERS = 0.1
"""More of the outline than this at something that stays, and it belongs there."""

PACK_OTHERS, PACK_CONTACT = 0.05, 0.27  # of the outline, at what stays and at the object
PACK_HEIGHTS = (-0.1, 0.75)  # on the object
PACK_AREA = 0.06  # of the object's
PACK_SOLID = 0.78  # of the region's convex hull
PACK_ELSEWHERE = 0.1  # area of its colours elsewhere, over its own
PACK_EDGE = 20.0  # Lab units that all but a quarter of the free outline contrasts by
PACK_TINT = 0.03  # chromaticity, against what is around it: no shadow


def likelihood(evidence: Evidence) -> float:
    """0 to 1: whether a region clings to the object. evidence: of `postprocess.attached.evidence`."""
    if not looked_at(evidence):
        return 0.0
    return mean_answer(WEIGHTS, evidence, clip=CLIP)


def looked_at(evidence: Evidence) -> bool:
    """Whether the judge looks at a region at all: its place is enough to know."""
    stands = evidence["bottom"] > GROUND and evidence["upper_contact"] < UNDER
    cut_off = evidence["frame"] > 0
    return not (stands or cut_off or evidence["slim"] < SLIM or evidence["others"] > MOST_OTHERS)


def is_pack(evidence: Evidence) -> bool:
    """Whether a region is a rucksack: large, solid, along the back, of a colour that is nowhere else. It
    stands out from the figure's convex hull, as hardly any of what the networks were fitted on."""
    return (
        looked_at(evidence)
        and evidence["others"] <= PACK_OTHERS
        and evidence["contact"] >= PACK_CONTACT
        and PACK_HEIGHTS[0] <= evidence["top"] <= evidence["bottom"] <= PACK_HEIGHTS[1]
        and evidence["area"] >= np.log(PACK_AREA)
        and evidence["solid"] >= PACK_SOLID
        and evidence["elsewhere"] <= np.log(PACK_ELSEWHERE)
        and evidence["edge_25"] >= PACK_EDGE
        and evidence["tint"] >= np.log(PACK_TINT)
    )


def is_figure(mask: np.ndarray) -> bool:
    """Whether an object, bool (h, w) with some True, is slim enough for the judge."""
    rows, columns = (np.flatnonzero(mask.any(axis=axis)) for axis in (1, 0))
    return bool(np.log((np.ptp(rows) + 1) / (np.ptp(columns) + 1)) >= SLIM)
