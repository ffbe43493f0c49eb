"""The bytes of a disk, whatever file they are kept in."""
