"""Run the benchmark by hand: ``scripts/bench --help``."""

import argparse
import json
import statistics
import sys
import tempfile
from pathlib import Path
from typing import Any

from benchmark import measures
from benchmark.subjects import Stage, Subject, nginx_program

Rounds = list[dict[str, dict[str, float]]]


def main() -> None:
    """Measure what was chosen, and print it."""
    chosen = arguments()
    results: dict[str, Rounds] = {}
    with tempfile.TemporaryDirectory() as folder, Stage(Path(folder)) as stage:
        subjects = start(stage, chosen)
        for number in range(chosen.rounds):
            for name, options in figures(chosen).items():
                kind = getattr(measures, name.split("-")[0])
                outcome = {}
                for subject in subjects:
                    print(f"round {number + 1}: {name} {subject.name}", end="\r", file=sys.stderr)
                    outcome[subject.name] = kind(stage, subject, chosen.seconds, **options)
                results.setdefault(name, []).append(outcome)
                print(" " * 60, end="\r", file=sys.stderr)
    for name, rounds in results.items():
        show(name, rounds)
    if chosen.json:
        chosen.json.write_text(json.dumps(results, indent=1) + "\n")


def arguments() -> argparse.Namespace:
    """Read the command line."""
    parser = argparse.ArgumentParser(prog="scripts/bench", description=__doc__)
    parser.add_argument("--rounds", type=int, default=5)
    parser.add_argument("--only", help="burst, drip, with commas between", default="burst,drip")
    parser.add_argument("--connections", help="for drip, with commas between", default="100")
    parser.add_argument("--seconds", type=float, default=2.0)
    parser.add_argument("--versus", type=Path, action="append", default=[], help="another checkout")
    parser.add_argument("--json", type=Path)
    return parser.parse_args()


def figures(chosen: argparse.Namespace) -> dict[str, dict[str, Any]]:
    """Return the measurements of a round."""
    only = chosen.only.split(",")
    wanted: dict[str, dict[str, Any]] = {}
    if "burst" in only:
        wanted["burst-32"] = {"connections": 32}
    if "drip" in only:
        for number in chosen.connections.split(","):
            wanted[f"drip-{number}"] = {"connections": int(number)}
    return wanted


def start(stage: Stage, chosen: argparse.Namespace) -> list[Subject]:
    """Start what is compared."""
    subjects = [stage.direct()]
    nginx = nginx_program()
    if nginx:
        subjects.append(stage.nginx(nginx))
    else:
        print("nginx is not installed: left out", file=sys.stderr)
    subjects.append(stage.cozeproxy("cozeproxy"))
    for checkout in chosen.versus:
        path = checkout.resolve()
        subjects.append(stage.cozeproxy(path.name, path))
    return subjects


def show(name: str, rounds: Rounds) -> None:
    """Print medians of a figure, and the medians of its ratios to nginx in the same round."""
    print(f"{name}: medians of {len(rounds)} rounds")
    for subject in rounds[0]:
        said = [
            f"{key} {statistics.median(each[subject][key] for each in rounds):.3f}"
            for key in rounds[0][subject]
        ]
        if "nginx" in rounds[0] and subject not in ("nginx", "direct"):
            ratios = [each[subject]["cpu_us"] / each["nginx"]["cpu_us"] for each in rounds]
            said.insert(0, f"CPU x nginx {statistics.median(ratios):.2f}")
        print(f"  {subject:12}", " ".join(said))


if __name__ == "__main__":
    main()
