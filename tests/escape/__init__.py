"""Attempts to get out of a sandbox: each is run for real, and judged by the host that it was aimed at."""
