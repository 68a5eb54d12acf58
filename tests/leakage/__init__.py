"""The guard: what a test holds that was seen before."""
