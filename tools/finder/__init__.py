"""How the weights of the built-in person finder are made."""
