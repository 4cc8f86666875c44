"""Many photos: which are read, who works on them, what became of each."""
