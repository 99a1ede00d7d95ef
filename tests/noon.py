"""Lets a run of the tests begin at noon: at a midnight on the way a day's limit would begin anew, and a test buy twice.

Zones, days and midnights have tests of their own, which say what time it is.
"""

from __future__ import annotations

import os
import time


def begin_at_noon() -> None:
    """Put this process, and those that it starts, into a zone in which it is between twelve and one now."""
    if hasattr(time, "tzset"):
        os.environ["TZ"] = f"NOON{time.gmtime().tm_hour - 12:+d}"  # of POSIX: hours to the west
        time.tzset()
