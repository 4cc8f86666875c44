"""A rendered street scene with a walking person, and the same view without: for the demo, the pictures and
the tests.

It stands for a photo: perspective, textured ground, one sun and the sky, a cast shadow, lens blur,
vignetting, noise.
"""

from benchmarks.scene.render import Scene, render_scene

__all__ = ["Scene", "render_scene"]
