"""One file, one check; this package finds them."""
