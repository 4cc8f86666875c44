"""Trunk, head, hair and bag of the figure as stacks of level ellipses, from the top down, in metres."""

import numpy as np

from benchmarks.scene.look import Look
from benchmarks.scene.surfaces import spline

# fmt: off
SHIRT = np.array([  # above the hip joint, half breadth, half depth, front
    [0.604, 0.058, 0.057, -0.006], [0.588, 0.064, 0.061, -0.008], [0.574, 0.076, 0.066, -0.010],
    [0.562, 0.096, 0.072, -0.012], [0.550, 0.122, 0.079, -0.012], [0.538, 0.146, 0.086, -0.010],
    [0.522, 0.168, 0.094, -0.008], [0.496, 0.184, 0.105, -0.002], [0.450, 0.191, 0.119, 0.006],
    [0.400, 0.187, 0.127, 0.012], [0.330, 0.177, 0.124, 0.014], [0.250, 0.165, 0.117, 0.010],
    [0.150, 0.160, 0.112, 0.004], [0.050, 0.168, 0.117, 0.000], [-0.040, 0.178, 0.124, -0.004],
    [-0.090, 0.180, 0.125, -0.004],
])
HIPS = np.array([  # above the hip joint, half breadth, half depth
    [0.12, 0.150, 0.108], [0.0, 0.166, 0.118], [-0.06, 0.170, 0.119], [-0.11, 0.150, 0.105],
])
HEAD = np.array([  # above the chin, half breadth, half depth, front
    [0.2250, 0.006, 0.008, -0.016], [0.2240, 0.018, 0.024, -0.016], [0.2215, 0.029, 0.037, -0.015],
    [0.2170, 0.040, 0.050, -0.015], [0.2060, 0.053, 0.067, -0.013], [0.1950, 0.061, 0.077, -0.012],
    [0.1800, 0.068, 0.085, -0.010], [0.1500, 0.075, 0.094, -0.007], [0.1200, 0.077, 0.096, -0.004],
    [0.0950, 0.074, 0.092, 0.000], [0.0700, 0.069, 0.083, 0.008], [0.0450, 0.062, 0.069, 0.022],
    [0.0220, 0.049, 0.050, 0.040], [0.0080, 0.034, 0.034, 0.052], [0.0000, 0.016, 0.018, 0.060],
])
LONG_HAIR = np.array([  # as HEAD, below the ears
    [0.06, 0.082, 0.060, -0.030], [0.00, 0.084, 0.050, -0.045], [-0.06, 0.086, 0.044, -0.055],
    [-0.12, 0.080, 0.036, -0.065], [-0.17, 0.060, 0.026, -0.075],
])
NOSE = np.array([  # left, above the chin, front, radius
    [0, 0.122, 0.081, 0.008], [0, 0.097, 0.092, 0.009], [0, 0.080, 0.099, 0.0105], [0, 0.073, 0.090, 0.011],
])
EAR = np.array([  # left (1 = half the head), above the chin, front, radius
    [1, 0.118, -0.022, 0.012], [1, 0.105, -0.026, 0.017], [1, 0.085, -0.018, 0.013],
    [1, 0.072, -0.012, 0.008],
])
BACKPACK = np.array([  # above the hip joint, half breadth, half depth
    [0.525, 0.030, 0.015], [0.52, 0.060, 0.030], [0.505, 0.095, 0.052], [0.475, 0.122, 0.070],
    [0.40, 0.142, 0.084], [0.22, 0.148, 0.092], [0.12, 0.146, 0.088],
    [0.085, 0.135, 0.070], [0.07, 0.10, 0.04],
])
TOTE = np.array([
    [0.080, 0.028, 0.115], [0.07, 0.036, 0.135], [0.0, 0.046, 0.145], [-0.10, 0.052, 0.148],
    [-0.16, 0.050, 0.145], [-0.18, 0.040, 0.13], [-0.185, 0.02, 0.11],
])
# fmt: on


def trunk(hip_m: float, twist: float, look: Look) -> dict[str, np.ndarray]:
    """Profiles of the shirt and of the hips below it; twist: the shoulders' turn, in radians."""
    rows = SHIRT.copy()
    if look.woman:
        up = rows[:, 0]
        rows[:, 1] *= np.interp(up, [-0.05, 0.05, 0.2, 0.35, 0.5, 0.57], [0.99, 0.96, 0.85, 0.90, 0.90, 1.0])
        rows[:, 2] *= np.interp(up, [0.0, 0.2, 0.37, 0.5], [1.0, 0.90, 1.06, 0.92])
    if look.jacket:
        rows[:, 1:3] += 0.010
    else:
        rows = rows[:-1]
    turn = np.interp(rows[:, 0], [0, 0.5], [-0.4, 1.0]) * twist
    leaning = rows[:, 3] + 0.03 * rows[:, 0]
    shirt = np.c_[rows[:, 0] + hip_m, np.zeros(len(rows)), leaning, rows[:, 1:3], turn]
    broader = np.array([0.95, 1.02, 1.04, 1.04]) if look.woman else np.ones(4)
    zero = np.zeros(4)
    hips = np.c_[HIPS[:, 0] + hip_m, zero, zero - 0.004, HIPS[:, 1] * broader, HIPS[:, 2], zero - 0.4 * twist]
    return {"shirt": shirt, "hips": hips}


def head(chin_m: float, front_m: float, look: Look) -> dict[str, np.ndarray]:
    """Profiles of the head and of its hair."""
    scale = 0.95 if look.woman else 1.0
    zero = np.zeros(len(HEAD))
    bare = np.c_[chin_m + HEAD[:, 0], zero, front_m + HEAD[:, 3], scale * HEAD[:, 1:3], zero]
    hair = bare.copy()
    hair[:, 0] += 0.13 * np.maximum(HEAD[:, 0] - 0.10, 0)
    hair[:, 2] -= 0.006
    hair[:, 3:5] *= 1.16 if look.long_hair else 1.11
    if look.long_hair:
        down = np.zeros(len(LONG_HAIR))
        fall = np.c_[chin_m + LONG_HAIR[:, 0], down, front_m + LONG_HAIR[:, 3], LONG_HAIR[:, 1:3], down]
        hair = np.vstack([hair[hair[:, 0] > chin_m + 0.09], fall])
    return {"head": bare, "hair": hair}


def head_chains(chin_m: float, front_m: float, hip_m: float, look: Look) -> dict[str, np.ndarray]:
    """Neck, nose and ears as chains of left, up, front, radius."""
    thick = 0.047 if look.woman else 0.055
    neck = np.array(
        [
            [0, chin_m + 0.07, front_m - 0.035, thick],
            [0, chin_m - 0.02, front_m - 0.04, thick * 0.98],
            [0, hip_m + 0.54, front_m - 0.05, thick * 1.12],
        ]
    )
    raised = np.array([0, chin_m, front_m, 0])
    half = 0.074 if look.woman else 0.078
    chains = {"neck": spline(neck, 9), "nose": spline(NOSE + raised, 9)}
    chains["left ear"] = spline(EAR * [half, 1, 1, 1] + raised, 9)
    chains["right ear"] = spline(EAR * [-half, 1, 1, 1] + raised, 9)
    return chains


def bag(hip_m: float, kind: str) -> tuple[dict[str, np.ndarray], dict[str, np.ndarray]]:
    """Profiles and chains (its straps) of a bag: "backpack", "tote" or "none"."""
    if kind == "none":
        return {}, {}
    if kind == "backpack":
        zero = np.zeros(len(BACKPACK))
        return {"bag": np.c_[BACKPACK[:, 0] + hip_m, zero, zero - 0.165, BACKPACK[:, 1:], zero]}, {}
    zero = np.zeros(len(TOTE))
    straps = {}
    for name, front in (("front strap", 0.12), ("back strap", -0.12)):
        hung = np.array(
            [
                [0.150, hip_m + 0.575, -0.01, 0.011],
                [0.175, hip_m + 0.52, 0.75 * front, 0.011],
                [0.215, hip_m + 0.35, 1.1 * front, 0.011],
                [0.235, hip_m + 0.08, 0.7 * front, 0.011],
            ]
        )
        straps[name] = spline(hung, 25)
    return {"bag": np.c_[TOTE[:, 0] + hip_m, zero + 0.235, zero, TOTE[:, 1:], zero]}, straps
