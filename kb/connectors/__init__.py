"""Ways out of the product: mail today, other people's ticket systems later."""
