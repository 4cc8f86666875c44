"""Options that several commands share, in a file for each heading of the help or part of one."""

from removal.cli.shared_options.blind import blind_options, blind_tuning_options
from removal.cli.shared_options.many import engine_options, list_option, max_megapixels_option
from removal.cli.shared_options.masks import (
    allow_empty_option,
    mask_options,
    mask_reading_options,
    masks_option,
    refine_option,
)
from removal.cli.shared_options.models import (
    model_options,
    prompter_options,
    protect_option,
    refine_boxes_option,
    segmenter_options,
)
from removal.cli.shared_options.networks import (
    device_options,
    network_options,
    prompt_options,
    settings_options,
)
from removal.cli.shared_options.output import extra_output_options, output_option, overwrite_option
from removal.cli.shared_options.what import addition_options, class_names, score_option, target_options

__all__ = [
    "addition_options",
    "allow_empty_option",
    "blind_options",
    "blind_tuning_options",
    "class_names",
    "device_options",
    "engine_options",
    "extra_output_options",
    "list_option",
    "mask_options",
    "mask_reading_options",
    "masks_option",
    "max_megapixels_option",
    "model_options",
    "network_options",
    "output_option",
    "overwrite_option",
    "prompt_options",
    "prompter_options",
    "protect_option",
    "refine_boxes_option",
    "refine_option",
    "score_option",
    "segmenter_options",
    "settings_options",
    "target_options",
]
