"""Facts and findings -> text, JSON, JUnit, SARIF, GitHub annotations, HTML; registry.py lists the forms."""
