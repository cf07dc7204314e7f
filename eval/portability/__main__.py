"""`python -m eval.portability`."""

import sys

from eval.portability.portability import main

if __name__ == "__main__":
    sys.exit(main())
