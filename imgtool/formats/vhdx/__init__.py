"""VHDX: header and log, metadata, block table. Source: Microsoft, [MS-VHDX]."""
