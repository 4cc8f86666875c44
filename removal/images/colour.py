"""Between a file's own samples and the RGB pixels that all stages see."""

import io

import numpy as np
from PIL import Image, ImageCms

from removal.images.photo import Raster

_SCALE_16_TO_8 = ((np.arange(65536, dtype=np.uint32) * 255 + 32767) // 65535).astype(np.uint8)
_PLAIN_MODES = ("L", "LA", "RGB", "RGBA", "RGBX", "CMYK")


def from_image(image: Image.Image) -> Raster:
    """Raster of a Pillow image. A transparent colour becomes an alpha channel. Raises ValueError."""
    transparency = image.info.get("transparency")
    if image.mode == "P":
        return _from_palette(image, transparency)
    if transparency is not None and image.mode in ("1", "L", "RGB"):
        image = image.convert("RGBA" if image.mode == "RGB" else "LA")
    if image.mode == "1":
        return Raster(np.asarray(image), "1")
    if image.mode in _PLAIN_MODES:
        return Raster(np.asarray(image), image.mode)
    if image.mode.startswith("I;16"):
        return Raster(np.asarray(image).astype(np.uint16), "L")
    alternatives = {"PA": "RGBA", "RGBa": "RGBA", "La": "LA", "YCbCr": "RGB"}
    if image.mode not in alternatives:
        raise ValueError(f"samples of the kind {image.mode} are not supported")
    return Raster(np.asarray(image.convert(alternatives[image.mode])), alternatives[image.mode])


def _from_palette(image: Image.Image, transparency: bytes | int | None) -> Raster:
    samples = np.asarray(image)
    colours = np.frombuffer(bytes(image.getpalette("RGB") or ()), np.uint8).reshape(-1, 3)
    # A broken file can use more colours than it defines: those show as black.
    size = max(len(colours), int(samples.max(initial=0)) + 1)
    palette = np.zeros((size, 4), np.uint8)
    palette[:, 3] = 255
    palette[: len(colours), :3] = colours
    if isinstance(transparency, bytes):
        known = min(len(transparency), size)
        palette[:known, 3] = np.frombuffer(transparency, np.uint8)[:known]
    elif transparency is not None and transparency < size:
        palette[transparency, 3] = 0
    return Raster(samples, "P", palette)


def to_image(raster: Raster) -> Image.Image:
    """Pillow image of a raster of 1 or 8 bits, or of 16-bit grey. A palette's alpha is not carried over."""
    samples = np.ascontiguousarray(raster.samples)
    if raster.layout == "1":
        return Image.fromarray(samples)
    height, width = samples.shape[:2]
    mode = "I;16" if raster.bits == 16 else raster.layout
    image = Image.frombuffer(mode, (width, height), samples, "raw", mode, 0, 1)
    if raster.palette is not None:
        image.putpalette(raster.palette[:, :3].tobytes())
    return image


def view(raster: Raster, icc: bytes = b"") -> np.ndarray:
    """The raster as uint8 (H, W, 3) RGB, without its alpha.

    16-bit samples are scaled by 255 / 65535 and rounded. CMYK goes to sRGB through the profile `icc`, by
    R = (255 - C) * (255 - K) / 255 where that is no usable CMYK profile. All else keeps its values.
    """
    samples = eight_bits(raster.samples) if raster.layout != "1" else raster.samples * np.uint8(255)
    if raster.layout in ("1", "L", "LA"):
        return repeat_grey(samples[..., 0] if raster.layout == "LA" else samples)
    if raster.palette is not None:
        result: np.ndarray = raster.palette[:, :3][samples]
        return result
    if raster.layout == "CMYK":
        return _cmyk_to_rgb(samples, icc)
    return samples if raster.layout == "RGB" else np.ascontiguousarray(samples[..., :3])


def repeat_grey(samples: np.ndarray) -> np.ndarray:
    """uint8 (H, W) as uint8 (H, W, 3)."""
    pixels = np.empty((*samples.shape, 3), np.uint8)
    for channel in range(3):  # an eighth of the time of np.repeat
        pixels[..., channel] = samples
    return pixels


def fill(raster: Raster, pixels: np.ndarray, mask: np.ndarray, icc: bytes = b"") -> Raster:
    """The raster with `pixels` (uint8 (H, W, 3)) where `mask` (bool (H, W)) is True, unchanged elsewhere.

    Alpha and other extra channels stay. 16-bit samples get value * 257; grey gets the luma (ITU-R BT.601);
    1-bit gets white from 128 up; CMYK goes back through `icc`. A palette takes new colours while it has room
    (256; colours used nowhere else make room); with more, the raster comes back as RGB, or as RGBA where the
    palette has alpha.
    """
    hole = pixels[mask]
    if raster.palette is not None:
        return _fill_palette(raster, hole, mask)
    if raster.layout in ("1", "L", "LA"):
        values = luma(hole)[:, None]
    else:
        values = _rgb_to_cmyk(hole, icc) if raster.layout == "CMYK" else hole
    samples = raster.samples.copy()
    if raster.layout == "1":
        samples[mask] = values[:, 0] >= 128
        return Raster(samples, "1")
    if raster.bits == 16:
        values = values.astype(np.uint16) * 257
    if samples.ndim == 2:
        samples[mask] = values[:, 0]
    else:
        samples[mask, : values.shape[1]] = values
    return Raster(samples, raster.layout)


def _fill_palette(raster: Raster, hole: np.ndarray, mask: np.ndarray) -> Raster:
    palette = raster.palette
    assert palette is not None
    alpha = palette[raster.samples[mask], 3]
    wanted, positions = np.unique(_colour_codes(np.c_[hole, alpha]), return_inverse=True)
    known: dict[int, int] = {}
    for index, code in enumerate(_colour_codes(palette).tolist()):
        known.setdefault(code, index)
    new = [code for code in wanted.tolist() if code not in known]
    taken = np.bincount(raster.samples[~mask], minlength=256) > 0
    taken[[known[code] for code in wanted.tolist() if code in known]] = True
    spare = [*range(len(palette), 256), *np.flatnonzero(~taken[: len(palette)]).tolist()]
    if len(new) > len(spare):
        return fill(expand_palette(raster), _spread(hole, mask), mask)
    places = dict(zip(new, spare, strict=False))
    known |= places
    samples = raster.samples.copy()
    samples[mask] = np.array([known[code] for code in wanted.tolist()], np.uint8)[positions.reshape(-1)]
    colours = np.zeros((max([len(palette), *(place + 1 for place in places.values())]), 4), np.uint8)
    colours[: len(palette)] = palette
    colours[list(places.values())] = np.array(new, np.uint32).view(np.uint8).reshape(-1, 4)
    return Raster(samples, "P", colours)


def _colour_codes(colours: np.ndarray) -> np.ndarray:
    """uint8 (N, 4) -> uint32 (N,), one number per colour."""
    return np.ascontiguousarray(colours).view(np.uint32).reshape(-1)


def _spread(hole: np.ndarray, mask: np.ndarray) -> np.ndarray:
    pixels = np.zeros((*mask.shape, 3), np.uint8)
    pixels[mask] = hole
    return pixels


def expand_palette(raster: Raster) -> Raster:
    """A palette raster as RGB, or RGBA where a colour of the palette is transparent; others unchanged."""
    if raster.palette is None:
        return raster
    opaque = bool((raster.palette[:, 3] == 255).all())
    colours = raster.palette[:, :3] if opaque else raster.palette
    return Raster(colours[raster.samples], "RGB" if opaque else "RGBA")


def eight_bits(samples: np.ndarray) -> np.ndarray:
    """uint16 samples scaled to uint8; uint8 samples unchanged."""
    return _SCALE_16_TO_8[samples] if samples.dtype == np.uint16 else samples


def luma(colours: np.ndarray) -> np.ndarray:
    """Luma of uint8 (..., 3) RGB by ITU-R BT.601, rounded: uint8 (...). Equal channels keep their value."""
    red, green, blue = np.moveaxis(colours.astype(np.uint32), -1, 0)
    result: np.ndarray = ((red * 19595 + green * 38470 + blue * 7471 + 32768) >> 16).astype(np.uint8)
    return result


def over_white(samples: np.ndarray) -> np.ndarray:
    """uint8 (H, W, 2 or 4) with alpha last, laid over white: uint8 (H, W, 1 or 3)."""
    colours, alpha = samples[..., :-1].astype(np.uint16), samples[..., -1:].astype(np.uint16)
    return ((colours * alpha + 255 * (255 - alpha) + 127) // 255).astype(np.uint8)


def fits_profile(icc: bytes, layout: str) -> bool:
    """Whether a colour profile is one for a layout (ICC.1:2010, section 7.2.6, data colour space)."""
    space = {"1": b"GRAY", "L": b"GRAY", "LA": b"GRAY", "CMYK": b"CMYK"}.get(layout, b"RGB ")
    return icc[16:20] == space


def _cmyk_to_rgb(samples: np.ndarray, icc: bytes) -> np.ndarray:
    if fits_profile(icc, "CMYK"):
        try:
            return _through_profiles(samples, "CMYK", "RGB", icc)
        except (ImageCms.PyCMSError, OSError):
            pass  # A broken profile: the plain formula below is what viewers without one use.
    ink = samples.astype(np.uint16)
    light = (255 - ink[..., :3]) * (255 - ink[..., 3:])
    return ((light + 127) // 255).astype(np.uint8)


def _rgb_to_cmyk(colours: np.ndarray, icc: bytes) -> np.ndarray:
    if fits_profile(icc, "CMYK"):
        try:
            result: np.ndarray = _through_profiles(colours[None], "RGB", "CMYK", icc)[0]
            return result
        except (ImageCms.PyCMSError, OSError):
            pass  # A profile that only leads to RGB.
    light = colours.max(axis=1, keepdims=True).astype(np.uint16)
    ink = 255 - (colours * np.uint16(255) + light // 2) // np.maximum(light, 1)
    ink[light[:, 0] == 0] = 0
    result = np.c_[ink, 255 - light].astype(np.uint8)
    return result


def _through_profiles(samples: np.ndarray, source: str, target: str, icc: bytes) -> np.ndarray:
    cmyk, srgb = ImageCms.ImageCmsProfile(io.BytesIO(icc)), ImageCms.createProfile("sRGB")
    first, second = (cmyk, srgb) if source == "CMYK" else (srgb, cmyk)
    intent = ImageCms.Intent.RELATIVE_COLORIMETRIC
    flags = ImageCms.Flags.BLACKPOINTCOMPENSATION
    transform = ImageCms.buildTransform(first, second, source, target, intent, flags)
    converted = ImageCms.applyTransform(to_image(Raster(samples, source)), transform)
    assert converted is not None
    return np.asarray(converted)
