"""3. Charges -> documents: recurring charges, checks, previews, issue, credit notes."""
