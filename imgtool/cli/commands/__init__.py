"""One file a command; each has the click object `command`. Imported only when called (lazy.py)."""
