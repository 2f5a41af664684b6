"""DAG files that do what DAG files must not do, each followed by one that sees whether its world is as ever."""

from __future__ import annotations

from collections.abc import Mapping
from pathlib import Path

SOON = 5.0
"""Seconds for files that never end: more than any of the others needs on a slow machine."""

MEMORY = 1 << 29
"""Bytes that a file may use."""

HEADER = "from airflow import DAG\n"
DAG = "with DAG({id!r}, schedule=None):\n    pass\n"

ENDS = {
    "calls_exit": "import sys\nsys.exit('no more')\n",
    "calls_quit": "quit()\n",
    "calls_abort": "import os\nos.abort()\n",
    "ends_process": "import os\nos._exit(0)\n",
    "interrupts": "import os, signal\nos.kill(os.getpid(), signal.SIGINT)\nwhile True: pass\n",
    "raises_interrupt": "raise KeyboardInterrupt\n",
    "terminates": "import os, signal\nos.kill(os.getpid(), signal.SIGTERM)\n",
    "rings": "import signal\nsignal.raise_signal(signal.SIGALRM)\n",
    "kills_parent": "import os, signal, time\nos.kill(os.getppid(), signal.SIGKILL)\ntime.sleep(600)\n",
    "terminates_parent": "import os, signal, time\nos.kill(os.getppid(), signal.SIGTERM)\ntime.sleep(600)\n",
    "terminates_group": "import os, signal, time\nos.killpg(0, signal.SIGTERM)\ntime.sleep(600)\n",
    "crashes": "import ctypes\nctypes.string_at(0)\n",
    "overflows": "import sys\nsys.setrecursionlimit(10**9)\n"
    "class Deep:\n    def __repr__(self): return repr([self])\nx = Deep()\nrepr(x)\n",
    "recurses": "def f(): return f()\nf()\n",
    "needs_memory": "held = bytearray(3 << 30)\n",
    "needs_more_and_more": "held = []\nwhile True: held.append(' ' * (1 << 24) + str(len(held)))\n",
}
"""Files that come to no end of their own, or to a bad one."""

HANGS = {
    "sleeps": "import time\ntime.sleep(600)\n",
    "sleeps_in_c": "import ctypes\nctypes.CDLL(None).sleep(600)\n",
    "searches": "import re\nre.match('(a+)+$', 'a' * 64 + 'b')\n",
    "stops": "import os, signal\nos.kill(os.getpid(), signal.SIGSTOP)\n",
}
"""Files that never end."""

CHANGES = {
    "changes_folder": "import os\nos.chdir('/')\n",
    "changes_environment": "import os\nos.environ['HOSTILE'] = '1'\nos.environ.pop('PATH')\nos.environ['TZ'] = 'Asia/Tokyo'\nimport time\ntime.tzset()\n",
    "changes_path": "import sys\nsys.path.insert(0, __file__.rpartition('/')[0] + '/lib_a')\nimport helper\nassert helper.A\n",
    "changes_path_too": "import sys\nsys.path.insert(0, __file__.rpartition('/')[0] + '/lib_b')\nimport helper\nassert helper.B\n",
    "clears_path": "import sys\nsys.path.clear()\nsys.path = None\n",
    "replaces_modules": "import sys, types\nsys.modules['json'] = types.ModuleType('json')\ndel sys.modules['datetime']\n",
    "patches_json": "import json\njson.dumps = json.loads = json.JSONEncoder.default = json.JSONEncoder.encode = None\n",
    "patches_datetime": "import datetime\ndatetime.datetime = datetime.timedelta = None\n",
    "patches_time": "import time\ntime.time = time.clock_gettime = time.monotonic = lambda *a: 0\n",
    "patches_builtins": "import builtins\nfor name in ('open', 'print', 'len', 'isinstance', 'vars', 'setattr', 'next', 'str', 'dict'):\n    setattr(builtins, name, None)\n",
    "adds_builtins": "import builtins\nbuiltins._ = str\n",
    "patches_os": "import os\nfor name in ('open', 'write', 'close', 'fstat', 'getpid', 'stat', '_exit', 'fspath', 'waitid'):\n    setattr(os, name, None)\n",
    "patches_exit": "import sys\nsys.exit = sys.excepthook = print\nsys.stdout = sys.stderr = None\n",
    "floods": "import os, sys\nfor _ in range(300):\n    os.write(1, b'x' * 1023 + b'\\n')\n    for _ in range(1024): os.write(2, b'y' * 1023 + b'\\n')\n",
    "closes_files": "import os\nos.closerange(3, 65536)\n",
    "closes_output": "import os\nos.closerange(0, 65536)\n",
    "forks": "import os\nif os.fork() == 0: held = 'the child goes on'\n",
    "forks_and_hangs": "import os, time\nif os.fork() == 0: time.sleep(600)\n",
    "forks_a_daemon": "import os, time, pathlib\nif os.fork() == 0:\n    os.setsid()\n    if os.fork() == 0:\n"
    "        pathlib.Path(__file__ + '.pid').write_text(str(os.getpid()))\n        time.sleep(600)\n    os._exit(0)\n"
    "while not pathlib.Path(__file__ + '.pid').exists(): time.sleep(0.01)\n",
    "starts_thread": "import threading, time\nthreading.Thread(target=time.sleep, args=(600,)).start()\n",
    "ends_later": "import threading, os\nthreading.Timer(0.05, os._exit, [3]).start()\n",
    "rings_later": "import signal\nsignal.setitimer(signal.ITIMER_REAL, 0.05)\n",
    "ignores_signals": "import signal\nfor number in (signal.SIGTERM, signal.SIGINT, signal.SIGUSR1): signal.signal(number, signal.SIG_IGN)\n",
    "limits_recursion": "import sys, gc\nsys.setrecursionlimit(200)\ngc.disable()\n",
    "warns": "import warnings\nfor n in range(10_000): warnings.warn(f'number {n} ' + 'x' * 1000)\nwarnings.simplefilter('error')\n",
    "deletes_itself": "import os\nos.remove(__file__)\n",
}
"""Files that load, and change the world; each has a DAG."""

FAILS = {
    "raises_at_length": "raise ValueError('x' * 10**7)\n",
    "raises_markup": "raise ValueError('\\x1b[31mred\\x1b[0m \\u202eright to left \\x07')\n",
    "circle_one": "import circle_two\nx = circle_two.x\n",
    "circle_two": "import circle_one\nx = circle_one.x\n",
    "empty": None,
    "not_utf8": b"from airflow import DAG\nx = '\xe4\xff'\n",
    "null_byte": b"from airflow import DAG\nx = '\x00'\n",
    "latin": b"# -*- coding: latin-1 -*-\nfrom airflow import DAG\nx = '\xe4'\nwith DAG('latin', schedule=None): pass\n",
}
"""Files whose text is the matter."""

THEN = """\
import builtins, base64, datetime, json, os, sys, time
from airflow import DAG
assert json.dumps({{"a": 1}}) == '{{"a": 1}}' and len("ab") == 2 and isinstance(print, object) and open(__file__).read()
assert datetime.datetime(2024, 1, 1) + datetime.timedelta(1) and time.time() > 1 and not hasattr(builtins, "_")
assert "HOSTILE" not in os.environ and os.environ["PATH"] and os.getcwd() != "/" and time.localtime(0).tm_hour != 9
assert not any("lib_" in folder for folder in sys.path) and "helper" not in sys.modules and os.fstat(1) and print("") is None
assert sys.getrecursionlimit() >= 1000 and sys.modules["json"] is json
with DAG({id!r}, schedule=None):
    pass
"""
"""The file after a file."""


def write(folder: Path, files: Mapping[str, str | bytes | None], *, then: bool = True) -> None:
    """Write files, each followed by one that looks round."""
    for name, text in files.items():
        path = folder / f"{name}.py"
        if isinstance(text, str):
            ending = DAG.format(id=name)
            path.write_text(HEADER + text + ending, encoding="utf-8")
        else:
            path.write_bytes(text or b"")
        if then:
            (folder / f"{name}_then.py").write_text(THEN.format(id=f"{name}_then"), encoding="utf-8")
    for name in ("a", "b"):
        (folder / f"lib_{name}").mkdir(exist_ok=True)
        (folder / f"lib_{name}" / "helper.py").write_text(f"{name.upper()} = 1\n")
