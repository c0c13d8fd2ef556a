"""``python -m rasterwire.cli``."""

from rasterwire.cli.main import main

main()
