"""How good a result is, in figures."""
