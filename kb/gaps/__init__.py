"""What people looked for and did not find: failed searches by meaning, with lasting numbers."""
