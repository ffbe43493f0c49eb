"""qcow2: header, safety rules, tables, snapshots. Source: QEMU, docs/interop/qcow2.rst."""

MIN_CLUSTER_BITS, MAX_CLUSTER_BITS = 9, 21
