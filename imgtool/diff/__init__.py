"""Compares two images: what is told of each, as names with what is said of them, and what differs.

snapshot.py   what is told of an image, from the JSON of its inspection
saved.py      the same from a file: an inspection that was saved, or a bill of materials
compare.py    two of them -> what differs; order.py: which version is newer
sides.py      whichever the user named
"""
