"""Attempts: a step is submitted once, joined by whoever comes after a crash, and judged by its result."""
