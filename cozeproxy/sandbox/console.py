"""The stand-in's own paths, below /sandbox: what there is, what arrived, gates, OAuth apps.

They are for tests in another process and for people with curl; they need no token and are not
recorded.
"""

import json

from tornado.web import HTTPError

from cozeproxy.sandbox import scenarios
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.scenarios.steps import Scenario


class ConsoleHandler(Handler):
    """A path of the stand-in itself."""

    def prepare(self) -> None:
        """Leave no record."""
        self.logid = ""

    def write_error(self, status_code: int, **_kwargs: object) -> None:
        """Say what is wrong, without Coze's envelope."""
        self.finish(json.dumps({"error": self._reason or str(status_code)}))


class OverviewHandler(ConsoleHandler):
    """GET /sandbox."""

    def get(self) -> None:
        """List the scenarios, a line each."""
        self.write_json(
            {
                "api_key": self.sandbox.API_KEY,
                "bots": _lines(scenarios.BOTS),
                "workflows": _lines(scenarios.WORKFLOWS),
                "chatflows": _lines(scenarios.CHATFLOWS),
                "voices": _lines(scenarios.VOICES),
            }
        )


class RequestsHandler(ConsoleHandler):
    """/sandbox/requests."""

    def get(self) -> None:
        """List what arrived, oldest first."""
        self.write_json({"requests": [record.to_json() for record in self.sandbox.requests]})

    def delete(self) -> None:
        """Forget what arrived."""
        self.sandbox.records.clear()
        self.set_status(204)


class GateHandler(ConsoleHandler):
    """/sandbox/gates/<name>."""

    def get(self, name: str) -> None:
        """Tell how many scripts stand at the gate."""
        self.write_json({"waiting": self.sandbox.gates.waiting(name)})

    def post(self, name: str) -> None:
        """Release one step, or as many as the query's ``steps`` says."""
        try:
            steps = int(self.get_query_argument("steps", "1"))
        except ValueError:
            raise HTTPError(400, reason="steps must be a number") from None
        self.sandbox.gates.release(name, steps)
        self.write_json({"waiting": self.sandbox.gates.waiting(name)})


class OAuthAppsHandler(ConsoleHandler):
    """/sandbox/oauth_apps."""

    def post(self) -> None:
        """Register the app of a JSON body ``{"app_id", "key_id", "public_key"}``."""
        try:
            body = json.loads(self.request.body)
            self.sandbox.register_oauth_app(body["app_id"], body["key_id"], body["public_key"])
        except (ValueError, TypeError, KeyError):
            raise HTTPError(400, reason="app_id, key_id and public_key are needed") from None
        self.set_status(204)


def _lines(listed: scenarios.Catalogue) -> list[dict[str, str]]:
    return [_line(scenario) for scenario in listed]


def _line(scenario: Scenario) -> dict[str, str]:
    return {"id": scenario.name, "about": scenario.about}
