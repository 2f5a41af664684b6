"""The randomness of a parse: drawn from one of two known sources, so that it is the same in every session."""

from __future__ import annotations

import builtins
import os
import random
import sys
import uuid
from collections.abc import Callable
from pathlib import Path
from typing import Any

from pytest_dynadag.generate.circumstances import Variation
from pytest_dynadag.generate.instruments.asking import Asking
from pytest_dynadag.generate.instruments.patches import Patches

NAME = "randomness"
_SEED = 20_240_229
_ADDRESS = 0x7F00_0000_0000


class Sources:
    """
    Random generators: neutral ones, and changed ones for those who get the change.

    Each line that asks has a stream of its own: what libraries draw while they are imported, which happens in the
    first parse only, does not move what the DAG file draws. A file that seeds the generator shares one stream.
    """

    def __init__(self, asking: Asking, number: int) -> None:
        self.asking = asking
        self.number = max(number, 1)
        self.streams: dict[tuple[bool, Any], random.Random] = {}
        self.seeded: random.Random | None = None

    def pick(self) -> random.Random:
        """Give the generator for who asks; only what no seed reaches, such as `os.urandom`."""
        is_changed = self.asking.is_changed(NAME)
        key = (is_changed, site := self.asking.find_site())
        if key not in self.streams:
            base = _SEED + self.number * is_changed
            # Without the folder: the same in every checkout.
            name = site and (Path(site[0]).name, site[1])
            self.streams[key] = random.Random(f"{base} {name}")  # noqa: S311 - reproducible on purpose
        return self.streams[key]

    def pick_seeded(self) -> random.Random:
        """Give the generator for who asks one of the functions of `random`."""
        return self.seeded or self.pick()

    def seed(self, *arguments: Any, **options: Any) -> None:
        """Let the functions of `random` draw from one stream from now on, as whoever seeds it expects."""
        self.seeded = random.Random()  # noqa: S311 - seeded in the next line
        self.seeded.seed(*arguments, **options)


def apply(asking: Asking, variation: Variation, patches: Patches) -> None:
    """Stand in for `random`, `os.urandom` (so `secrets` and `uuid4`), `uuid1`, `id` and numpy, where loaded."""
    number = variation.number(NAME)
    sources = Sources(asking, number)
    _patch_functions(sources, patches)
    _patch_seeding(sources, patches)
    _patch_entropy(sources, patches)
    patches.set(builtins, "id", _make_id(asking, number))
    # Modules that are loaded already hold the functions that were replaced just now.
    random._inst.seed(_SEED + number)  # noqa: SLF001
    if "numpy.random" in sys.modules:
        sys.modules["numpy.random"].seed(_SEED + number)


def _patch_functions(sources: Sources, patches: Patches) -> None:
    for name, value in list(vars(random).items()):
        if getattr(value, "__self__", None) is random._inst:  # noqa: SLF001
            patches.set(random, name, _draw(sources, name))


def _draw(sources: Sources, name: str) -> Callable[..., Any]:
    def draw(*arguments: Any, **options: Any) -> Any:
        if name == "seed" and (arguments or options) and (arguments or (None,))[0] is not None:
            return sources.seed(*arguments, **options)
        return getattr(sources.pick_seeded(), name)(*arguments, **options)

    return draw


def _patch_seeding(sources: Sources, patches: Patches) -> None:
    """Let `Random()` without a seed take one from us."""
    seed = random.Random.seed

    def seed_known(self: random.Random, a: Any = None, version: int = 2) -> None:
        if a is None and type(self) is not random.SystemRandom:
            a = random.Random.getrandbits(sources.pick(), 64)
        seed(self, a, version)

    patches.set(random.Random, "seed", seed_known)


def _patch_entropy(sources: Sources, patches: Patches) -> None:
    def urandom(size: int) -> bytes:
        return sources.pick().randbytes(size)

    def make_uuid(version: int) -> Callable[..., uuid.UUID]:
        return lambda *_, **__: uuid.UUID(bytes=sources.pick().randbytes(16), version=version)

    patches.set(os, "urandom", urandom)
    patches.set(random, "_urandom", urandom)
    patches.set(uuid, "uuid1", make_uuid(1))
    patches.set(uuid, "uuid4", make_uuid(4))


def _make_id(asking: Asking, number: int) -> Callable[[Any], int]:
    """Give an `id` that numbers the objects for the user's code: real addresses change from process to process."""
    real = builtins.id
    numbered: dict[int, tuple[int, Any]] = {}

    def identify(value: Any) -> int:
        if not asking.is_own_call():
            return real(value)
        place, _ = numbered.setdefault(real(value), (len(numbered), value))
        base = _ADDRESS * (1 + max(number, 1) if asking.is_changed(NAME) else 1)
        return base + place * 16

    return identify
