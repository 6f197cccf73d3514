"""Settings of what the service shows of its work."""

from dataclasses import dataclass

from cozeproxy.settings import values
from cozeproxy.settings.declaring import variable
from cozeproxy.settings.values import LogFormat, LogLevel, Secret


@dataclass(frozen=True)
class SeeingSettings:
    """What is logged, and who may see the metrics."""

    enable_logging: bool = variable(values.boolean, True, "Log each request in one line")
    log_format: LogFormat = variable(
        values.log_format, "text", "Form of the log: text, or json with one object a line"
    )
    log_level: LogLevel = variable(
        values.log_level, "info", "The least that is logged: debug, info, warning or error"
    )
    metrics_key: Secret | None = variable(
        values.key,
        None,
        "Key that opens /metrics and nothing else",
        example="your-metrics-key",
        secret=True,
    )
    metrics_public: bool = variable(values.boolean, False, "Let everybody see /metrics")
