"""The rules of the business in plain Python: no database, no web, no clock."""
