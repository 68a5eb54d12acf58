"""A second judge, written from the protocol alone: reads a run's records and holds the product's verdicts to its own."""
