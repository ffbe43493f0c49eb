"""The command line: click; the only place that prints or exits.

main.py runs a command and turns every way of failing into its exit status; commands/ has one file a command.
"""
