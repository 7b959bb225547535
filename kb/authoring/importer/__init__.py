"""Articles imported from an export of another knowledge base."""
