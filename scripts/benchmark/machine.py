"""What a run was made with: figures mean little without it."""

import os
import platform
import re
import subprocess
from pathlib import Path

from benchmark.subjects import Variant

VERSIONS = """\
import platform, pycurl, tornado
print("Python", platform.python_version())
print("Tornado", tornado.version)
print(pycurl.version)
"""


def facts(variant: Variant, nginx: str | None) -> dict[str, str]:
    """Return what the machine is, and the versions of what was measured."""
    said = _output([variant.python, "-c", VERSIONS]).splitlines()
    # pycurl tells all that it is made of; what matters is libcurl.
    libcurl = [word for line in said[2:] for word in line.split() if word.startswith("libcurl")]
    return {
        "processor": f"{_processor()}, {len(os.sched_getaffinity(0))} cores",
        "system": f"{platform.system()} {platform.release()}",
        "service": ", ".join([*said[:2], *libcurl]),
        "nginx": _output([nginx, "-v"]).strip().rpartition("/")[2] if nginx else "not installed",
    }


def _processor() -> str:
    found = re.search(r"^model name\s*: (.+)", Path("/proc/cpuinfo").read_text(), re.MULTILINE)
    return found[1] if found else platform.machine()


def _output(command: list[str]) -> str:
    finished = subprocess.run(
        command, check=True, text=True, stdout=subprocess.PIPE, stderr=subprocess.STDOUT
    )
    return finished.stdout
