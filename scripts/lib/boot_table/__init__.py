"""Images that are good, and spoiled at every stage: what imgtool foretells of them, against a real boot.

cli.py       the command
model.py     a row, what was foretold and seen of it, and whether the two agree
rows_*.py    the rows, by what starts the image; rows.py gathers them
bases.py     the few images that the rows are copies of
run.py       one row: make the copy, inspect it, boot it
table.py     what is printed
"""
