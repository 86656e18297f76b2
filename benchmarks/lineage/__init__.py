"""The lineage index with 1,000,000 artifacts and 3,000,000 edges: ``python -m benchmarks.lineage``."""
