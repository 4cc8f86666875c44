"""What the figure wears: colour and relief of skin, hair and cloth over the coordinates of a surface."""

from dataclasses import dataclass

import numpy as np

from benchmarks.scene.camera import Noise, smoothstep
from benchmarks.scene.surfaces import Surface

SKIN = ("#d6a88c", "#bd8a6c", "#e3bca4", "#96694d", "#6d4934", "#cf9f84")
HAIR = ("#2a1d15", "#4a3121", "#15110f", "#7a5632", "#a97f4e", "#3a2a20")
TOPS = ("#8c2f2b", "#2f4a6b", "#50603d", "#c8b48a", "#b9bcc0", "#3a3f47", "#a8623a", "#5b3a52", "#dcd8cd")
BOTTOMS = ("#3a4a66", "#2b3140", "#8a7a5e", "#4d5866", "#5c6b82", "#34343a")
SHOES = ("#e4e2dd", "#3b2a20", "#26282c", "#7d5a3a", "#9aa3ab")


def linear(colour: str) -> np.ndarray:
    """float32 (3,), linear light, of an sRGB colour written #rrggbb."""
    value = np.array([int(colour[k : k + 2], 16) for k in (1, 3, 5)], np.float32) / 255
    return np.where(value <= 0.04045, value / 12.92, ((value + 0.055) / 1.055) ** 2.4).astype(np.float32)


@dataclass(frozen=True)
class Outfit:
    """Linear colours, float32 (3,), and the top's pattern: "plain", "stripes" or "check"."""

    skin: np.ndarray
    hair: np.ndarray
    top: np.ndarray
    second: np.ndarray
    bottom: np.ndarray
    shoes: np.ndarray
    bag: np.ndarray
    pattern: str


@dataclass
class Finish:
    """How a surface looks: albedo float32 (h, w, 3), relief in metres float32 (h, w), gloss and skin from 0
    to 1."""

    albedo: np.ndarray
    relief: np.ndarray
    gloss: float = 0.0
    skin: float = 0.0


def choose_outfit(rng: np.random.Generator) -> Outfit:
    top, second = rng.choice(len(TOPS), 2, replace=False)
    pattern = str(rng.choice(["plain", "plain", "stripes", "check"]))
    skin, hair = int(rng.integers(len(SKIN))), int(rng.integers(len(HAIR)))
    if skin in (3, 4):
        hair = hair % 3
    return Outfit(
        skin=linear(SKIN[skin]),
        hair=linear(HAIR[hair]),
        top=linear(TOPS[top]),
        second=linear(TOPS[second]),
        bottom=linear(BOTTOMS[rng.integers(len(BOTTOMS))]),
        shoes=linear(SHOES[rng.integers(len(SHOES))]),
        bag=linear(("#5a4632", "#2c3440", "#7b2d26", "#8a8f78")[rng.integers(4)]),
        pattern=pattern,
    )


def skin(surface: Surface, noise: Noise, outfit: Outfit, seed: float) -> Finish:
    u, v = surface.along * 60 + seed, surface.around * 3
    blotch = 1 + 0.05 * noise.layers(u * 0.4, v, 2) + 0.025 * noise(u * 4, v * 6)
    tint = outfit.skin * blotch[..., None] * np.array([1.0, 1.0, 1.0], np.float32)
    return Finish(tint, 0.0003 * noise(u * 0.7, v), gloss=0.25, skin=1.0)


def face(surface: Surface, noise: Noise, outfit: Outfit, chin_m: float) -> Finish:
    """The head: eyes, brows, lips, cheeks and the hollows of the eyes over `around` (0 = ahead) and the
    height."""
    finish = skin(surface, noise, outfit, 3.0)
    up, turn = surface.along - chin_m, surface.around
    side = np.abs(turn)
    albedo = finish.albedo

    def spot(height: float, angle: float, tall: float, wide: float) -> np.ndarray:
        return np.exp(-(((up - height) / tall) ** 2) - ((side - angle) / wide) ** 2)

    def tint(amount: np.ndarray, colour: np.ndarray) -> None:
        albedo[...] = albedo * (1 - amount[..., None]) + colour * amount[..., None]

    tint(0.35 * spot(0.070, 0.62, 0.022, 0.24), outfit.skin * np.array([1.12, 0.74, 0.70], np.float32))
    tint(0.55 * spot(0.112, 0.40, 0.014, 0.22), outfit.skin * np.array([0.62, 0.50, 0.47], np.float32))
    tint(0.80 * smoothstep(0.4, 0.7, spot(0.108, 0.40, 0.0072, 0.14)), np.full(3, 0.42, np.float32))
    tint(0.95 * smoothstep(0.4, 0.7, spot(0.1085, 0.38, 0.0072, 0.062)), np.full(3, 0.018, np.float32))
    tint(0.85 * smoothstep(0.3, 0.6, spot(0.116, 0.40, 0.0028, 0.17)), outfit.hair * 0.6)
    tint(0.85 * smoothstep(0.3, 0.7, spot(0.1295, 0.43, 0.0052, 0.20)), outfit.hair * 0.9)
    tint(
        0.75 * smoothstep(0.25, 0.7, spot(0.046, 0.0, 0.0100, 0.36)),
        outfit.skin * np.array([0.78, 0.42, 0.40], np.float32),
    )
    tint(0.80 * spot(0.047, 0.0, 0.0022, 0.38), outfit.skin * np.array([0.25, 0.14, 0.13], np.float32))
    tint(0.4 * spot(0.031, 0.0, 0.005, 0.22), outfit.skin * 0.6)
    # Planes of the face are soft: the hollows carry the light.
    hollow = -0.006 * spot(0.112, 0.40, 0.013, 0.22) - 0.003 * spot(0.033, 0.0, 0.006, 0.25)
    raised = (
        0.004 * spot(0.132, 0.3, 0.008, 0.4)
        + 0.004 * spot(0.045, 0.0, 0.009, 0.3)
        + 0.004 * spot(0.078, 0.7, 0.02, 0.2)
    )
    finish.relief = finish.relief + hollow + raised
    return finish


def hair(surface: Surface, noise: Noise, outfit: Outfit, *, long_hair: bool, chin_m: float) -> Finish:
    """Strands along the head's meridians; cuts its own outline out of `surface.inside`."""
    up, side = surface.along - chin_m, np.abs(surface.around)
    ragged = 0.006 * noise(surface.around * 14, up * 20)
    if long_hair:
        line = np.interp(side, [0, 0.35, 0.85, 1.15, 1.45, 1.7], [0.186, 0.182, 0.150, 0.09, -0.05, -0.3])
        line = line + np.where(side > 1.2, 0.02 * noise(surface.around * 12, up), 0)
    else:
        line = np.interp(
            side,
            [0, 0.7, 1.0, 1.25, 1.45, 1.75, 2.1, 3.2],
            [0.188, 0.180, 0.150, 0.096, 0.092, 0.09, 0.045, 0.030],
        )
    surface.inside &= up + ragged > line
    strand = noise.layers(
        surface.around * 16 + 3 * noise(up * 5, surface.around), up * (9 if long_hair else 26), 3, 0.7
    )
    shade = np.clip(1 + 0.38 * strand, 0.25, 2.2)
    return Finish(outfit.hair * shade[..., None], 0.0028 * strand, gloss=0.55)


def folds(
    surface: Surface, noise: Noise, seed: float, joints: tuple[tuple[float, float, float], ...]
) -> np.ndarray:
    """Relief of a sleeve or a trouser leg in metres: soft lengthwise drape, and rings that pile up at joints.

    joints: position along the limb and half width in metres, height of the folds in metres.
    """
    along, around = surface.along, surface.around
    drape = 0.0055 * noise(along * 4.5 + seed, around * 1.3 + seed)
    bent = along + 0.035 * around * np.sign(np.sin(seed * 7.0)) + 0.03 * noise(along * 5 + seed, around * 0.8)
    rings = 1 - np.abs(noise.layers(bent * 11 + seed, around * 0.9 + along * 9 + 2 * seed, 2, 0.4))
    heights = np.full_like(along, 0.0008)
    for at, wide, high in joints:
        heights += high * np.exp(-(((along - at) / wide) ** 2))
    return drape + heights * rings


def cloth(colour: np.ndarray, relief: np.ndarray, weave: np.ndarray, strength: float) -> Finish:
    """Plain cloth: worn a little lighter on ridges, darker in creases."""
    wear = 1 + strength * weave + 14 * np.clip(relief - relief.mean(), -0.008, 0.008)
    return Finish(colour * np.clip(wear, 0.4, 1.6)[..., None], relief)


def seat(surface: Surface, noise: Noise, outfit: Outfit) -> Finish:
    relief = 0.004 * noise(surface.along * 30, surface.around * 2)
    return cloth(outfit.bottom, relief, noise(surface.along * 300, surface.around * 40), 0.05)


def trouser(surface: Surface, noise: Noise, outfit: Outfit, seed: float, *, shorts: bool) -> Finish:
    end = 0.44 if shorts else 0.85
    joints = ((0.43, 0.10, 0.0085), (0.02, 0.12, 0.0060), (end - 0.05, 0.08, 0.0100)) if not shorts else (
        (0.02, 0.1, 0.004), (end, 0.2, 0.004))  # fmt: skip
    relief = folds(surface, noise, seed, joints)
    weave = noise(surface.along * 420, surface.around * 30) + noise(
        surface.along * 70 + seed, surface.around * 14
    )
    finish = cloth(outfit.bottom, relief, weave, 0.045)
    faded = np.exp(-(((surface.along - 0.22) / 0.14) ** 2) - (surface.around / 0.8) ** 2)
    finish.albedo = finish.albedo * (1 + 0.35 * faded[..., None])
    hem = smoothstep(end - 0.022, end - 0.018, surface.along) * (
        1 - 0.5 * smoothstep(end - 0.017, end - 0.013, surface.along)
    )
    finish.albedo *= 1 - 0.35 * hem[..., None]
    return finish


def sleeve(surface: Surface, noise: Noise, outfit: Outfit, seed: float, *, jacket: bool) -> Finish:
    joints = (
        ((0.30, 0.08, 0.0085), (0.05, 0.06, 0.0030), (0.50, 0.06, 0.0070))
        if jacket
        else ((0.1, 0.1, 0.0035),)
    )
    relief = folds(surface, noise, seed + 11, joints)
    colour = _pattern(outfit, surface.along * 1.0 + 0.3, surface.around * 0.05, jacket=jacket)
    finish = cloth(colour, relief, noise(surface.along * 300, surface.around * 22), 0.04)
    end = 0.555 if jacket else 0.243
    cuff = (
        smoothstep(end - 0.045, end - 0.040, surface.along)
        if jacket
        else smoothstep(end - 0.02, end - 0.017, surface.along)
    )
    finish.albedo *= 1 - 0.22 * cuff[..., None]
    return finish


def shirt(
    surface: Surface, noise: Noise, outfit: Outfit, hip_m: float, *, jacket: bool, strap: bool
) -> Finish:
    """The trunk's garment; `strap`: a backpack's straps over it, which also pull the cloth."""
    up, turn = surface.along - hip_m, surface.around
    pull = noise.layers(turn * 1.5 + up * 5, up * 7 - turn * 1.4, 3, 0.5)
    cross = 1 - np.abs(noise.layers(turn * 1.1 - up * 3, up * 13 + turn * 1.6 + 9, 2, 0.4))
    waist = np.exp(-(((up - 0.10) / 0.10) ** 2))
    arms = np.exp(-(((up - 0.42) / 0.09) ** 2)) * smoothstep(0.7, 1.2, np.abs(np.sin(turn)) * 1.6)
    relief = 0.0060 * pull + (0.0025 + 0.0085 * waist + 0.0060 * arms) * cross
    colour = _pattern(outfit, up, turn * 0.16, jacket=jacket)
    finish = cloth(colour, relief, noise(up * 330, turn * 60), 0.04)
    albedo = finish.albedo
    if jacket:
        opening = 0.015 + 0.55 * smoothstep(0.36, 0.60, up) + 0.16 * smoothstep(0.10, -0.12, up)
        inner = smoothstep(opening + 0.01, opening - 0.02, np.abs(turn))[..., None]
        albedo[...] = albedo * (1 - inner) + outfit.second * (1 + 0.06 * pull[..., None]) * inner
        edge = np.exp(-(((np.abs(turn) - opening) / 0.03) ** 2))
        albedo *= 1 - 0.5 * edge[..., None]
        finish.relief = finish.relief - 0.008 * inner[..., 0]
        pocket = (np.abs(up - 0.06) < 0.004) & (np.abs(np.abs(turn) - 0.85) < 0.22)
        albedo[pocket] *= 0.55
    level = surface.z - np.where(surface.inside, surface.z, np.inf).min(axis=1, keepdims=True, initial=9.0)
    hem = up.min() + 0.030 - 0.20 * np.where(surface.inside, level, 0) + 0.010 * noise(turn * 1.6, up * 0)
    surface.inside &= up > hem
    neckline = (up > 0.548 - 0.035 * np.exp(-((turn / 0.9) ** 2))) & (
        up < 0.556 - 0.035 * np.exp(-((turn / 0.9) ** 2))
    )
    albedo[neckline] *= 0.7
    if strap:
        band = (
            smoothstep(0.045, 0.035, np.abs(np.abs(np.sin(turn)) - 0.52))
            * smoothstep(0.22, 0.25, up)
            * (up < 0.545)
        )
        band = band * (np.cos(turn) > -0.2)
        albedo[...] = albedo * (1 - band[..., None]) + outfit.bag * 0.8 * band[..., None]
        finish.relief = finish.relief + 0.008 * band
    return finish


def _pattern(outfit: Outfit, up: np.ndarray, across: np.ndarray, *, jacket: bool) -> np.ndarray:
    """Albedo (h, w, 3) or (3,) of the top; `up` and `across` in metres."""
    if jacket or outfit.pattern == "plain":
        return outfit.top
    stripe = smoothstep(-0.12, 0.12, np.sin(up * (2 * np.pi / 0.055)))[..., None]
    if outfit.pattern == "stripes":
        return outfit.top * (1 - stripe) + outfit.second * stripe
    other = smoothstep(-0.12, 0.12, np.sin(across * (2 * np.pi / 0.05)))[..., None]
    return outfit.top * (1 - 0.35 * stripe) * (1 - 0.35 * other) + 0.12 * outfit.second * (stripe + other)


def shoe(surface: Surface, noise: Noise, outfit: Outfit, sole: np.ndarray) -> Finish:
    """sole: float (h, w), 1 where the sole is."""
    relief = 0.001 * noise(surface.along * 60, surface.around * 3)
    finish = cloth(outfit.shoes, relief, noise(surface.along * 90, surface.around * 5), 0.05)
    rubber = 0.55 if outfit.shoes.mean() < 0.4 else 0.18
    finish.albedo = finish.albedo * (1 - sole[..., None]) + rubber * sole[..., None] * np.array(
        [1, 0.98, 0.93], np.float32
    )
    finish.gloss = 0.2
    return finish


def leather(surface: Surface, noise: Noise, outfit: Outfit, hip_m: float) -> Finish:
    up = surface.along - hip_m
    relief = 0.003 * noise(surface.around * 2, up * 12) + 0.001 * noise(surface.around * 9, up * 50)
    finish = cloth(outfit.bag, relief, noise(surface.around * 40, up * 160), 0.05)
    seam = np.abs(up - 0.40) < 0.004
    finish.albedo[seam & surface.inside] *= 0.5
    finish.gloss = 0.15
    return finish
