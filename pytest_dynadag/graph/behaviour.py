"""What Airflow does differently from version to version: one named rule each, with its source."""

# The planner is one; where versions differ it asks a rule here and nowhere else. Read in 2.10.5, 2.11.2, 3.0.6, 3.1.8,
# 3.2.2, 3.3.2 and 3.4.0b2; held to 2.11.2, 3.3.2 and 3.4.0b2 by real runs.

from __future__ import annotations

import re
from dataclasses import dataclass, replace

_ONE_RULES = frozenset(["one_success", "one_failed", "one_done"])


@dataclass(frozen=True, slots=True)
class Behaviour:
    """
    The rules of one Airflow version, as far as they decide what a DAG becomes.

    Attributes:
        versions: The versions that behave so, in words.
        eager_rules: Trigger rules under which a task in a mapped group looks at every index of a task above it,
            until it is expanded (`_get_relevant_upstream_map_indexes`, ti_deps/deps/trigger_rule_dep.py; #39801).
        eager_when_expanded: Expanded instances under these rules look at every index as well, rather than at
            their own (the same place; until #50210).
        eager_in_inner_groups: These rules are eager also where a plain group stands between task and mapped group.
        expands_what_it_skips: A placeholder that a rule marks as skipped without holding it back is expanded all the
            same, to instances that are skipped (`expand_mapped_task`, models/abstractoperator.py).
        runs_what_it_skips: Such a placeholder is expanded all the same, to instances that run, and is left as a removed
            row, for which what stands below may wait for ever (`expand_mapped_task`, models/taskmap.py).
        branch_found_by_own_index: What a branch decided is looked up at the index of the task below it, so that a
            plain branch never skips an indexed instance; later at that of the branch if it is itself mapped, else
            at none (`ti_deps/deps/not_previously_skipped_dep.py`; since then #67265).
        branch_found_in_groups: What a branch in a mapped group decided is looked up at the index of the task below it,
            and a short circuit's decision by every task of the same mapped group that it skips
            (`ti_deps/deps/not_previously_skipped_dep.py`; fixes #67265).
        branch_reaches_indexes: A branch or short circuit ends expanded instances at once (models/skipmixin.py);
            later only rows without an index (providers/standard/utils/skipmixin.py).
        short_circuit_reaches_indexes: A short circuit outside mapped groups ends expanded instances at once
            (`ti_skip_downstream`, api_fastapi/execution_api/routes/task_instances.py: a bare task id is every instance).
        skip_overwrites: A skip by a branch replaces any earlier end of the instance (models/skipmixin.py; 3.0, 3.1:
            `ti_skip_downstream`, api_fastapi/execution_api/routes/task_instances.py); later success and failure
            stay (#59378).
        skipping_branch_pushes_nothing: A branch or short circuit that marks rows ends by an exception, past the push of
            its output (`DownstreamTasksSkipped`, sdk/execution_time/task_runner.py).
        teardown_waits_for_scope: A teardown waits for all tasks between its setup and itself
            (`_evaluate_teardown_scope`, ti_deps/deps/trigger_rule_dep.py).
        rows_by_task_id: A run's rows are made, and gone through, in the order of task ids (`_create_tasks`,
            models/dagrun.py, over the serialized DAG) rather than as the tasks are written.
        concat_counts_whole: The worker takes the length of a `.concat()` as its whole length once per part, so that
            later arguments of a product fail (`get_task_map_length`, sdk/definitions/xcom_arg.py).
        starts_need_lengths: A task below a mapped group whose length is not known fails when it starts
            (`_get_upstream_map_indexes`, api_fastapi/execution_api/routes/task_instances.py; until #57474).
    """

    versions: str
    eager_rules: frozenset[str]
    eager_when_expanded: bool
    eager_in_inner_groups: bool
    expands_what_it_skips: bool
    branch_found_by_own_index: bool
    branch_found_in_groups: bool
    branch_reaches_indexes: bool
    short_circuit_reaches_indexes: bool
    skip_overwrites: bool
    skipping_branch_pushes_nothing: bool
    teardown_waits_for_scope: bool
    rows_by_task_id: bool
    concat_counts_whole: bool
    starts_need_lengths: bool
    runs_what_it_skips: bool


AIRFLOW_2 = Behaviour(
    versions="2.10 and 2.11",
    eager_rules=_ONE_RULES,
    eager_when_expanded=True,
    eager_in_inner_groups=False,
    expands_what_it_skips=True,
    branch_found_by_own_index=True,
    branch_found_in_groups=False,
    branch_reaches_indexes=True,
    short_circuit_reaches_indexes=True,
    skip_overwrites=True,
    skipping_branch_pushes_nothing=False,
    teardown_waits_for_scope=False,
    rows_by_task_id=False,
    concat_counts_whole=False,
    starts_need_lengths=False,
    runs_what_it_skips=False,
)
AIRFLOW_3_0 = Behaviour(
    versions="3.0",
    eager_rules=_ONE_RULES,
    eager_when_expanded=True,
    eager_in_inner_groups=False,
    expands_what_it_skips=False,
    branch_found_by_own_index=True,
    branch_found_in_groups=False,
    branch_reaches_indexes=False,
    short_circuit_reaches_indexes=False,
    skip_overwrites=True,
    skipping_branch_pushes_nothing=True,
    teardown_waits_for_scope=False,
    rows_by_task_id=True,
    concat_counts_whole=True,
    starts_need_lengths=True,
    runs_what_it_skips=True,
)
AIRFLOW_3_1 = replace(AIRFLOW_3_0, versions="3.1", starts_need_lengths=False)
AIRFLOW_3_2 = Behaviour(
    versions="3.2",
    eager_rules=_ONE_RULES,
    eager_when_expanded=True,
    eager_in_inner_groups=False,
    expands_what_it_skips=False,
    branch_found_by_own_index=False,
    branch_found_in_groups=False,
    branch_reaches_indexes=False,
    short_circuit_reaches_indexes=False,
    skip_overwrites=False,
    skipping_branch_pushes_nothing=True,
    teardown_waits_for_scope=True,
    rows_by_task_id=True,
    concat_counts_whole=True,
    starts_need_lengths=False,
    runs_what_it_skips=True,
)
AIRFLOW_3_3 = Behaviour(
    versions="3.3",
    eager_rules=_ONE_RULES | {"none_failed_min_one_success"},
    eager_when_expanded=False,
    eager_in_inner_groups=True,
    expands_what_it_skips=False,
    branch_found_by_own_index=False,
    branch_found_in_groups=False,
    branch_reaches_indexes=False,
    short_circuit_reaches_indexes=False,
    skip_overwrites=False,
    skipping_branch_pushes_nothing=True,
    teardown_waits_for_scope=True,
    rows_by_task_id=True,
    concat_counts_whole=True,
    starts_need_lengths=False,
    runs_what_it_skips=False,
)
AIRFLOW_3_4 = replace(
    AIRFLOW_3_3,
    versions="3.4",
    branch_found_in_groups=True,
    short_circuit_reaches_indexes=True,
)
BEHAVIOURS = {
    (2, 0): AIRFLOW_2,
    (3, 0): AIRFLOW_3_0,
    (3, 1): AIRFLOW_3_1,
    (3, 2): AIRFLOW_3_2,
    (3, 3): AIRFLOW_3_3,
    (3, 4): AIRFLOW_3_4,
}
"""The first version (major, minor) that behaves so, and how."""


def behaviour_of(version: str) -> Behaviour:
    """Return the rules of an Airflow *version* such as `2.11.2`; of the newest known for an unknown or empty one."""
    match = re.match(r"(\d+)\.(\d+)", version)
    if not match:
        return AIRFLOW_3_4
    this = (int(match[1]), int(match[2]))
    return next((rules for first, rules in reversed(BEHAVIOURS.items()) if this >= first), AIRFLOW_2)
