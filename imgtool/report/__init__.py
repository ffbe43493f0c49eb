"""Facts and findings -> text, JSON."""
