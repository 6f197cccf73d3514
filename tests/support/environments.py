"""Python environments of their own, for programs that are no part of the service's."""

import os
import venv

from tests.support.processes import finished


class Environment:
    """Has what a file of requirements asks for.

    Attributes:
        bin: the folder of its programs.
    """

    def __init__(self, folder, requirements=None):
        venv.create(folder, with_pip=True)
        self.bin = folder / "bin"
        if requirements:
            result = self.run(
                ["python", "-m", "pip", "install", "--quiet", "--requirement", requirements], folder
            )
            assert result.returncode == 0, result.stderr

    @property
    def path(self):
        """The PATH of who uses it."""
        return f"{self.bin}{os.pathsep}{os.environ['PATH']}"

    def run(self, command, cwd, **environment):
        """Run one of its programs to its end; return what came of it."""
        program, *arguments = command
        return self._finished([self.bin / program, *arguments], cwd, environment)

    def shell(self, commands, cwd, **environment):
        """Run commands of the shell that know its programs, up to the first that fails."""
        return self._finished(["sh", "-euc", commands], cwd, environment)

    def _finished(self, command, cwd, environment):
        return finished(command, cwd, **{"PATH": self.path, "PYTHONPATH": "", **environment})
