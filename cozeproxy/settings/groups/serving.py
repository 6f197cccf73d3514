"""Settings of where the service listens."""

from dataclasses import dataclass

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable


@dataclass(frozen=True)
class ServingSettings:
    """Where callers reach the service."""

    host: str = variable(values.host, "127.0.0.1", "Address to listen on; 0.0.0.0 is all of them")
    port: int = variable(values.port, 3000, "Port to listen on; 0 is any free one")
