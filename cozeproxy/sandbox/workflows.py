"""/v1/workflow/... and the lists of workflows (docs.coze.cn: workflow_run, workflow_stream_run)."""

from collections.abc import Mapping
from typing import Any

from cozeproxy.sandbox import scenarios, validation
from cozeproxy.sandbox.chatting import debug_url
from cozeproxy.sandbox.errors import CozeError, missing_resource
from cozeproxy.sandbox.handler import Handler
from cozeproxy.sandbox.scenarios.run import Run
from cozeproxy.sandbox.scenarios.steps import Scenario, Start
from cozeproxy.sandbox.stage import Left, Stage, play
from cozeproxy.sandbox.state import Interrupt
from cozeproxy.sandbox.wire import Event, workflow_lines

MOST_RESUMES = 3
# The times and the author of everything that was never really made.
CREATED_AT = 1718289297
CREATOR = {"id": "7400000000000000009", "name": "sandbox"}


class WorkflowHandler(Handler):
    """An endpoint that plays workflow scripts."""

    def invalid_token(self) -> CozeError:
        """Return what was seen for /v1/workflow/stream_run: a real 401."""
        return CozeError(4100, status=401)

    async def play_run(self, interrupt: Interrupt, gate: str, came: Any = None) -> list[Event]:
        """Play a script to its end or to its next interrupt, and return all its events."""
        stage = self.stage or Stage(None, workflow_lines)
        seen: list[Event] = []
        try:
            script = await play(
                interrupt.script,
                stage,
                watch=seen.append,
                gate=lambda: self.sandbox.gates.step(gate),
                came=came,
            )
        except Left:
            return seen
        if script is not None:
            event_id = seen[-1].data["interrupt_data"]["event_id"]
            self.state.interrupts[event_id] = Interrupt(
                interrupt.workflow_id, script, interrupt.resumes
            )
        return seen

    async def stream(self, interrupt: Interrupt, gate: str, came: Any = None) -> None:
        """Play into this response."""
        self.stage = Stage(self, workflow_lines)
        await self.sandbox.play(self.play_run(interrupt, gate, came))
        if not self.stage.opened.is_set():
            await self.stage.start(Start())

    async def answer(self, interrupt: Interrupt, gate: str, came: Any = None) -> None:
        """Play without a stream and give the result, as /v1/workflow/run does."""
        seen = await self.sandbox.play(self.play_run(interrupt, gate, came)) or []
        self.succeed(**_result(seen, debug_url(self.state.new_id(), interrupt.workflow_id)))

    def begin(self) -> tuple[Interrupt, str]:
        """Check a request for a run; return its script, not yet begun, and its gate."""
        caller = self.authorize()
        body = self.json_body()
        parameters = validation.workflow_request(body)
        workflow_id = body["workflow_id"]
        scenario = scenarios.WORKFLOWS.find(workflow_id)
        if scenario is None:
            raise missing_resource("workflow_id", workflow_id)
        execute_id = self.state.new_id()
        run = Run(
            new_id=self.state.new_id,
            workflow_id=workflow_id,
            execute_id=execute_id,
            debug_url=debug_url(execute_id, workflow_id),
            parameters=parameters,
            body=body,
            token=caller.token,
            notebook=self.state.notebook,
        )
        return Interrupt(workflow_id, scenario.script(run), 0), gate_name(body, workflow_id)

    def resumed(self) -> tuple[Interrupt, str, str]:
        """Check a request to go on; return the script, its gate and what it is resumed with.

        Raises:
            CozeError: A field lacks (4000); the interrupt is unknown (4314), was answered, or is
                one too many (4315).
        """
        self.authorize()
        body = self.json_body()
        workflow_id, event_id, data = (
            validation.text_field(body, name) for name in ("workflow_id", "event_id", "resume_data")
        )
        if not isinstance(body.get("interrupt_type"), int):
            raise CozeError(4000)
        found = self.state.interrupts.get(event_id)
        if found is None or found.workflow_id != workflow_id:
            raise CozeError(4314)
        if found.resumed:
            raise CozeError(4315)
        found.resumed = True
        if found.resumes == MOST_RESUMES:
            raise CozeError(4315, "The run was resumed too often.")
        resumed = Interrupt(workflow_id, found.script, found.resumes + 1)
        return resumed, gate_name(body, workflow_id), data


class RunHandler(WorkflowHandler):
    """POST /v1/workflow/run."""

    async def post(self) -> None:
        """Run to the end, then answer."""
        if self.json_body().get("is_async"):
            raise CozeError(6003)
        await self.answer(*self.begin())


class ResumeHandler(WorkflowHandler):
    """POST /v1/workflows/resume, for a run that was not streamed."""

    async def post(self) -> None:
        """Go on to the end, then answer."""
        await self.answer(*self.resumed())


class StreamRunHandler(WorkflowHandler):
    """POST /v1/workflow/stream_run."""

    async def post(self) -> None:
        """Run and stream."""
        await self.stream(*self.begin())


class StreamResumeHandler(WorkflowHandler):
    """POST /v1/workflow/stream_resume."""

    async def post(self) -> None:
        """Go on and stream; ids of events start from 0 again."""
        await self.stream(*self.resumed())


class ListHandler(Handler):
    """GET /v1/workflows."""

    def get(self) -> None:
        """List published workflows and chatflows; times are strings here."""
        self.authorize()
        self.need("workspace_id")
        mode = self.query().get("workflow_mode")
        catalogues = {"workflow": scenarios.WORKFLOWS, "chatflow": scenarios.CHATFLOWS}
        listed = [
            _item(scenario)
            for name, catalogue in catalogues.items()
            if mode in (None, name)
            for scenario in catalogue.published()
        ]
        items, more = self.page({item["workflow_id"]: item for item in listed}.values(), 10)
        self.succeed({"items": items, "has_more": more})


class DetailHandler(Handler):
    """GET /v1/workflows/<id>."""

    def get(self, workflow_id: str) -> None:
        """Describe a workflow; times are numbers here."""
        self.authorize()
        scenario = scenarios.WORKFLOWS.find(workflow_id) or scenarios.CHATFLOWS.find(workflow_id)
        if scenario is None:
            raise missing_resource("workflow_id", workflow_id)
        times = {"created_at": CREATED_AT, "updated_at": CREATED_AT}
        data: dict[str, Any] = {
            "workflow_detail": {**_item(scenario), "workflow_id": workflow_id, **times}
        }
        if self.query().get("include_input_output") == "true":
            text = {"type": "string", "description": "", "required": False}
            data["input"] = {"parameters": {"input": text}}
            data["output"] = {"terminate_plan": "return_variables", "parameters": {"output": text}}
        self.succeed(data)


def gate_name(body: Mapping[str, Any], workflow_id: str) -> str:
    """Return the parameter ``gate``, else ``user_id`` of ``ext``, else the workflow's id."""
    parameters, ext = body.get("parameters"), body.get("ext")
    named = parameters.get("gate") if isinstance(parameters, dict) else None
    return str(named or (ext or {}).get("user_id") or workflow_id)


def _item(scenario: Scenario) -> dict[str, Any]:
    return {
        "workflow_id": scenario.name,
        "workflow_name": scenario.about.rstrip("."),
        "description": scenario.about,
        "icon_url": "",
        "app_id": "0",
        "creator": CREATOR,
        "created_at": str(CREATED_AT),
        "updated_at": str(CREATED_AT),
    }


def _result(seen: list[Event], page: str) -> dict[str, Any]:
    """Return the answer of a run that is not streamed: ``data`` is a string, the rest beside it."""
    last = {event.name: event.data for event in seen}
    if "Error" in last:
        raise CozeError(last["Error"]["error_code"], last["Error"]["error_message"])
    # cozepy 0.20.0 cannot do without debug_url (request.py, _format_requests_code_msg).
    execute_id = page.partition("execute_id=")[2].partition("&")[0]
    answer = {"debug_url": page, "execute_id": execute_id}
    if "Interrupt" in last:
        return {**answer, "data": "", "interrupt_data": last["Interrupt"]["interrupt_data"]}
    message = last.get("Message", {"content": ""})
    result: dict[str, Any] = {"data": message["content"], **answer}
    return result | ({"usage": message["usage"]} if "usage" in message else {})
