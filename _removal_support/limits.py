"""How much of anything foreign is taken: every limit in one place (docs/photos.md has those of photos)."""

from __future__ import annotations

LARGEST_CHECKPOINT_BYTES = 4 << 30
"""A file of weights; the published ones have at most 1.7 GB, with optimisers and all."""
LARGEST_TENSOR_HEADER_BYTES = 4 << 20
"""The header of a safetensors file: some hundred bytes a tensor."""
LARGEST_DOWNLOAD_BYTES = 16 << 30
"""A download whose length neither the record nor the server states."""
LARGEST_WIDTH = 4.0
"""Channels of a network in a file of ours, as a multiple of the published number: 16 times its weights."""

LARGEST_JSON_BYTES = 1 << 30
"""A JSON file of masks; COCO's largest has 0.45 GB."""
LARGEST_LIST_BYTES = 64 << 20
"""A list of photos, or a table of masks: half a million long paths."""
DEEPEST_JSON = 64
"""Lists and objects within each other in a line of a record; ours have 4."""
MASK_TIMES_PHOTO = 64
"""Pixels of a mask, as a multiple of its photo's: 8 times as high and wide. Beyond that, what is stated is
taken for a mistake, unless it is at most SMALL_MASK_PIXELS."""
SMALL_MASK_PIXELS = 4_000_000
"""Pixels that a mask may have however small its photo is."""
LARGEST_LOOK_PIXELS = 64_000_000
"""Pixels of a mask picture that is looked at before any photo is known."""
LARGEST_ARRAY_BYTES = 600_000_000
"""Bytes, not numbers, of an array of masks."""
LARGEST_DRAWN_PIXELS = 8_000_000_000
"""Pixels of all the objects of one photo, each counted at the size at which it is decoded."""
LARGEST_OBJECT_COUNT = 20_000
"""Objects of one photo."""

LARGEST_MEGAPIXELS = 300.0
"""Of a photo, unless another number is asked for: the largest medium-format camera has 151."""
LARGEST_BYTES_PER_PIXEL = 16
"""Of a photo's file, beyond SMALL_FILE_BYTES: 16-bit RGBA, uncompressed, and as much again for metadata."""
SMALL_FILE_BYTES = 64 << 20
"""A photo's file may have as many bytes however few its pixels are."""
LARGEST_PROFILE_BYTES = 64 << 20
"""Of a colour profile or a metadata packet that a PNG holds deflated."""
LARGEST_DIRECTORY_COUNT = 1000
"""EXIF and TIFF directories of one file; a camera writes up to 6."""
LARGEST_TAG_COUNT = 20_000
"""EXIF and TIFF tags of one file, sub-directories included; a camera writes some hundred."""
LARGEST_XMP_DEPTH = 100
"""XMP elements inside each other."""
LARGEST_XMP_ELEMENTS = 50_000
"""XMP elements of one file; an edited photo with a long history has a few thousand."""
LARGEST_DPI = 100_000.0
"""Dots per inch that a file may state: a film scanner has 12,000."""
