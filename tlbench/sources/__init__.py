"""The sources: each file is one kind."""
