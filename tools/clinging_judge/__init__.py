"""How the weights of the judge of clinging regions are made."""
