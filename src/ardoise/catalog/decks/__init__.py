"""Rate decks: suppliers' price lists in CSV and XLSX, read, compared with a tariff, and written."""
