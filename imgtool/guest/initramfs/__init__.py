"""Reads every segment of an initramfs and finds the kernel modules inside."""
