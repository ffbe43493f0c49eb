"""Facts and findings -> text, JSON; registry.py lists the forms."""
