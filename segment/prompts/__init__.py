"""Point at it: masks of the thing under some clicks, or in a box.

masks, scores = load_prompter("auto").embed(image)(points=[(x, y)], labels=[1])
"""

from segment.prompts.registry import Embedded, Prompter, load_prompter, prompter_names

__all__ = ["Embedded", "Prompter", "load_prompter", "prompter_names"]
