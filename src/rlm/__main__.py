"""`python -m rlm`, the same as the command `rlm`."""

import sys

from rlm.cli import main

sys.exit(main())
