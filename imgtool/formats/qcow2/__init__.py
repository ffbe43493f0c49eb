"""qcow2: header, safety rules, tables, snapshots. Source: QEMU, docs/interop/qcow2.rst."""
