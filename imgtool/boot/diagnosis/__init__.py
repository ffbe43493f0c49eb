"""What a serial console's log says: which stages a boot reached, and what it stopped at.

stages.py    the log as plain lines, and which stage a line belongs to
rules.py     the ways to stop: what is read, what it means, what to do
silence.py   what it means that nothing more was read
diagnose.py  all of them applied to a log
"""
