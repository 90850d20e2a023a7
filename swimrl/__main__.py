"""``python -m swimrl`` is the ``swimrl`` command."""

from swimrl.cli.app import main

if __name__ == "__main__":
    main()
