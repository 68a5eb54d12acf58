"""What the harness costs and whether its verdicts can be trusted; imports tlbench, is imported by none."""
