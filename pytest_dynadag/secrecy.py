"""What nobody may read: the names that say so, what a project adds to them, and texts in which it is hidden."""

from __future__ import annotations

import json
import re
from collections.abc import Iterable, Iterator, Mapping
from typing import Any
from urllib.parse import parse_qsl, unquote, urlsplit

from pytest_dynadag.errors import DynadagError

MASK = "***"
SHORTEST_SECRET = 5
"""Characters; a shorter secret is hidden under its own key only, as in Airflow (min_length_masked_secret, 3.x)."""

SECRET_NAMES = frozenset(
    [
        "access_key",
        "access_token",
        "api_key",
        "apikey",
        "auth_header",
        "authorization",
        "bearer",
        "connection_string",
        "credential",
        "dsn",
        "keyfile_dict",
        "passphrase",
        "passwd",
        "password",
        "private_key",
        "proxies",
        "proxy",
        "secret",
        "service_account",
        "service_key",
        "token",
        "webhook_url",
    ]
)
"""Parts of names whose values are hidden: all that Airflow 2.10-3.3 hide (DEFAULT_SENSITIVE_FIELDS), and credentials."""

_LOGIN = re.compile(r"(?P<who>\w[\w+.\-]*://[^\s/:@]*):[^\s/@]+@")
_ASSIGNING = re.compile(rf"(?i)\w*(?:{'|'.join(sorted(SECRET_NAMES))})\w*['\"]?\s*(?:==?|:)\s*")
_PIECE = re.compile(
    r"""(?s)'(?:[^'\\]|\\.)*'?|"(?:[^"\\]|\\.)*"?|(?P<opening>[\[({])|(?P<closing>[\])}])|(?P<end>,|\n|\s+\#)|."""
)
# Of the whole process, as Airflow's own masker is: whoever writes something asks, and nobody hands them around.
_added: list[re.Pattern[str]] = []


class SecretPatternError(DynadagError):
    """A line of the ini `dynadag_secret` is no regular expression: *pattern* is the line, *why* says what is wrong."""

    def __init__(self, pattern: str, why: str) -> None:
        self.pattern, self.why = pattern, why
        super().__init__(f"ini dynadag_secret: {pattern!r} is no regular expression: {why}")


def set_patterns(patterns: Iterable[str]) -> None:
    """
    Hide, in this process, also what is under a name that one of *patterns* matches, and each text that it matches.

    Raises:
        SecretPatternError: One is no regular expression, or matches the empty text.
    """
    compiled = []
    for pattern in patterns:
        try:
            compiled.append(re.compile(pattern))
        except re.error as error:
            raise SecretPatternError(pattern, str(error)) from None
        if compiled[-1].match(""):
            raise SecretPatternError(pattern, "it matches the empty text, and so everything")
    _added[:] = compiled


def is_secret(name: object) -> bool:
    """Tell whether what stands under *name* is hidden: as Airflow does (should_hide_value_for_key, 3.3), or as added."""
    if not isinstance(name, str):
        return False
    normalized = re.sub(r"\W+", "_", name.strip().lower())
    return any(part in normalized for part in SECRET_NAMES) or any(pattern.search(name) for pattern in _added)


def hide(text: str, secrets: re.Pattern[str] | None = None) -> str:
    """Hide in *text* what *secrets* matches, the passwords of URLs, and what the project has added."""
    if secrets:
        text = secrets.sub(MASK, text)
    if "://" in text:
        text = _LOGIN.sub(rf"\g<who>:{MASK}@", text)
    for pattern in _added:
        text = pattern.sub(MASK, text)
    return text


def hide_assigned(text: str) -> str:
    """Hide in code, or in what an object says of itself, also what stands behind a secret name, to its end."""
    shown, position = [], 0
    while found := _ASSIGNING.search(text, position):
        start, position = position, _find_end_of_value(text, found.end())
        shown += [text[start : found.end()], MASK if position > found.end() else ""]
    return hide("".join([*shown, text[position:]]))


def _find_end_of_value(text: str, start: int) -> int:
    """Give where the expression that begins at *start* ends: at a comma, a comment or a bracket that it did not open."""
    depth = 0
    for piece in _PIECE.finditer(text, start):
        if depth == 0 and (piece["closing"] or piece["end"]):
            return piece.start()
        depth += bool(piece["opening"]) - bool(piece["closing"])
    return len(text)


def match_any(secrets: Iterable[str]) -> re.Pattern[str] | None:
    """Give what finds each of *secrets*, the longest first; None where there are none."""
    longest_first = sorted(set(secrets), key=lambda secret: (-len(secret), secret))
    return re.compile("|".join(map(re.escape, longest_first))) if longest_first else None


def find_secrets(value: Any) -> Iterator[str]:
    """Give every text that stands under a secret name somewhere in *value*, long enough to be looked for elsewhere."""
    if isinstance(value, Mapping):
        for name, item in value.items():
            yield from _find_texts(item) if is_secret(name) else find_secrets(item)
    elif isinstance(value, (list, tuple, set, frozenset)):
        for item in value:
            yield from find_secrets(item)


def _find_texts(value: Any) -> Iterator[str]:
    if isinstance(value, str) and len(value) >= SHORTEST_SECRET:
        yield value
    elif isinstance(value, Mapping):
        yield from (text for item in value.values() for text in _find_texts(item))
    elif isinstance(value, (list, tuple, set, frozenset)):
        yield from (text for item in value for text in _find_texts(item))


def find_in_metadata(variables: Mapping[str, Any], connections: Mapping[str, Any]) -> frozenset[str]:
    """Give the secrets among Variables and Connections, as Airflow masks them: by name, and every password."""
    found = [*find_secrets(variables)]
    for connection in connections.values():
        found += _find_in_address(connection) if isinstance(connection, str) else find_secrets(connection)
        if isinstance(connection, Mapping):
            found += find_secrets(_read_json(connection.get("extra")))
    return frozenset(found)


def _find_in_address(text: str) -> Iterator[str]:
    """Give the secrets of a Connection that is written as a URI, or as JSON."""
    if text.lstrip().startswith("{"):
        yield from find_secrets(_read_json(text))
        return
    try:
        address = urlsplit(text)
    except ValueError:
        return
    if address.password:
        yield from _find_texts([address.password, unquote(address.password)])
    yield from find_secrets(dict(parse_qsl(address.query)))


def _read_json(text: object) -> Any:
    if not isinstance(text, str):
        return text
    try:
        return json.loads(text)
    except (ValueError, RecursionError):
        return None
