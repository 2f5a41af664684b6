from __future__ import annotations

import copy
import json
import pickle

import pytest

from pytest_dynadag.errors import UnknownNameError
from pytest_dynadag.named import Named


@pytest.fixture
def counts() -> Named[int]:
    """Give a mapping of two names."""
    return Named({"load": 2, "report": 1}, what="task", where="the plan of 'sales'")


def test_a_name_that_is_not_there(counts: Named[int]) -> None:
    """The message says what is asked for, where, and what comes nearest; the error is a KeyError as well."""
    with pytest.raises(UnknownNameError) as raised:
        counts["laod"]

    assert "the plan of 'sales': there is no task 'laod'; did you mean 'load'?" == str(raised.value)
    assert isinstance(raised.value, KeyError)
    assert ("laod", ("load", "report")) == (raised.value.name, raised.value.known)


def test_it_is_a_dict_in_all_else(counts: Named[int]) -> None:
    """It equals a dict, tells whether it has a name, gives a default, and travels as one."""
    plain = {"load": 2, "report": 1}

    assert plain == counts
    assert repr(plain) == repr(counts)
    assert counts.get("laod") is None
    assert "laod" not in counts
    assert plain == json.loads(json.dumps(counts))
    assert plain == pickle.loads(pickle.dumps(counts)) == copy.deepcopy(counts)
