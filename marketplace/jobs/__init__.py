"""What happens later: deliveries, deadlines and derived figures, all repeatable without harm."""
