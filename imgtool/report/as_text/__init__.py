"""Everything as aligned text for a person: facts, verdict, boots, conversion, delivery."""
