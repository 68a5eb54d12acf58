"""The similarities: each file is one score."""
