"""VMDK: monolithicSparse, streamOptimized, and a descriptor beside its flat file."""
