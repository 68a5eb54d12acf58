"""An example of a package that adds to tlbench: a dataset and a method."""
