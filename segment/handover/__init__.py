"""Masks that another team made, in every usual format."""
