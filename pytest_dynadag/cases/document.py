"""A YAML document as plain data that remembers its lines; nothing in it is executed, whatever it says."""

# Why not yaml.safe_load: it forgets lines, takes the last of two equal keys without a word, and turns a day into
# a date object, which neither an XCom nor a param can be.

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any

from pytest_dynadag.errors import DynadagError
from pytest_dynadag.location import Location
from pytest_dynadag.printable import escape, shorten

LARGEST_FILE = 2_000_000
"""In bytes."""
MOST_NODES = 200_000
"""Values in a document, counted again wherever an alias repeats them."""

_LONGEST_SHOWN = 80  # characters of a value in a message
_TAG = "tag:yaml.org,2002:"
_TEXTS = frozenset(_TAG + name for name in ("str", "timestamp", "value", "merge"))
_KNOWN = _TEXTS | {_TAG + name for name in ("int", "float", "bool", "null", "seq", "map")}


@dataclass(frozen=True, slots=True)
class Problem:
    """One thing that is wrong, and the line where it stands; *message* may go on over indented lines."""

    location: Location
    message: str

    def __str__(self) -> str:
        return f"{self.location}: {self.message}"


class CaseFileError(DynadagError):
    """A case file that cannot be meant: *path*, and all its *problems* at once."""

    def __init__(self, path: Path, problems: Iterable[Problem]) -> None:
        self.path, self.problems = path, tuple(sorted(problems, key=lambda problem: problem.location))
        super().__init__(describe_problems(path, self.problems))


def describe_problems(path: Path, problems: tuple[Problem, ...]) -> str:
    """Compose the message of a `CaseFileError`: a single problem as it is, several below a line that counts them."""
    if len(problems) == 1:
        return str(problems[0])
    lines = [line for problem in problems for line in str(problem).splitlines()]
    return "\n".join([f"{path}: {len(problems)} problems", *(f"  {line}" for line in lines)])


@dataclass(frozen=True, slots=True)
class Item:
    """
    A value of the document.

    *value* is plain data, *text* what a scalar was written as (None for others), *entries* the keys and values
    of a mapping (None for others), *line* where it begins.
    """

    line: int
    value: Any
    text: str | None = None
    entries: tuple[tuple[Item, Item], ...] | None = None

    @property
    def kind(self) -> str:
        """What the value is, in a reader's words."""
        return _KINDS.get(type(self.value), "a text")


_KINDS = {
    bool: "true or false",
    int: "a number",
    float: "a number",
    list: "a list",
    dict: "a mapping",
    type(None): "nothing",
}


def read_document(path: Path) -> Item | None:
    """
    Read the one YAML document in the file at *path*; None if it is empty.

    Days and times of day stay the text that was written (`2024-05-01`, `16:30`): YAML 1.1 would make a date and
    the number 990 of them.

    Raises:
        CaseFileError: The file cannot be read, is not UTF-8, too large or not valid YAML, or holds tags, equal
            keys, or aliases that multiply beyond measure. Equal keys and tags are all listed.
    """
    try:
        root = _compose(path)
        if root is None:
            return None
        _check_size(path, root)
        builder = _Builder(path)
        item = builder.build(root)
    except RecursionError:
        raise _refuse(path, 1, "lists or mappings are nested too deeply") from None
    if builder.problems:
        raise CaseFileError(path, builder.problems)
    return item


def _compose(path: Path) -> Any:
    """Give YAML's own tree of the document, whose nodes know their lines."""
    import yaml
    from yaml.reader import ReaderError

    text = _read_text(path)
    try:
        return yaml.SafeLoader(text).get_single_node()
    except yaml.MarkedYAMLError as error:
        line = error.problem_mark.line + 1 if error.problem_mark else 1
        raise _refuse(path, line, _explain(error)) from None
    except ReaderError as error:
        line = text.count("\n", 0, error.position) + 1
        message = f"not valid YAML: the character U+{ord(text[error.position]):04X} is not allowed"
        raise _refuse(path, line, message) from None


def _refuse(path: Path, line: int, message: str) -> CaseFileError:
    return CaseFileError(path, [Problem(Location(str(path), line), message)])


def _read_text(path: Path) -> str:
    try:
        if not path.is_file() and path.exists():  # a pipe or a device may have no end
            raise _refuse(path, 1, "this is no file")
        if path.stat().st_size > LARGEST_FILE:
            megabytes = (
                f"{path.stat().st_size / 1e6:.1f} MB, but a case file has {LARGEST_FILE / 1e6:.0f} MB at most"
            )
            raise _refuse(path, 1, f"the file has {megabytes}\n  next: give large outputs in a Python test")
        data = path.read_bytes()
    except OSError as error:
        raise _refuse(path, 1, f"the file cannot be read: {error.strerror}") from None
    try:
        return data.decode("utf-8-sig")
    except UnicodeDecodeError as error:
        line = data.count(b"\n", 0, error.start) + 1
        message = (
            f"the file is not UTF-8: the byte 0x{data[error.start]:02x} stands here\n  next: save it as UTF-8"
        )
        raise _refuse(path, line, message) from None


def _explain(error: Any) -> str:
    """Give YAML's reason in one line, and what to do about the slip that an instance key invites."""
    since = f" (line {error.context_mark.line + 1})" if error.context_mark else ""
    context = f"{error.context}{since}: " if error.context else ""
    message = f"not valid YAML: {context}{error.problem}"
    if "got '['" in message:
        message += '\n  next: between { and }, write a key such as "load[0]" in quotes'
    return message


def _check_size(path: Path, root: Any) -> None:
    """
    Refuse a document whose aliases contain themselves or multiply it beyond measure.

    A few lines of aliases of aliases can stand for more values than memory holds.
    """
    sizes: dict[int, int] = {}
    open_nodes: set[int] = set()

    def measure(node: Any) -> int:
        """Count what a node stands for, each alias as all of it."""
        if id(node) in open_nodes:
            raise _refuse(path, node.start_mark.line + 1, "an alias stands inside what it stands for")
        if id(node) not in sizes:
            open_nodes.add(id(node))
            sizes[id(node)] = 1 + sum(measure(child) for child in _children(node))
            open_nodes.discard(id(node))
        return sizes[id(node)]

    if measure(root) > MOST_NODES:
        message = f"the document stands for more than {MOST_NODES:,} values"
        raise _refuse(path, 1, f"{message}\n  next: give large outputs in a Python test")


def _children(node: Any) -> Iterator[Any]:
    for child in node.value if not isinstance(node.value, str) else ():
        yield from child if isinstance(child, tuple) else (child,)


@dataclass(slots=True)
class _Builder:
    """Turn YAML's nodes into items, and note what they must not hold."""

    path: Path
    problems: list[Problem] = field(default_factory=list)

    def note(self, node: Any, message: str) -> None:
        problem = Problem(Location(str(self.path), node.start_mark.line + 1), message)
        if problem not in self.problems:
            self.problems.append(problem)

    def build(self, node: Any) -> Item:
        """Build a node of any kind; a tag that is not plain data is noted."""
        line = node.start_mark.line + 1
        if node.tag not in _KNOWN:
            tag = node.tag.replace(_TAG, "!!")
            self.note(node, f"the tag {escape(tag)} is not allowed; a case file holds plain data only")
            return Item(line, None)
        if node.id == "mapping":
            return self.build_mapping(node)
        if node.id == "sequence":
            return Item(line, [self.build(child).value for child in node.value])
        return Item(line, self.read_scalar(node), node.value)

    def build_mapping(self, node: Any) -> Item:
        """Build a mapping; a key that is no text is noted."""
        entries: dict[str, tuple[Item, Item]] = {}
        for key_node, value_node in self.merged(node):
            key = self.build(key_node)
            if key.text is None:
                self.note(key_node, f"{key.kind} cannot be a key; write a text")
                continue
            entries[key.text] = (key, self.build(value_node))
        value = {key.value: item.value for key, item in entries.values()}
        return Item(node.start_mark.line + 1, value, entries=tuple(entries.values()))

    def merged(self, node: Any) -> list[tuple[Any, Any]]:
        """Give the keys and values of a mapping: those of `<<` first, which its own replace."""
        inherited: list[tuple[Any, Any]] = []
        own: list[tuple[Any, Any]] = []
        lines: dict[str, int] = {}
        for key, value in node.value:
            if key.tag == _TAG + "merge":
                inherited += self.inherit(value)
                continue
            if key.id == "scalar" and key.value in lines:
                self.note(
                    key,
                    f"the key {shorten(key.value, _LONGEST_SHOWN)!r} stands in line {lines[key.value]} already; remove one of them",
                )
            elif key.id == "scalar":
                lines[key.value] = key.start_mark.line + 1
            own.append((key, value))
        return inherited + own

    def inherit(self, node: Any) -> list[tuple[Any, Any]]:
        """Give what `<<` brings in; of several mappings the first has the last word."""
        parts = node.value if node.id == "sequence" else [node]
        if any(part.id != "mapping" for part in parts):
            self.note(node, "<< takes an alias of a mapping, or a list of such aliases")
            return []
        return [pair for part in reversed(parts) for pair in self.merged(part)]

    def read_scalar(self, node: Any) -> Any:
        """Read a scalar as YAML does; clock times and the like stay texts."""
        from yaml.constructor import SafeConstructor

        kind = node.tag.removeprefix(_TAG)
        if node.tag in _TEXTS or (kind in {"int", "float"} and ":" in node.value):
            return node.value
        try:
            return getattr(SafeConstructor(), f"construct_yaml_{kind}")(node)
        except (ValueError, KeyError, AttributeError):
            self.note(node, f"{shorten(node.value, _LONGEST_SHOWN)!r} cannot be read as {kind}")
            return None
