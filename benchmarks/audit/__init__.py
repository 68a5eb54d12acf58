"""A second judge, written from the protocol's text alone: reads a run's records and compares verdicts with the product's."""
