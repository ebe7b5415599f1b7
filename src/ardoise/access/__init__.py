"""Users, roles, scope, event log, outbox: what every write of the house leans on."""
