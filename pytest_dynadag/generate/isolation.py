"""Isolation: a file that differs is parsed again, one circumstance at a time, until the cause and its line are known."""

# Every parse is a child forked from a process that has imported Airflow and nothing of the user's: all children start
# from the same state, and a file that ends or stops its process costs one answer, not the others.

from __future__ import annotations

import gc
import importlib
import linecache
import sys
from collections.abc import Iterable, Iterator, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_dynadag.bridge.memory import limited_memory
from pytest_dynadag.bridge.serialized import check_statically
from pytest_dynadag.generate.attribution import Place, choose_guess, locate_in_structure
from pytest_dynadag.generate.children import end_children
from pytest_dynadag.generate.circumstances import CIRCUMSTANCES, Own, Variation, describe_value
from pytest_dynadag.generate.comparison import Change, compare, mask, whole_list
from pytest_dynadag.generate.divergences import Divergence, FileVerdict
from pytest_dynadag.generate.forking import ChildEndedError, ask_child
from pytest_dynadag.generate.instruments import sets
from pytest_dynadag.generate.instruments.asking import Asking, Site
from pytest_dynadag.generate.parses import Parse, changed_names, first_task, parse
from pytest_dynadag.generate.state import ENVIRONMENT, find_changed, locate_change, own_modules, take_snapshot
from pytest_dynadag.location import Location

_MOST_SITES = 16
"""Lines that are tried one by one for a circumstance."""
_MOST_CHANGES = 200
"""Differences that are reported of a file and a circumstance."""

_ONE_VALUE = frozenset(["second_parse", "working_directory", "environment"])


@dataclass(frozen=True, slots=True)
class Answer:
    """What a child found: the parse, who asked for what, the user's modules, and what the parse left behind."""

    parsed: Parse
    sites: Mapping[str, Mapping[Site, Site]] = field(default_factory=dict)
    files: tuple[str, ...] = ()
    libraries: tuple[str, ...] = ()
    left_behind: tuple[tuple[str, str], ...] = ()


@dataclass(slots=True)
class Isolation:
    """
    Finds out why one file differs.

    Attributes:
        path: The file.
        names: The circumstances to try, in this order.
        seeds: How many values of each to try.
        now: The neutral instant.
        own: The user's circumstances.
        timeout: Seconds that one parse may take.
        memory: As for a probe.
        folder: Where children leave their answers.
        others: What the file gave under other hash seeds, by seed.
        seen: What differed in the screening.
    """

    path: Path
    names: tuple[str, ...]
    seeds: int
    now: float
    own: tuple[Own, ...] = ()
    timeout: float = 30.0
    memory: int = 0
    folder: Path | None = None
    others: Mapping[int, Parse] = field(default_factory=dict)
    seen: tuple[Change, ...] = ()
    neutral: Answer = field(default_factory=lambda: Answer({"dags": {}, "failure": None}))
    noise: set[str] = field(default_factory=set)

    def judge(self) -> FileVerdict:
        """Find out what the file depends on."""
        self.parse_neutrally()
        self.noise = {change.pointer for change in self.compare(self.ask(Variation(now=self.now)))}
        divergences: list[Divergence] = []
        for name in self.names:
            new = [entry for entry in self.try_circumstance(name) if not _is_explained(entry, divergences)]
            divergences += new[:_MOST_CHANGES]
        divergences = divergences or list(self.explain_rest())
        hints = tuple(f"{self.path}:{line}: {text}" for line, text in check_statically(self.path))
        return FileVerdict(str(self.path), tuple(divergences), hints if divergences else ())

    def parse_neutrally(self) -> Parse:
        """Parse the file with nothing changed, and keep what was loaded for it."""
        self.neutral = self.ask(Variation(now=self.now))
        self._warm_up()
        return self.neutral.parsed

    # -- one circumstance -----------------------------------------------------------------------------

    def try_circumstance(self, name: str) -> list[Divergence]:
        """
        Change one circumstance, to one value after the other, until something differs; say what and where.

        Of the hash seed every value is tried: two sets of one file may be turned by different seeds.
        """
        found: dict[str, Divergence] = {}
        for variation, answer in self._generate(name):
            only = variation.dag_id if name == "parsing_context" else None
            ignored = {whole_list(pointer) for pointer in (*self.noise, *found)}
            changes = [c for c in self.compare(answer, only=only) if whole_list(c.pointer) not in ignored]
            places = self.locate(name, variation, changes, answer) if changes else {}
            for change in changes:
                place = places.get(change.pointer)
                found[change.pointer] = self._diverge(name, variation, change, answer, place)
            if found and name != "hash_seed":
                break
        return list(found.values())

    def _generate(self, name: str) -> Iterator[tuple[Variation, Answer]]:
        neutral = Variation(now=self.now, own=self.own)
        if name == "hash_seed":
            for seed, parsed in self.others.items():
                yield neutral.having(numbers={name: seed}), Answer(parsed)
            turned = neutral.having(numbers={name: sets.TURNED})
            yield turned, self.ask(turned)
        elif name == "parsing_context":
            for dag_id in list(self.neutral.parsed["dags"])[: self.seeds]:
                task_id = first_task(self.neutral.parsed, dag_id)
                variation = neutral.having(numbers={name: 1}, dag_id=dag_id, task_id=task_id)
                yield variation, self.ask(variation)
        else:
            # Where nobody asked for it, one value is enough to see whether it matters all the same.
            last = max(self.seeds - 1, 1) if name in self.neutral.sites and name not in _ONE_VALUE else 1
            for number in range(1, last + 1):
                variation = neutral.having(numbers={name: number})
                yield variation, self.ask(variation)

    def locate(
        self, name: str, variation: Variation, changes: list[Change], answer: Answer
    ) -> dict[str, Place]:
        """Give the line behind each change, by pointer: the one that makes the difference when it alone is changed."""
        if name == "second_parse":
            files = {str(self.path), *answer.files}
            site = locate_change(answer.left_behind, files)
            return {change.pointer: Place(site) for change in changes} if site else {}
        sites = {**self.neutral.sites.get(name, {}), **answer.sites.get(name, {})}
        if name == "hash_seed":
            variation = variation.having(numbers={name: sets.TURNED})
        # Trying the line at which a file hangs would hang as long.
        if len(sites) == 1 and any("was stopped after" in str(change.changed) for change in changes):
            return {"/failure": Place(*next(iter(sites.items())))}
        found = self._try_sites(name, variation, changes, sites)
        if missing := [change for change in changes if change.pointer not in found]:
            found.update(choose_guess(missing, sites, files=(str(self.path), *self.neutral.files)))
        return found

    def _try_sites(
        self, name: str, variation: Variation, changes: list[Change], sites: Mapping[Site, Site]
    ) -> dict[str, Place]:
        found: dict[str, Place] = {}
        wanted = {change.pointer for change in changes}
        dag_ids = {change.dag_id for change in changes if change.dag_id}
        for site, outer in list(sites.items())[:_MOST_SITES]:
            if wanted <= found.keys():
                break
            answer = self.ask(variation.having(only=(name, *site)))
            reproduced = {whole_list(change.pointer) for change in self.compare(answer)}
            for pointer in wanted - found.keys():
                if whole_list(pointer) in reproduced:
                    seen = {
                        dag_id: _is_seen(dag_id, self.neutral.parsed, answer.parsed) for dag_id in dag_ids
                    }
                    found[pointer] = Place(site, outer, seen=seen)
        return found

    # -- what no circumstance explains ----------------------------------------------------------------

    def explain_rest(self) -> Iterator[Divergence]:
        """Look for circumstances that matter only together; else say what was seen."""
        if self.noise:
            changes = self.compare(self.ask(Variation(now=self.now)))
            yield from (self._leave_open(change, "nothing was changed") for change in changes[:_MOST_CHANGES])
            return
        for number in range(1, self.seeds):
            variation = every(self.names, number, now=self.now, own=self.own)
            answer = self.ask(variation)
            if changes := self.compare(answer):
                together = [name for name in variation.numbers if not self._differs_without(variation, name)]
                for change in changes[:_MOST_CHANGES]:
                    yield self._together(change, variation, together, answer)
                return
        yield from (self._leave_open(change, "") for change in self.seen[:_MOST_CHANGES])

    def _differs_without(self, variation: Variation, name: str) -> bool:
        """Tell whether the file still differs when *name* is left as it is."""
        numbers = {key: number for key, number in variation.numbers.items() if key != name}
        return bool(self.compare(self.ask(variation.having(numbers=numbers))))

    def _together(self, change: Change, variation: Variation, names: list[str], answer: Answer) -> Divergence:
        cause = " and ".join(names) or "several"
        sites = {site: outer for name in names for site, outer in answer.sites.get(name, {}).items()}
        place = Place(*next(iter(sites.items())), is_guess=len(sites) > len(names)) if sites else None
        under = ("now", " and ".join(describe_value(name, variation) for name in names) or "in another")
        return self._report("DYN109", cause, change, under, answer, place)

    def _leave_open(self, change: Change, why: str) -> Divergence:
        under = ("in one generation", f"in another{', though ' + why if why else ''}")
        if change.is_address:
            return self._report("DYN104", "randomness", change, under, self.neutral, None)
        return self._report("DYN109", "", change, under, self.neutral, None)

    # -- children -------------------------------------------------------------------------------------

    def ask(self, variation: Variation) -> Answer:
        """Parse the file in a child."""
        variation = variation.having(own=self.own, now=self.now)
        try:
            data = ask_child(lambda: self._work(variation), self.timeout, folder=self.folder)
        except ChildEndedError as error:
            return Answer({"dags": {}, "failure": f"the process that loaded the file {error.how}"})
        finally:
            end_children()
        return Answer(
            data["parsed"],
            {name: {tuple(s): tuple(o) for s, o in pairs} for name, pairs in data["sites"].items()},
            tuple(data["files"]),
            tuple(data["libraries"]),
            tuple((file, name) for file, name in data["left_behind"]),
        )

    def _work(self, variation: Variation) -> dict[str, Any]:
        with limited_memory(self.memory):
            return _work(self.path, variation)

    def compare(self, answer: Answer, *, only: str | None = None) -> list[Change]:
        """Compare with the neutral parse."""
        return compare(self.neutral.parsed, answer.parsed, only=only)

    def _warm_up(self) -> None:
        """Import what Airflow had to import for the file, so that the children need not."""
        for name in self.neutral.libraries:
            with suppress(Exception):
                importlib.import_module(name)
        gc.freeze()  # the children need not look through what was there before

    # -- reporting ------------------------------------------------------------------------------------

    def _diverge(
        self, name: str, variation: Variation, change: Change, answer: Answer, place: Place | None
    ) -> Divergence:
        known = CIRCUMSTANCES.get(name) or next(own.circumstance for own in self.own if own.name == name)
        neutral = variation.having(numbers={})
        under = (describe_value(name, neutral), describe_value(name, variation))
        if change.is_address:
            return self._report("DYN104", "randomness", change, under, answer, None)
        return self._report(known.rule, name, change, under, answer, place)

    def _report(
        self,
        rule: str,
        circumstance: str,
        change: Change,
        under: tuple[str, str],
        answer: Answer,
        place: Place | None,
    ) -> Divergence:
        place = place or locate_in_structure(change, self.neutral.parsed, answer.parsed)
        masked = mask(change)
        location = Location(*place.site) if place else None
        seen = place.seen.get(change.dag_id or "") if place and place.seen else None
        if seen is None:
            seen = _is_seen(change.dag_id, self.neutral.parsed, answer.parsed)
        return Divergence(
            rule=rule,
            dag_id=change.dag_id,
            circumstance=circumstance,
            pointer=change.pointer,
            baseline=masked.baseline,
            changed=masked.changed,
            under=under,
            location=location,
            via=Location(*place.outer) if place and place.outer else None,
            source=linecache.getline(location.file, location.line).strip() if location else "",
            is_guess=place.is_guess if place else False,
            order_only=change.order_only,
            seen_by_airflow=seen,
        )


def every(names: tuple[str, ...], number: int, *, now: float, own: tuple[Own, ...]) -> Variation:
    """Change every circumstance at once that can be changed before it is known which DAGs a file has."""
    later = {"second_parse", "parsing_context", "hash_seed"}
    numbers = {name: number for name in names if name not in later}
    if "hash_seed" in names:
        numbers["hash_seed"] = sets.TURNED if number == 1 else number
    return Variation(numbers if number else {}, now=now, own=own, generation=number)


def _work(path: Path, variation: Variation) -> dict[str, Any]:
    """Parse in the child."""
    before = set(sys.modules)
    asking = Asking(str(path), changed_names(variation), variation.only, noting=True)
    initial = take_snapshot(asking)
    parsed = parse(path, variation, asking=asking, hashes=True)
    left_behind: list[tuple[str, str]] = []
    if variation.number("second_parse"):
        between = take_snapshot(asking)
        left_behind = find_changed(initial, between, only=ENVIRONMENT)
        parsed = parse(path, variation, asking=asking, hashes=True)
        left_behind += find_changed(between, take_snapshot(asking))
    return {
        "parsed": parsed,
        "sites": {name: list(found.items()) for name, found in asking.sites.items()},
        "files": [str(module.__file__) for module in own_modules(asking)],
        "libraries": [name for name in sys.modules if name not in before and name.startswith("airflow.")],
        "left_behind": left_behind,
    }


def _is_explained(entry: Divergence, known: Iterable[Divergence]) -> bool:
    """Tell whether an earlier circumstance explains it: the same thing differs, or the same line asks."""
    return any(
        entry.pointer == other.pointer or (entry.location == other.location and not other.is_guess)
        for other in known
    )


def _is_seen(dag_id: str | None, one: Parse, other: Parse) -> bool | None:
    hashes = [parsed["dags"].get(dag_id, {}).get("hash") for parsed in (one, other)]
    return None if None in hashes else hashes[0] != hashes[1]
