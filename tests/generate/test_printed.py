"""What processes print, in a file without a name."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

from pytest_dynadag.generate.printed import LONGEST, printed_in


def test_what_is_printed_has_no_file_that_others_find(tmp_path: Path) -> None:
    """What a process prints can be read by who started it, also from a place on, and stands in no folder."""
    with printed_in(tmp_path) as printed:
        subprocess.run(
            [sys.executable, "-c", "print('one'); print('two')"], stdout=printed.number, check=True
        )

        assert "one\ntwo\n" == printed.read_end()
        assert "two\n" == printed.read_end(4)
        assert [] == list(tmp_path.iterdir())


def test_of_much_the_end_is_kept(tmp_path: Path) -> None:
    """What is very long is cut, and what is written then by who has the file open stands at its end."""
    with printed_in(tmp_path) as printed:
        os.write(printed.number, b"short")
        assert not printed.bound()
        assert 5 == printed.size
        os.write(printed.number, b"." * LONGEST)

        assert printed.bound()
        os.write(printed.number, b" the end")

        assert printed.read_end().endswith("... the end")
        assert LONGEST > printed.size
