"""Judges facts. rules/ has one file for each check, whose docstring is its documentation.

check.py says what a check is; registry.py finds and runs them; policy.py is what a policy is to them;
causes.py names one cause once, exemptions.py what does not apply to a system of a kind of its own.
"""
