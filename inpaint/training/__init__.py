"""How the networks are trained: damage, photos, losses, one loop. Needs torch; nothing of `inpaint` needs it."""
