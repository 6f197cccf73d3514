"""Settings of what the service shows of its work."""

from dataclasses import dataclass

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable


@dataclass(frozen=True)
class SeeingSettings:
    """What is logged."""

    enable_logging: bool = variable(values.boolean, True, "Log each request in one line")
