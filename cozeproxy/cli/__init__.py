"""The command line: ``cozeproxy serve | sandbox | check | config``.

Exit status: 0 when the work is done or a signal has ended it, 1 when a port cannot be had or a
check has failed, 2 when the arguments or the settings do not do. What was asked for goes to stdout,
complaints to stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path

from cozeproxy import __version__
from cozeproxy.settings import SettingsError

NOT_USABLE = 2  # argparse's own status for arguments that it cannot use


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; without ``arguments`` those of the process."""
    chosen = _parser().parse_args(arguments)
    # Only the module of the chosen command is loaded: --help needs no HTTP, a service no stand-in.
    command = import_module(f"cozeproxy.cli.{chosen.command}")
    try:
        status: int = command.run(chosen)
    except SettingsError as error:
        print(f"cozeproxy: {error}", file=sys.stderr)
        return NOT_USABLE
    return status


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="cozeproxy", description="OpenAI's API in front of Coze bots and workflows."
    )
    parser.add_argument("--version", action="version", version=f"cozeproxy {__version__}")
    commands = parser.add_subparsers(
        title="commands", dest="command", metavar="COMMAND", required=True
    )
    _describe_serve(commands.add_parser("serve", help="run the service"))
    _describe_sandbox(commands.add_parser("sandbox", help="run the stand-in for Coze alone"))
    _describe_check(commands.add_parser("check", help="try what the service needs, step by step"))
    _describe_config(commands.add_parser("config", help="show the settings in force"))
    return parser


def _describe_serve(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", help="address to listen on, in place of HOST")
    command.add_argument("--port", help="port to listen on, in place of PORT; 0 is any free one")
    _describe_env_file(command)
    command.add_argument(
        "--sandbox",
        nargs="?",
        choices=["always", "auto"],
        const="always",
        default="never",
        help="use the bundled stand-in for Coze, even if there are credentials;"
        " --sandbox=auto: only if there are none",
    )
    command.add_argument("--dev", action="store_true", help="start anew when a file changes")
    command.add_argument(
        "--quickstart", action="store_true", help="print, once it answers, lines to try it with"
    )


def _describe_sandbox(command: argparse.ArgumentParser) -> None:
    command.add_argument("--host", default="127.0.0.1", help="address to listen on (%(default)s)")
    command.add_argument("--port", default="3001", help="port to listen on (%(default)s)")


def _describe_check(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jwt", action="store_true", required=True, help="the way to an OAuth token (COZE_JWT_*)"
    )
    command.add_argument("--json", action="store_true", help="as JSON")
    _describe_env_file(command)


def _describe_config(command: argparse.ArgumentParser) -> None:
    _describe_env_file(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def _describe_env_file(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--env-file", type=Path, metavar="FILE", help="settings to read in place of those in .env"
    )
