"""The kinds of damage that networks learn from: holes, marks, covers, tears."""
