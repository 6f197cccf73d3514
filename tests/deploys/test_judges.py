"""What is deployed, as the programs see it that know such files: each names what it finds."""

import pytest

from tests.support.environments import Environment
from tests.support.processes import ROOT

pytestmark = [pytest.mark.package, pytest.mark.timeout(600)]

DOCKERFILE = ROOT / "Dockerfile"
COMPOSE = ROOT / "deploy" / "compose.yaml"
KUBERNETES = ROOT / "deploy" / "kubernetes.yaml"
JUDGES = {
    "hadolint": (["hadolint"], DOCKERFILE),
    "compose": (["check-jsonschema", "--builtin-schema", "vendor.compose-spec"], COMPOSE),
    "kubernetes": (["kubernetes-validate", "--strict"], KUBERNETES),
}
# What each must find where it is put in.
MISTAKES = {
    "hadolint": ('CMD ["python"', 'CMD python "'),
    "compose": ("stop_grace_period", "stop_grace"),
    "kubernetes": ("readOnlyRootFilesystem", "readOnlyRoot"),
}


@pytest.fixture(scope="module")
def environment(tmp_path_factory):
    folder = tmp_path_factory.mktemp("judges") / "environment"
    return Environment(folder, ROOT / "tests" / "deploys" / "requirements.txt")


@pytest.mark.parametrize("name", JUDGES)
def test_a_judge_finds_nothing_but_what_is_put_in(name, environment, tmp_path):
    command, file = JUDGES[name]
    result = environment.run([*command, file], tmp_path)
    assert result.returncode == 0, result.stdout + result.stderr
    text = file.read_text()
    right, wrong = MISTAKES[name]
    assert right in text
    mistaken = tmp_path / file.name
    mistaken.write_text(text.replace(right, wrong))
    assert environment.run([*command, mistaken], tmp_path).returncode != 0
