"""A forgotten password: the link by which its owner chooses another."""
