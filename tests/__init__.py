"""Tests mirror the packages; `published` holds what the published networks return."""
