"""Where policies come from.

load.py chooses, profiles.py has the built-in ones, file.py reads a file, schema.py says what may stand in it.
What a policy is to the checks stands in checks/policy.py. Only a file needs pydantic and PyYAML, so only then
are they loaded.
"""
