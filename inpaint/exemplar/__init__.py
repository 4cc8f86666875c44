"""The exemplar fill: patches of the photo itself, found by PatchMatch and joined without seams."""
