"""How the weights of the shadow network are made."""
