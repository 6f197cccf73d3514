"""Measure what relaying costs, in turns with nginx and with nothing in between.

Nothing else should run meanwhile. What is printed is Markdown.
"""

import argparse
import json
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmark import machine, nginx, report
from benchmark.figures import (
    COPIES,
    FULL,
    QUICK,
    QUIET_SERVICE,
    SECTIONS,
    SERVICE,
    SMOKE,
    Bench,
    Results,
    Scale,
)
from benchmark.subjects import QUIET, ROOT, Stage, Variant


def main() -> None:
    """Measure what was chosen, and print it."""
    chosen = arguments()
    scale = scaled(chosen)
    variants = [Variant(SERVICE, chosen.checkout)]
    variants += [Variant(path.name, path) for path in chosen.versus]
    program = nginx.program()
    facts = machine.facts(variants[0], program)
    results = measured(variants, program, scale, chosen.only)
    lines = list(report.rows(results))
    print("\n".join(f"* {name}: {fact}" for name, fact in facts.items()))
    print(f"* rounds: {scale.rounds}, of {scale.seconds:g} s for each; the figures are medians")
    print(f"* other programs meanwhile: {report.others(results)}\n")
    print(report.table(lines))
    missed = [line.label for line in lines if "missed" in line.verdict]
    if missed:
        print(f"\nMissed: {'; '.join(missed)}.")
    if chosen.json:
        outcome: dict[str, Any] = {"facts": facts, "scale": scale._asdict(), "figures": results}
        outcome["table"] = [line._asdict() for line in lines]
        chosen.json.write_text(json.dumps(outcome, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, help="how often each is measured")
    parser.add_argument("--seconds", type=float, help="for how long each time")
    parser.add_argument(
        "--connections", type=numbers, help="numbers of dripped streams, with commas between"
    )
    parser.add_argument(
        "--only",
        type=sections,
        default=list(SECTIONS),
        metavar="SECTIONS",
        help=f"with commas between: {', '.join(SECTIONS)}",
    )
    parser.add_argument(
        "--quick", dest="scale", action="store_const", const=QUICK, default=FULL, help="less of all"
    )
    parser.add_argument(
        "--smoke",
        dest="scale",
        action="store_const",
        const=SMOKE,
        help="hardly any load, only to see that it works",
    )
    parser.add_argument(
        "--checkout", type=folder, default=ROOT, help="measure the service of another checkout"
    )
    parser.add_argument(
        "--versus",
        type=folder,
        action="append",
        default=[],
        metavar="CHECKOUT",
        help="compare with the service of another checkout; may be given more than once",
    )
    parser.add_argument("--json", type=Path, metavar="FILE", help="write all figures there")
    return parser.parse_args()


def numbers(text: str) -> list[int]:
    """Read numbers with commas between."""
    return [int(word) for word in text.split(",")]


def sections(text: str) -> list[str]:
    """Read names of sections with commas between."""
    unknown = set(text.split(",")) - set(SECTIONS)
    if unknown:
        raise argparse.ArgumentTypeError(f"there is no {', '.join(sorted(unknown))}")
    return text.split(",")


def folder(text: str) -> Path:
    """Read a checkout's folder."""
    path = Path(text).resolve()
    if not (path / "cozeproxy").is_dir():
        raise argparse.ArgumentTypeError(f"{path} is no checkout")
    return path


def scaled(chosen: argparse.Namespace) -> Scale:
    """Return how much there is to be of everything."""
    scale: Scale = chosen.scale
    return scale._replace(
        rounds=chosen.rounds or scale.rounds,
        seconds=chosen.seconds or scale.seconds,
        drips=chosen.connections or scale.drips,
    )


def measured(
    variants: list[Variant], program: str | None, scale: Scale, sections: list[str]
) -> Results:
    """Measure whatever there is to compare."""
    if not program:
        print("nginx is not installed, and is left out", file=sys.stderr)
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        forwarders, copies = [stage.direct()], []
        if program:
            forwarders.append(stage.nginx(program))
            copies = [stage.copies(variants[0], number, program) for number in COPIES]
        services = [stage.service(each) for each in variants]
        quiet = stage.service(Variant(QUIET_SERVICE, variants[0].checkout, QUIET))
        return Bench(stage, scale, forwarders, services, quiet, copies).run(sections, tell)


def tell(what: str) -> None:
    """Show on a terminal what is being measured."""
    if sys.stderr.isatty():
        print(f"\r\033[K{what}", end="", file=sys.stderr, flush=True)


if __name__ == "__main__":
    main()
