"""Wrong passwords, counted so that guessing takes longer and longer."""
