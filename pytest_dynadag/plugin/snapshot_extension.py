"""The kind of snapshot that syrupy keeps for us: one small text file per comparison."""

# A module of its own, so that syrupy is imported only where a snapshot is compared. Only what every syrupy from 5.0
# on shares is overridden: where snapshots lie, when they are written and deleted stays syrupy's business.

from __future__ import annotations

from typing import Any, ClassVar

from syrupy.extensions.single_file import SingleFileSnapshotExtension, WriteMode

from pytest_dynadag.render.snapshot import write_snapshot


class DynadagSnapshotExtension(SingleFileSnapshotExtension):
    """
    Writes plans, runs and structures.

    *root* is the project's folder; paths in it are written without it.
    """

    file_extension = "dynadag"
    _write_mode = WriteMode.TEXT
    root: ClassVar[str] = ""

    def serialize(self, data: Any, *, exclude: Any = None, include: Any = None, matcher: Any = None) -> str:
        """Write the snapshot; raises `TypeError` for what is no plan, run or structure."""
        return write_snapshot(data, root=self.root)
