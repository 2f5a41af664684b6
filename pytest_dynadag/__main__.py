"""`python -m pytest_dynadag merge`: the reports of several shards as one."""

from __future__ import annotations

import argparse
import sys
from collections.abc import Sequence
from pathlib import Path

from pytest_dynadag.errors import DynadagError
from pytest_dynadag.graph.text import count_of
from pytest_dynadag.render.coverage import find_percent
from pytest_dynadag.render.merging import merge, read_report
from pytest_dynadag.render.report import BAD, SessionReport
from pytest_dynadag.render.summary import describe_coverage, describe_findings
from pytest_dynadag.render.writing import ENDINGS, write_report


def main(arguments: Sequence[str] | None = None) -> int:
    """
    Merge the reports that *arguments* name, say what is in them, and write what is asked for.

    Returns:
        0; 1 where a check failed or less is covered than asked for; 2 where a report cannot be read or written.
    """
    asked = _parse(arguments)
    try:
        report = merge([read_report(path) for path in asked.reports])
        for path in asked.output:
            write_report(report, path)
    except (DynadagError, OSError) as error:
        print(error, file=sys.stderr)
        return 2
    print("\n".join(describe(report, asked.cov_fail_under)))
    too_little = asked.cov_fail_under is not None and find_percent(report.coverage) < asked.cov_fail_under
    return int(too_little or any(check.outcome in BAD for check in report.checks))


def describe(report: SessionReport, least: float | None) -> list[str]:
    """Say in a few lines what a report holds."""
    bad = [check.nodeid for check in report.checks if check.outcome in BAD]
    counted = [
        count_of(len(report.dag_ids), "DAG"),
        count_of(len(report.checks), "check"),
        f"{len(bad)} failed",
    ]
    failed = [f"FAILED {nodeid}" for nodeid in bad]
    return [*failed, *describe_findings(report.findings), *_cover(report, least), ", ".join(counted)]


def _cover(report: SessionReport, least: float | None) -> list[str]:
    return describe_coverage(report.coverage, full=True, least=least) if report.coverage else []


def _parse(arguments: Sequence[str] | None) -> argparse.Namespace:
    parser = argparse.ArgumentParser(
        prog="python -m pytest_dynadag",
        description="What is done with the reports of pytest --dynadag-report.",
    )
    commands = parser.add_subparsers(required=True, metavar="COMMAND")
    merging = commands.add_parser("merge", help="make one report of those of several shards")
    merging.add_argument("reports", nargs="+", type=Path, metavar="REPORT.json", help="a shard's report")
    merging.add_argument(
        "-o", "--output", type=_read_output, action="append", default=[], metavar="PATH",
        help=f"write the merged report: {', '.join(ENDINGS)} by its ending; repeatable",
    )  # fmt: skip
    merging.add_argument(
        "--cov-fail-under", type=float, metavar="PERCENT",
        help="fail where all shards together covered less than that of what mapped tasks and groups can become",
    )  # fmt: skip
    return parser.parse_args(arguments)


def _read_output(text: str) -> Path:
    if Path(text).suffix.lower() not in ENDINGS:
        raise argparse.ArgumentTypeError(f"{text!r}: its ending says the form, one of {', '.join(ENDINGS)}")
    return Path(text)


if __name__ == "__main__":
    sys.exit(main())
