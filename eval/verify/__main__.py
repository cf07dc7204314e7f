"""`python -m eval.verify`."""

import sys

from eval.verify.verify import main

if __name__ == "__main__":
    sys.exit(main())
