"""Sample data: believable customers, helpers and tasks that show the marketplace at work."""
