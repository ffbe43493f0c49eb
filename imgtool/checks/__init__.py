"""One file, one check.

check.py says what a check is, registry.py finds and runs them, drivers.py is shared.
"""
