"""What people looked for and did not find: failed searches by meaning, and their answers."""
