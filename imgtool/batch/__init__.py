"""Many images: one process each, a journal that survives, and a run that goes on where it was stopped.

manifest.py   what an operator writes, as YAML
plan.py       manifest -> BatchPlan
wire.py       tasks and records <-> JSON: what goes to a child, and into the journal
journal.py    what was done and how far, in SQLite
"""
