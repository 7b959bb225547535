"""Private links to tickets: what is kept of them, and how a lost one is sent again."""
