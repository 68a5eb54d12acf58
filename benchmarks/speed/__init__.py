"""tlbench beside what a user would otherwise write: seconds, peak memory, accuracy, and the machine's own ceiling.

`python -m benchmarks.speed` measures, interleaved, and prints; nothing here is imported by the package.
"""
