"""What it costs: zones, calendars, tariffs, plans, allowances, products, subscriptions, VAT rates."""
