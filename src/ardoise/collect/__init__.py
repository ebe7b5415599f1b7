"""1. Tickets in: journal first, then usage. Never lost, never twice."""
