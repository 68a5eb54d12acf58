"""An example of a package that adds to tlbench: two datasets, a form for the strings of one, a method, a metric."""
