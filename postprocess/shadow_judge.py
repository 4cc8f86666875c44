"""How likely a dark region is an object's shadow: logistic regression on its evidence and on the squares.

The numbers were fitted by benchmarks/shadow_judge.py, which says on what, and how well they do on scenes that
they were not fitted on.
"""

from __future__ import annotations

from collections.abc import Mapping

import numpy as np

CLIP = 3.0
"""Evidence further than this many standard deviations off counts as this far."""


def likelihood(evidence: Mapping[str, float]) -> float:
    """0 to 1: the expected overlap (intersection over union) of the region with the true shadow.

    evidence: the numbers of `postprocess.shadow_evidence`, one for each name of `WEIGHTS`.
    """
    centre, scale, linear, square = _TABLE
    values = np.array([evidence[name] for name in WEIGHTS])
    normal = np.clip((values - centre) / scale, -CLIP, CLIP)
    total = BIAS + float(normal @ linear + (normal**2) @ square)
    return float(1 / (1 + np.exp(-total)))


# name: mean, standard deviation, weight, weight of the square
WEIGHTS = {
    "dark": (0.7441, 0.5465, -0.064, 0.046),
    "red_blue": (-0.04843, 0.4442, 0.123, -0.074),
    "green": (-0.009966, 0.1957, 0.037, -0.015),
    "legs": (0.8552, 0.6095, -0.011, -0.089),
    "ground": (4.787, 0.5359, -0.088, -0.023),
    "growth": (1.19, 0.7637, -0.127, -0.009),
    "edge": (0.5794, 0.3412, 0.011, -0.031),
    "edge_share": (0.6394, 0.2785, -0.044, -0.041),
    "edge_least": (0.3321, 0.2545, -0.012, -0.038),
    "texture": (0.5084, 0.7878, 0.065, 0.040),
    "ground_texture": (0.08043, 0.0701, -0.113, 0.001),
    "even": (1.019, 1.277, 0.013, -0.020),
    "ground_even": (0.607, 0.5678, -0.293, 0.005),
    "area": (0.2892, 2.014, -0.183, -0.405),
    "reach": (1.008, 0.6025, -0.284, -0.060),
    "above": (0.3251, 0.2732, -0.284, 0.012),
    "under": (0.5026, 0.3075, -0.073, 0.121),
    "depth": (0.004139, 0.2295, 0.092, -0.078),
    "met": (0.8408, 0.2797, 0.143, -0.023),
    "frame": (1.411, 2.021, -0.040, -0.090),
    "hugging": (0.215, 0.2786, 0.244, -0.237),
    "solid": (0.7581, 0.2678, -0.155, -0.081),
    "touching": (0.01034, 0.05608, -0.221, -0.321),
    "cut": (0.03129, 0.1496, 0.008, -0.009),
    "tall": (0.5093, 0.3801, 0.020, -0.002),
    "dark_elsewhere": (0.1494, 0.1905, -0.184, 0.001),
    "sides": (0.2583, 0.359, -0.055, 0.046),
}
BIAS = -1.424
_TABLE = np.array(list(WEIGHTS.values())).T
