"""Shadows and reflections of the objects that are removed."""
