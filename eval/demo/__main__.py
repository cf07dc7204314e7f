"""`python -m eval.demo`."""

import sys

from eval.demo.demo import main

if __name__ == "__main__":
    sys.exit(main())
