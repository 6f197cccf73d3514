"""The command line: ``cozeproxy serve | sandbox | chat | check | config``.

Exit status: 0 when the work is done or a signal has ended it, 1 when a port cannot be had, a check
has failed or a question was not answered, 2 when the arguments or the settings do not do. What was
asked for goes to stdout, complaints to stderr.
"""

import argparse
import sys
from collections.abc import Sequence
from importlib import import_module
from pathlib import Path
from typing import get_args

from cozeproxy import __version__
from cozeproxy.cli.errors import UsageError
from cozeproxy.settings import ModelType, SettingsError

NOT_USABLE = 2  # argparse's own status for arguments that it cannot use


def main(arguments: Sequence[str] | None = None) -> int:
    """Run one command and return its exit status; without ``arguments`` those of the process."""
    chosen = _parser().parse_args(arguments)
    # Only the module of the chosen command is loaded: --help needs no HTTP, a service no stand-in.
    command = import_module(f"cozeproxy.cli.{chosen.command}")
    try:
        status: int = command.run(chosen)
    except (SettingsError, UsageError) as error:
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
    _describe_chat(commands.add_parser("chat", help="talk to a running service"))
    _describe_check(commands.add_parser("check", help="try a running service, and what it needs"))
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


def _describe_chat(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "message",
        nargs="?",
        metavar="MESSAGE",
        help="what to say; without it, a conversation that ends with the input (Ctrl-D)",
    )
    command.add_argument("--model", default="gpt-4", help="model name (%(default)s)")
    command.add_argument("--type", choices=get_args(ModelType), help="type of the request")
    command.add_argument("--bot-id", metavar="ID", help="bot to ask")
    command.add_argument("--workflow-id", metavar="ID", help="workflow or chatflow to run")
    command.add_argument("--conversation-id", metavar="ID", help="conversation to go on with")
    command.add_argument(
        "--image",
        action="append",
        default=[],
        metavar="FILE|URL",
        help="image to show with the first message; can be given again",
    )
    command.add_argument(
        "--param",
        action="append",
        default=[],
        metavar="NAME=VALUE",
        help="parameter of a workflow: JSON, or else text; can be given again; a workflow gets them"
        " in place of MESSAGE, a chatflow beside it",
    )
    command.add_argument(
        "--no-stream", action="store_true", help="print the answer when it is whole"
    )
    command.add_argument(
        "--json", action="store_true", help="print what the service sends, one object a line"
    )
    _describe_service(command)


def _describe_check(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--jwt",
        action="store_true",
        help="only the way to an OAuth token (COZE_JWT_*), without a service",
    )
    command.add_argument("--deep", action="store_true", help="ask the bot, which costs quota")
    command.add_argument(
        "--workflow", action="store_true", help="run the workflow, whatever it does"
    )
    command.add_argument("--json", action="store_true", help="as JSON")
    command.add_argument(
        "--admin-key", metavar="KEY", help="PROXY_ADMIN_KEY of the service at --url"
    )
    _describe_service(command)


def _describe_service(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--url",
        help="where the service is, with or without /v1; else where HOST and PORT say, with the"
        " keys in the settings",
    )
    command.add_argument("--key", help="key to show to the service")
    command.add_argument(
        "--ca-file",
        type=Path,
        metavar="FILE",
        help="certificates to trust at the service in place of the usual ones, as PEM",
    )
    _describe_env_file(command)


def _describe_config(command: argparse.ArgumentParser) -> None:
    _describe_env_file(command)
    command.add_argument("--json", action="store_true", help="as JSON")


def _describe_env_file(command: argparse.ArgumentParser) -> None:
    command.add_argument(
        "--env-file", type=Path, metavar="FILE", help="settings to read in place of those in .env"
    )
