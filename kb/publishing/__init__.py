"""Publishing: a commit of articles becomes what readers find; previews, rollbacks and repair."""
