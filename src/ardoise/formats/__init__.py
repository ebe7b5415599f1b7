"""PBX and operator formats: one folder each. Pure: bytes in, readings out; no file, no network, no clock."""
