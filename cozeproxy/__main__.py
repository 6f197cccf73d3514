"""``python -m cozeproxy``, the same program as the console script ``cozeproxy``."""

import sys

from cozeproxy.cli import main

if __name__ == "__main__":
    sys.exit(main())
