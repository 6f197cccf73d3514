"""What a process holds and has used, as the system counts it."""

import os
import re
from pathlib import Path


def resident(pid):
    """Bytes of memory."""
    rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
    found = re.search(r"^Rss: +(\d+) kB", rollup, re.MULTILINE)
    return int(found[1]) * 1024


def peak(pid):
    """The most bytes of memory that there ever were."""
    status = Path(f"/proc/{pid}/status").read_text()
    found = re.search(r"^VmHWM:\s+(\d+) kB", status, re.MULTILINE)
    return int(found[1]) * 1024


def cpu_seconds(pid):
    """Seconds of a processor."""
    fields = Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")
