"""What authors do: write, check, preview, import and publish articles."""
