"""Entries and balances: double entry, never updated. No flow: others post, this keeps."""
