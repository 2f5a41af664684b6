"""Circumstances: what a generation may depend on and must not, and how a generation varies them."""

# Everything is fixed: the same seeds, instants and orders in every session, so that the verdict is the same too.

from __future__ import annotations

from collections.abc import Iterable, Mapping
from dataclasses import dataclass, field, replace
from datetime import datetime, timezone
from typing import Any

from pytest_dynadag.errors import DynadagError, UnknownNameError

SEEDS = 5
"""How many generations are compared: five values find 94 % of sets of two and all larger ones."""


@dataclass(frozen=True, slots=True)
class Circumstance:
    """
    Something that a generation must not depend on.

    Attributes:
        name: What options call it.
        rule: The code of the finding.
        words: What it is called in a sentence.
        remedy: What to write instead.
        on_request: Whether it is varied only where somebody asks for it.
    """

    name: str
    rule: str
    words: str
    remedy: str
    on_request: bool = False


CIRCUMSTANCES: dict[str, Circumstance] = {
    entry.name: entry
    for entry in (
        Circumstance(
            "hash_seed",
            "DYN102",
            "the hash seed",
            "sort what comes out of the set, sorted(...), or write a list; instead of hash() use hashlib",
        ),
        Circumstance(
            "clock",
            "DYN103",
            "the clock",
            "use a fixed date, or the logical date of the run: {{ ds }} in a template, or "
            "get_current_context() in a task",
        ),
        Circumstance(
            "randomness",
            "DYN104",
            "randomness",
            "derive the value from the DAG and its data, seed a generator of its own, random.Random(42), or draw "
            "inside a task",
        ),
        Circumstance(
            "listing_order",
            "DYN105",
            "the order of a directory listing",
            "sort the listing: sorted(os.listdir(...)), sorted(path.glob(...))",
        ),
        Circumstance(
            "environment",
            "DYN106",
            "the environment",
            "ask for it inside a task, or use what is the same on every machine: an Airflow Variable, a "
            "configuration file beside the DAG",
        ),
        Circumstance(
            "time_zone",
            "DYN107",
            "the time zone",
            'name the time zone: datetime(..., tzinfo=timezone.utc), pendulum.datetime(..., tz="UTC")',
        ),
        Circumstance(
            "parsing_context",
            "DYN108",
            "the parsing context",
            "with get_parsing_context() leave out other DAGs only: the DAG that is asked for must be the one "
            "the scheduler saw",
        ),
        Circumstance(
            "second_parse",
            "DYN101",
            "what was parsed before",
            "build what a parse needs inside the file, from nothing: a module that is imported keeps its state "
            "between two parses",
        ),
        Circumstance(
            "working_directory",
            "DYN106",
            "the current directory",
            "start paths at the file: Path(__file__).parent",
            on_request=True,
        ),
    )
}
"""Every circumstance by its name, in the order in which a cause is looked for."""

OWN_RULE = "DYN106"
"""The code of a circumstance that a user added: it belongs to the surroundings."""

# Each differs from all others in hour, minute, day, weekday, week, month and year; among them are the first and
# last day of a month, a leap day, a new year, a weekend, morning and evening.
INSTANTS = (
    datetime(2031, 1, 1, 0, 7, 3, 120_011, timezone.utc),
    datetime(2028, 2, 29, 13, 31, 44, 733_507, timezone.utc),
    datetime(2029, 6, 30, 23, 52, 19, 401_249, timezone.utc),
    datetime(2033, 9, 11, 5, 44, 51, 57_883, timezone.utc),
    datetime(2035, 11, 16, 8, 15, 27, 918_367, timezone.utc),
)
"""When generations with a changed clock are made."""

ZONES = ("Asia/Kathmandu", "America/Los_Angeles", "Pacific/Kiritimati", "Pacific/Pago_Pago")
"""Where generations with a changed time zone are made: far to both sides, also with odd minutes."""


class UnknownCircumstanceError(UnknownNameError):
    """A circumstance that there is not."""


@dataclass(frozen=True, slots=True)
class Own:
    """A circumstance of the user's: *call*, named `module:function`, is a context manager around a parse."""

    name: str
    call: str

    @classmethod
    def read(cls, line: str) -> Own:
        """
        Read `name = module:function`.

        Raises:
            DynadagError: The line has another form.
        """
        name, equals, call = (part.strip() for part in line.partition("="))
        if not (name and equals and call.count(":") == 1):
            raise DynadagError(
                f"a circumstance of your own is written `name = module:function`, not {line!r}"
            )
        return cls(name, call)

    @property
    def circumstance(self) -> Circumstance:
        """What a report says of it."""
        return Circumstance(self.name, OWN_RULE, f"{self.name} (a circumstance of your own)", "")


@dataclass(frozen=True, slots=True)
class Variation:
    """
    How the circumstances of one generation differ from the neutral ones.

    Attributes:
        numbers: Circumstance to the number of its value; 0, as for those not named, is the neutral one.
        now: The instant of the neutral clock, in seconds since 1970.
        dag_id: The DAG that a worker would parse for; only with `parsing_context`.
        task_id: The task that it would run.
        own: The user's circumstances.
        only: (circumstance, file, line): the change is only for who asks there.
        generation: The number of the generation, in a screening; 0 is the neutral one.
    """

    numbers: Mapping[str, int] = field(default_factory=dict)
    now: float = 0.0
    dag_id: str | None = None
    task_id: str | None = None
    own: tuple[Own, ...] = ()
    only: tuple[str, str, int] | None = None
    generation: int = 0

    def number(self, name: str) -> int:
        """Give the number of the value of one circumstance."""
        return self.numbers.get(name, 0)

    def having(self, **changes: Any) -> Variation:
        """Give a variation with other fields."""
        return replace(self, **changes)

    def to_dict(self) -> dict[str, Any]:
        """Give the variation as JSON."""
        return {
            "numbers": dict(self.numbers),
            "now": self.now,
            "dag_id": self.dag_id,
            "task_id": self.task_id,
            "own": [[entry.name, entry.call] for entry in self.own],
            "only": list(self.only) if self.only else None,
            "generation": self.generation,
        }

    @classmethod
    def from_dict(cls, data: Mapping[str, Any]) -> Variation:
        """Read what `to_dict` wrote."""
        return cls(
            data["numbers"],
            data["now"],
            data["dag_id"],
            data["task_id"],
            tuple(Own(*entry) for entry in data["own"]),
            tuple(data["only"]) if data["only"] else None,
            data["generation"],
        )


def choose(wanted: Iterable[str], own: Iterable[Own] = ()) -> tuple[str, ...]:
    """
    Give the names of the circumstances to vary, in their order.

    Args:
        wanted: Names: only these; `-name`: all but this one; `+name`: this one too. None at all: the defaults.
        own: Those that the user added; part of the defaults.

    Raises:
        UnknownCircumstanceError: There is no such circumstance; the nearest are named.
    """
    entries = {**CIRCUMSTANCES, **{entry.name: entry.circumstance for entry in own}}
    chosen = [name.strip() for name in wanted if name.strip()]
    for name in chosen:
        if name.lstrip("+-") not in entries:
            raise UnknownCircumstanceError(
                "circumstance", name.lstrip("+-"), entries, where="--dynadag-circumstances"
            )
    named = {name for name in chosen if name[0] not in "+-"}
    base = named or {name for name, entry in entries.items() if not entry.on_request}
    base |= {name[1:] for name in chosen if name[0] == "+"}
    base -= {name[1:] for name in chosen if name[0] == "-"}
    return tuple(name for name in entries if name in base)


def describe_value(name: str, variation: Variation) -> str:
    """Say in a few words what the value of a circumstance is in a generation: `under hash seed 2`."""
    number = variation.number(name)
    if name == "hash_seed":
        return f"under hash seed {number}" if number >= 0 else "under one that turns the set round"
    if name == "clock":
        instant = INSTANTS[(number - 1) % len(INSTANTS)] if number else None
        return f"at {instant:%Y-%m-%d %H:%M:%S} UTC" if instant else "now"
    if name == "time_zone":
        return f"in {ZONES[(number - 1) % len(ZONES)]}" if number else "in the time zone here"
    if name == "parsing_context":
        return (
            f"when a worker parses it for {variation.dag_id!r}" if number else "when the scheduler parses it"
        )
    first, second = _TWO_VALUES.get(name, ("as it is here", f"with value {number}"))
    return second if number else first


_TWO_VALUES = {
    "randomness": ("with one random state", "with another"),
    "listing_order": ("with directories listed in one order", "in another"),
    "environment": ("with host, user and process as here", "on another host, as another user and process"),
    "second_parse": ("at the first parse", "at the second parse in the same process"),
    "working_directory": ("from the current directory", "from another"),
}
