"""Benchmarks of weir against its real peers on one machine. run.py is the way in."""
