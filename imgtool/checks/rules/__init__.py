"""One file, one check: what it looks at, why it matters, how to fix it, and the rule itself."""
