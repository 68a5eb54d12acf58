"""The networks: each file is one architecture."""
