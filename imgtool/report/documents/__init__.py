"""The JSON documents that commands print, as types: `imgtool schema` makes JSON Schemas of them.

facts.py     `imgtool inspect`
verdicts.py  findings, boots: `imgtool check`, `imgtool boot`
delivery.py  `imgtool convert`, `upload`, `prepare`, `copy`, `retire`
others.py    `imgtool batch`, `explain`, `doctor`; errors

The functions of report/as_json make them. Keys are added, never renamed: a reader has to take keys that it
does not know, so the schemas do, too.
"""
