"""The command line: click; the only place that prints or exits.

main.py runs a command and turns every way of failing into its exit status; group.py knows the commands, and
commands/ has one file a command.
"""

import gc

gc.set_threshold(50_000, 20, 20)  # what is imported stays: looking through it again and again takes 10 ms
