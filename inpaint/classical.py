"""The two classical fills of OpenCV: quick and smooth, good for scratches and specks, not for texture."""

import cv2
import numpy as np

from inpaint.inpainter import WindowInpainter

_METHODS = {"telea": cv2.INPAINT_TELEA, "navier-stokes": cv2.INPAINT_NS}


class ClassicalInpainter(WindowInpainter):
    """`telea` (Telea 2004, fast marching) or `navier-stokes` (Bertalmio et al. 2001), as OpenCV has them."""

    may_overlap = True
    copies = False
    context = 0.1
    even_seams = False

    def __init__(self, method: str = "telea", *, radius_px: float = 5.0) -> None:
        """Choose the method.

        Args:
            method: "telea" or "navier-stokes".
            radius_px: the neighbourhood that each filled pixel is computed from.

        Raises:
            ValueError: another method, or a radius that is not positive.
        """
        if method not in _METHODS:
            raise ValueError(f"expected method {' or '.join(_METHODS)}, got {method!r}")
        if not radius_px > 0:
            raise ValueError(f"expected a positive radius_px, got {radius_px}")
        self.name = method
        self.radius_px = radius_px
        self.description = f"{method} (OpenCV), radius {radius_px:g} px"

    def fill_window(self, image: np.ndarray, mask: np.ndarray, protect: np.ndarray | None) -> np.ndarray:
        """Fill one window; `protect` has no part in it, as nothing is copied from afar."""
        return cv2.inpaint(image, mask.astype(np.uint8), self.radius_px, _METHODS[self.name])
