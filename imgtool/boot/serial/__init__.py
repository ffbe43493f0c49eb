"""What a serial console's log says: which stages a boot reached, and what it stopped at.

lines.py     the log as plain lines
stages.py    which stage a line belongs to
failures.py  the ways to stop, as rules: what is read, what it means, what to do
causes.py    what a rule says of the lines that it read
silence.py   what it means that nothing more was read
remedies.py  what to do
"""
