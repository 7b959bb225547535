"""`python -m kb.cli`: the command line where the script `kb` is not installed."""

from kb.cli.main import main

main()
