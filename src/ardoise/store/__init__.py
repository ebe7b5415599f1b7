"""The only code that knows files and partitions: journal, blobs, tables. `journal` and `blobs` need no Django."""
