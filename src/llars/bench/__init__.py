"""Benchmarks: quality of the restoration compared with classical methods, and speed."""
