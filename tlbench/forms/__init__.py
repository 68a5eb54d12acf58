"""The forms: each file is one kind of input."""
