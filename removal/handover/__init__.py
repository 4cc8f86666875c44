"""What is exchanged with other teams: masks checked, masks exported."""
