"""Regions."""

from __future__ import annotations

REGIONS = frozenset(["eu", "us", "apac", "latam"])  # expect: DYN102
