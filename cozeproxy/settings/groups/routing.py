"""Settings of where requests go, and what they become there."""

from collections.abc import Mapping
from dataclasses import dataclass
from typing import Any

from cozeproxy.settings import models, values
from cozeproxy.settings.declaring import variable
from cozeproxy.settings.values import ModelType, UnknownModel, WorkflowOutput


@dataclass(frozen=True)
class RoutingSettings:
    """What model names stand for, and how workflows are asked."""

    default_model_type: ModelType = variable(
        values.model_type, "chat", "Type of requests that name none: " + values.MODEL_TYPES
    )
    model_map: Mapping[str, Mapping[str, Any]] | None = variable(
        models.model_map,
        None,
        "Model names and what they stand for: JSON, or the path of a file with it",
        example="your-models.json",
    )
    unknown_model: UnknownModel = variable(
        values.unknown_model,
        "default",
        "Model names that say nothing take the defaults (default) or are an error (reject)",
    )
    models_ttl: float = variable(
        values.seconds, 300.0, "Seconds for which the list of bots and workflows is kept"
    )
    workflow_input_key: str = variable(
        values.parameter, "input", "Parameter of a workflow that the user's text becomes"
    )
    workflow_json_input: bool = variable(
        values.boolean, False, "Take a user's text that is a JSON object as a workflow's parameters"
    )
    workflow_output: WorkflowOutput = variable(
        values.workflow_output,
        "auto",
        "Output of a workflow's End node: its one text (auto) or its JSON (raw)",
    )
