"""How the shipped weights are made; no part of the wheel."""
