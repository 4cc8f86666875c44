"""How the weights of the shadow judge are made."""
