"""HTTP: the pages, the JSON API, and what stands in front of both."""
