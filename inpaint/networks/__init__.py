"""Networks that fill holes, and the layers they share."""
