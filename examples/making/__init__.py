"""How the two example companies are made: every name, number and call in them is invented."""
