"""What a build makes of the Dockerfile, in a folder and an environment instead of an image."""

import json
import shutil

from docker.utils import exclude_paths
from dockerfile_parse import DockerfileParser

from tests.support.environments import Environment
from tests.support.processes import ROOT

# Instructions that say something to whoever runs the image, and make nothing.
SAYING = {"EXPOSE", "HEALTHCHECK", "CMD", "USER"}


def instructions():
    """The instructions of the Dockerfile, each with its value."""
    parser = DockerfileParser(str(ROOT / "Dockerfile"))
    lines = [(line["instruction"], line["value"]) for line in parser.structure]
    return [line for line in lines if line[0] != "COMMENT"]


def value_of(instruction):
    """The value of an instruction that is there once."""
    (value,) = [value for name, value in instructions() if name == instruction]
    return value


def context(checkout=ROOT):
    """The files of a checkout that a build is given."""
    lines = (ROOT / ".dockerignore").read_text().splitlines()
    patterns = [line for line in lines if line and not line.startswith("#")]
    return {path for path in exclude_paths(str(checkout), patterns) if (checkout / path).is_file()}


class Image:
    """The image, built step by step.

    Attributes:
        folder: its WORKDIR.
        environment: where its Python is.
        variables: what ENV has set.
    """

    def __init__(self, folder, checkout):
        self.folder = folder / "image"
        self.environment = Environment(folder / "python")
        self.variables = {}
        self._checkout = checkout
        self._context = context(checkout)
        for instruction, value in instructions():
            if instruction not in SAYING:
                getattr(self, f"_{instruction.lower()}")(value)

    def command(self, text):
        """A command in the exec form, with this Python."""
        program, *arguments = json.loads(text)
        return [self.environment.bin / program, *arguments]

    def _from(self, value):
        assert value.startswith("python:")

    def _workdir(self, value):
        assert value.startswith("/")
        self.folder.mkdir()

    def _copy(self, value):
        source, target = value.split()
        files = [path for path in self._context if path == source or path.startswith(f"{source}/")]
        assert files, f"there is nothing to copy as {source}"
        for path in files:
            placed = self.folder / target / path.removeprefix(source).lstrip("/")
            if path == source:
                placed = self.folder / target / source
            placed.parent.mkdir(parents=True, exist_ok=True)
            shutil.copy(self._checkout / path, placed)

    def _run(self, value):
        result = self.environment.run(json.loads(value), self.folder)
        assert result.returncode == 0, result.stdout + result.stderr

    def _env(self, value):
        self.variables |= dict(pair.split("=", 1) for pair in value.split())
