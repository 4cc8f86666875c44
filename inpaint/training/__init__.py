"""How the networks are trained: damage, photos, losses, one loop. Nothing else of `inpaint` needs it."""
