"""The terminal: translate words into one call of an operation or a query, print the answer."""
