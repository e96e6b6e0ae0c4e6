"""`python -m services.cli` is `plaudit`."""

from services.cli.main import main

main()
