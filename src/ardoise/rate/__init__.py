"""2. Usage -> charges, a month at a time or one call explained."""
