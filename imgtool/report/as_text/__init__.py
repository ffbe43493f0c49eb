"""Everything as aligned text for a person: facts, verdict, conversion, delivery."""
