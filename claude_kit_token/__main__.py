"""`python -m claude_kit_token`."""

import sys

from claude_kit_token.cli import main

sys.exit(main())
