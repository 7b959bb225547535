"""From a commit of articles to what readers find, and back again."""
