"""How much of anything foreign is taken: every limit in one place (docs/usage.md, "Limits")."""

from __future__ import annotations

LARGEST_CHECKPOINT_BYTES = 4 << 30
"""A file of weights; the published ones have at most 1.7 GB, with optimisers and all."""
LARGEST_TENSOR_HEADER_BYTES = 4 << 20
"""The header of a safetensors file: some hundred bytes a tensor."""
LARGEST_DOWNLOAD_BYTES = 16 << 30
"""A download whose length neither the record nor the server states."""
LARGEST_WIDTH = 4.0
"""Channels of a network in a file of ours, as a multiple of the published number: 16 times its weights."""
