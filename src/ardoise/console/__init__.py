"""Staff web: translate a request, call one operation or query, render."""
