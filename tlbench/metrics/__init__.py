"""The metrics: each file is one meaning of "better"."""
