"""`python -m cca_jax.cli`, for where the `cca-jax` script is not installed."""

import sys

from cca_jax.cli.main import main

sys.exit(main())
