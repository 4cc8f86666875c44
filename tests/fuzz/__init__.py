"""Seeded hostile inputs: `python -m tests.fuzz --inputs 20000` for a long run; the tests have a short one."""
