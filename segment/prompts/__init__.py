"""Point at it: masks of the thing under some clicks, or in a box.

masks, scores = load_prompter("auto").embed(image)(points=[(x, y)], labels=[1])
"""

from segment.prompts.contract import Embedded, Prompter, PromptError
from segment.prompts.registry import load_prompter, prompter_names

__all__ = ["Embedded", "PromptError", "Prompter", "load_prompter", "prompter_names"]
