"""What is measured of the local cloud, and how: `python -m benchmarks.NAME` in this folder."""
