"""The command line: click; the only place that prints or exits."""
