"""What Airflow does differently from version to version: one named rule each, with its source."""

# The planner is one; where versions differ it asks a flag here and nowhere else.

from __future__ import annotations

import re
from dataclasses import dataclass


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    The rules of one Airflow version, as far as they decide what a DAG becomes.

    Attributes:
        indexwise_one_rules: In a mapped group, `one_success`, `one_failed` and `one_done` look at the instances
            with the same index (3.2+: `ti_deps/deps/trigger_rule_dep.py`, #50210) instead of at all (2.x).
        branch_skips_in_group: A branch or short circuit inside a mapped group skips anything (2.x, 3.0, 3.1);
            from 3.2 on it does not (`ti_deps/deps/not_previously_skipped_dep.py`, #67265).
        branch_skips_expanded: A branch skips an instance of a literal-mapped task it did not choose (3.x);
            2.x runs these all the same.
        concat_counts_whole: The worker takes the length of a `.concat()` as its whole length once per part,
            so that later arguments of a product fail (3.x: `sdk/definitions/xcom_arg.py`, get_task_map_length).
        removed_never_counts: Removed instances are left out of a trigger rule's count for every task (3.x), not
            only for indexed ones (2.x).
        strict_min_one_success: `none_failed_min_one_success` fails where nothing succeeded and not all were
            skipped (3.x).
    """

    indexwise_one_rules: bool
    branch_skips_in_group: bool
    branch_skips_expanded: bool
    concat_counts_whole: bool
    removed_never_counts: bool
    strict_min_one_success: bool


AIRFLOW_2 = Behaviour(
    indexwise_one_rules=False,
    branch_skips_in_group=True,
    branch_skips_expanded=False,
    concat_counts_whole=False,
    removed_never_counts=False,
    strict_min_one_success=False,
)
AIRFLOW_3_0 = Behaviour(
    indexwise_one_rules=False,
    branch_skips_in_group=True,
    branch_skips_expanded=True,
    concat_counts_whole=True,
    removed_never_counts=False,
    strict_min_one_success=False,
)
AIRFLOW_3_2 = Behaviour(
    indexwise_one_rules=True,
    branch_skips_in_group=False,
    branch_skips_expanded=True,
    concat_counts_whole=True,
    removed_never_counts=True,
    strict_min_one_success=True,
)


def behaviour_of(version: str) -> Behaviour:
    """Give the rules of an Airflow *version* such as `2.11.2`; of the newest known for an unknown or empty one."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if not match:
        return AIRFLOW_3_2
    major, minor = int(match[1]), int(match[2])
    if major < 3:
        return AIRFLOW_2
    return AIRFLOW_3_2 if (major, minor) >= (3, 2) else AIRFLOW_3_0
