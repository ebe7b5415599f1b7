"""Reports: readings of charges and documents as tables, PDF and workbooks. Never writes business data."""
