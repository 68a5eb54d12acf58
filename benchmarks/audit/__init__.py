"""A second judge, written from the protocol alone: reads records and holds the product's verdicts to its own."""
