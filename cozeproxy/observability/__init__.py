"""What the service shows of its work: its log, and numbers for those who watch it.

``record`` has what is known of one request, and is all that handlers deal with: it writes itself
into the log and the metrics. ``logs`` has the log's two forms and how it is set up, ``lines`` what
may stand in a line, ``batches`` and ``pipes`` how lines are written; ``metrics`` has the numbers, ``lag`` how
late the event loop is. Nothing here ever shows a key, a token, or the text of a message;
docs/logging.md lists all that is shown.
"""

from cozeproxy.observability.lag import LoopLag
from cozeproxy.observability.lines import request_id
from cozeproxy.observability.logs import configure_logging, silence_quotes
from cozeproxy.observability.metrics import Metrics, TokenTally
from cozeproxy.observability.record import Answer, RequestRecord

__all__ = [
    "Answer",
    "LoopLag",
    "Metrics",
    "RequestRecord",
    "TokenTally",
    "configure_logging",
    "request_id",
    "silence_quotes",
]
