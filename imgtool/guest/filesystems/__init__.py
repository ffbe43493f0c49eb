"""One adapter for each type of file system, behind base.py."""
