"""Who: issuers, accounts, lines and what names them, between two dates."""
