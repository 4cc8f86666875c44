"""How the weights of the judge of clicks are made."""
