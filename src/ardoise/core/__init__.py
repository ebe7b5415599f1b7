"""What can be decided without touching the world: no Django, no columns, no files, no network, no clock."""
