"""A walking figure: its pose in metres, as chains of balls (limbs) and stacks of ellipses (trunk and head).

Body axes: left, up, front. Limbs have Drillis and Contini's segment lengths (1966) for a height of 1.75 m.
"""

from dataclasses import dataclass

import numpy as np

from benchmarks.scene import torso
from benchmarks.scene.look import Look
from benchmarks.scene.surfaces import spline

THIGH_M, SHANK_M = 0.43, 0.42
UPPER_ARM_M, FOREARM_M = 0.30, 0.255
CHIN_M, FACE_M = 0.598, 0.040  # above the hip joint, before it

# Radii in metres against the share of the limb's length.
BARE_LEG = (
    (0, 0.2, 0.46, 0.52, 0.64, 0.8, 0.95, 1),
    (0.088, 0.080, 0.058, 0.054, 0.056, 0.045, 0.036, 0.036),
)
TROUSER = ((0, 0.2, 0.46, 0.54, 0.7, 0.9, 1), (0.100, 0.092, 0.070, 0.066, 0.066, 0.060, 0.061))
SLIM_TROUSER = ((0, 0.2, 0.46, 0.64, 0.9, 1), (0.102, 0.092, 0.063, 0.060, 0.047, 0.046))
SHORTS = ((0, 0.2, 0.6), (0.104, 0.098, 0.100))
BARE_ARM = ((0, 0.3, 0.5, 0.62, 0.9, 1), (0.055, 0.049, 0.042, 0.043, 0.029, 0.027))
SLEEVE = ((0, 0.07, 0.15, 0.3, 0.52, 0.7, 1), (0.046, 0.058, 0.065, 0.062, 0.056, 0.053, 0.043))


@dataclass(frozen=True)
class Body:
    """The posed figure, in metres.

    chains: float (N, 4) of left, up, front, radius. profiles: float (N, 6) of up, left, front, half
    breadth, half depth, twist against the walking direction, from the top down. hip_m: height of the hip
    joints.
    """

    chains: dict[str, np.ndarray]
    profiles: dict[str, np.ndarray]
    hip_m: float


def pose(look: Look, rng: np.random.Generator) -> Body:
    """The figure in mid-stride, its lower sole on the ground."""
    forward = look.stride * rng.uniform(0.9, 1.1)
    ahead = 1 if rng.random() < 0.5 else -1  # which leg leads: its arm goes back
    lead = _leg(forward, 0.10, 0.22)
    # The trailing knee bends just as far as leaves both feet on the ground.
    trails = [_leg(-0.55 * forward, flex, -0.30 - 0.55 * flex) for flex in np.linspace(0.15, 1.0, 60)]
    trail = min(trails, key=lambda leg: abs(leg[1][:, 1].min() - lead[1][:, 1].min()))
    hip_m = -float(min(lead[1][:, 1].min(), trail[1][:, 1].min()))
    chains: dict[str, np.ndarray] = {}
    for side, (limb, sole) in ((ahead, lead), (-ahead, trail)):
        name = "left" if side > 0 else "right"
        swing = (-0.85 if side == ahead else 0.95) * forward
        raised = np.array([0, hip_m])
        chains |= _leg_chains(name, side, limb + raised, sole + raised, look)
        chains |= _arm_chains(name, side, swing, hip_m, rng.uniform(0.25, 0.45), look)
    profiles = torso.trunk(hip_m, 0.16 * ahead, look) | torso.head(hip_m + CHIN_M, FACE_M, look)
    chains |= torso.head_chains(hip_m + CHIN_M, FACE_M, hip_m, look)
    bag, straps = torso.bag(hip_m, look.bag)
    profiles = {name: spline(rows, 6 * len(rows)) for name, rows in (profiles | bag).items()}
    return Body(chains | straps, profiles, hip_m)


def _leg(thigh: float, flex: float, pitch: float) -> tuple[np.ndarray, np.ndarray]:
    """Hip, knee and ankle, and the sole at heel, middle, ball and toe: (front, up) from the hip."""
    knee = np.array([np.sin(thigh), -np.cos(thigh)]) * THIGH_M
    ankle = knee + np.array([np.sin(thigh - flex), -np.cos(thigh - flex)]) * SHANK_M
    cos, sin = np.cos(pitch), np.sin(pitch)
    flat = np.array([[-0.055, -0.075], [0.03, -0.075], [0.125, -0.075], [0.19, -0.07]])
    if pitch < -0.2:  # the toes bend while the heel lifts
        flat[3, 1] += 0.012
    return np.array([[0, 0], knee, ankle]), ankle + flat @ np.array([[cos, sin], [-sin, cos]])


def _leg_chains(
    name: str, side: int, limb: np.ndarray, sole: np.ndarray, look: Look
) -> dict[str, np.ndarray]:
    left = side * np.array([0.092, 0.088, 0.075])
    joints = np.stack([left, limb[:, 1], limb[:, 0]], axis=1)
    middles = 0.5 * (joints[:-1] + joints[1:])
    where = np.linspace(0, 1, 41)
    along = spline(np.stack([joints[0], middles[0], joints[1], middles[1], joints[2]]), 41)
    calf = 0.016 * np.exp(-(((where - 0.64) / 0.10) ** 2))
    along = along + calf[:, None] * np.array([0.0, 0.25, -1.0])
    if look.shorts:
        chains = {
            f"{name} shin": np.c_[along, np.interp(where, *BARE_LEG)][16:],
            f"{name} trouser": np.c_[along, np.interp(where, *SHORTS)][:22],
        }
    else:
        radius = np.interp(where, *(SLIM_TROUSER if look.woman else TROUSER))
        chains = {f"{name} trouser": np.c_[along, radius]}
    return chains | _shoe_chains(name, side, limb[2], left[2], sole)


def _shoe_chains(
    name: str, side: int, ankle: np.ndarray, left: float, sole: np.ndarray
) -> dict[str, np.ndarray]:
    across = np.array([-(sole[2] - sole[0])[1], (sole[2] - sole[0])[0]])
    core = sole + np.array([0.036, 0.037, 0.034, 0.026])[:, None] * across / np.linalg.norm(across)
    turned_out = left + 0.10 * side * (sole[:, 0] - sole[0, 0])
    foot = np.c_[turned_out, core[:, 1], core[:, 0], [0.036, 0.038, 0.042, 0.030]]
    instep = np.array(
        [
            [left, ankle[1] + 0.02, ankle[0], 0.043],
            [turned_out[1], core[1, 1] + 0.028, core[1, 0] + 0.005, 0.040],
            [turned_out[2], core[2, 1] + 0.006, core[2, 0] - 0.01, 0.038],
        ]
    )
    return {f"{name} shoe": spline(foot, 17), f"{name} instep": spline(instep, 11)}


def _arm_chains(
    name: str, side: int, swing: float, hip_m: float, flex: float, look: Look
) -> dict[str, np.ndarray]:
    """swing: radians forward at the shoulder; flex: of the elbow when the arm hangs."""
    bent = swing + flex + 0.35 * max(swing, 0)
    shoulder = np.array([side * (0.147 if look.woman else 0.160), hip_m + 0.490, -0.006 + 0.05 * swing])
    upper = _unit(np.array([side * 0.20, -np.cos(swing), np.sin(swing)]))
    fore = np.array([-side * 0.02, -np.cos(bent), np.sin(bent)])
    elbow = shoulder + UPPER_ARM_M * upper
    wrist = elbow + FOREARM_M * fore
    arm = spline(np.stack([shoulder, 0.5 * (shoulder + elbow), elbow, 0.5 * (elbow + wrist), wrist]), 33)
    where = np.linspace(0, 1, 33)
    thin = 0.9 if look.woman else 1.0
    sleeve = np.c_[arm, thin * np.interp(where, *SLEEVE)]
    if look.jacket:
        chains = {f"{name} sleeve": sleeve}
    else:
        chains = {
            f"{name} arm": np.c_[arm, thin * np.interp(where, *BARE_ARM)][10:],
            f"{name} sleeve": sleeve[:15],
        }
    hand = _unit(fore + np.array([-side * 0.10, -0.12, 0.0]))
    curl = _unit(hand + np.array([-side * 0.25, 0.0, 0.35]))
    knuckles = wrist + 0.085 * hand
    tips = knuckles + 0.070 * curl
    palm = np.stack([wrist, wrist + 0.045 * hand, knuckles, 0.5 * (knuckles + tips), tips])
    ahead = np.array([0, 0, 1.0])
    thumb = wrist + np.stack([0.02 * hand, 0.06 * hand + 0.035 * ahead, 0.10 * hand + 0.04 * ahead])
    chains[f"{name} hand"] = spline(np.c_[palm, [0.025, 0.034, 0.035, 0.027, 0.015]], 15)
    chains[f"{name} thumb"] = spline(np.c_[thumb, [0.017, 0.013, 0.010]], 9)
    return chains


def _unit(vector: np.ndarray) -> np.ndarray:
    return vector / np.linalg.norm(vector)
