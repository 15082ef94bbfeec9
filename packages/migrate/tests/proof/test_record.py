"""What is recorded of a service, and what a service may do to the recorder: nothing."""

import ast
import os
import subprocess
import sys
from pathlib import Path

import pytest

from maestro_migrate.proof._pins import Pinned, place_of, rendered
from maestro_migrate.proof._record import Recorder, Subject

CONFIG = """
import json, os

NAME = os.getenv("MAIL_NAME", "mail")
PORT = int(os.getenv("MAIL_PORT", "25"))
DEBUG = os.getenv("MAIL_DEBUG", "no") in ("yes", "true")
LIMITS = json.loads(os.getenv("MAIL_LIMITS", '{"b": 1, "a": 2}'))
FIXED = "not read"


class Flags:
    FAST = os.getenv("MAIL_FAST", "1") == "1"
"""
APP = """
from fastapi import APIRouter, FastAPI

app = FastAPI()
router = APIRouter(prefix="/mails")


@router.post("/{mail_id}")
def send(mail_id: int):
    return mail_id


@app.get("/health")
async def health():
    return {"up": True}


app.include_router(router)
"""


def _recorded(tree: Path, *, answer_s: float = 30.0, **files: str) -> Pinned:
    for name, text in files.items():
        (tree / f"{name}.py").write_text(text)
    modules = {name: text.encode() for name, text in files.items()}
    subject = Subject(tree, Path(sys.executable), modules, ("",), dict(os.environ))
    return Recorder(subject, answer_s=answer_s).record()


def _run(tree: Path, pinned: Pinned, **variables: str) -> subprocess.CompletedProcess[str]:
    """Run the test file that is made of what was recorded, by itself."""
    place = tree / "tests" / "test_maestro_generated.py"
    place.parent.mkdir(exist_ok=True)
    place.write_bytes(rendered(pinned, "tests/test_maestro_generated.py"))
    return subprocess.run(
        [sys.executable, place], capture_output=True, text=True, check=False, env={**os.environ, **variables}
    )


def test_settings_are_pinned_in_every_dialect(tmp_path):
    """Defaults, texts, switches, numbers and JSON are recorded, the tests pass whatever the environment says, and a lost dialect fails them."""
    pinned = _recorded(tmp_path, config=CONFIG)
    assert [pin.name for pin in pinned.pins] == ["every_module_can_be_imported", "settings_of_config"]
    body = pinned.pins[1].body
    for line in (
        "'config:PORT': 25",
        "'config:PORT': 4217",
        "'config:LIMITS': {'b': 1, 'a': 2}",
        "'config:Flags.FAST': False",
    ):
        assert line in body
    assert "FIXED" not in body
    done = _run(tmp_path, pinned, MAIL_PORT="99", MAIL_DEBUG="yes")
    assert done.returncode == 0, done.stderr
    (tmp_path / "config.py").write_text(CONFIG.replace('("yes", "true")', '("true",)'))
    done = _run(tmp_path, pinned)
    assert done.returncode == 1
    assert "config:DEBUG" in done.stderr


def test_routes_and_probes_are_pinned(tmp_path):
    """A route of an included router and a probe's status are recorded; a route that goes fails, one that comes does not."""
    pinned = _recorded(tmp_path, main=APP)
    body = pinned.pins[-1].body
    assert "'POST /mails/{mail_id}'" in body
    assert "'/health': 200" in body
    (tmp_path / "main.py").write_text(APP + "\n\n@app.get('/more')\ndef more():\n    return 1\n")
    assert _run(tmp_path, pinned).returncode == 0
    (tmp_path / "main.py").write_text(APP.replace("app.include_router(router)", ""))
    done = _run(tmp_path, pinned)
    assert done.returncode == 1
    assert "POST /mails/{mail_id}" in done.stderr


def test_a_factory_is_asked_for_its_app(tmp_path):
    """Flask's way: `create_app` is called, its rules and its probe are recorded."""
    factory = (
        "from flask import Flask\n\n\ndef create_app():\n    app = Flask('x')\n"
        "    app.add_url_rule('/ping', 'ping', lambda: 'pong')\n    return app\n"
    )
    pinned = _recorded(tmp_path, factory=factory)
    assert "'GET /ping'" in pinned.pins[-1].body
    assert "'/ping': 200" in pinned.pins[-1].body
    assert _run(tmp_path, pinned).returncode == 0


@pytest.mark.parametrize(
    "hostile",
    [
        "import threading\nthreading.Event().wait()\n",
        "import os\nos._exit(0)\n",
        "raise SystemExit(3)\n",
        "import socket\nsocket.create_connection(('127.0.0.1', 1))\n",
        "import os, signal\nos.kill(os.getpid(), signal.SIGKILL)\n",
    ],
    ids=["hangs", "exits", "ends", "network", "dies"],
)
def test_a_module_that_cannot_be_imported_is_not_pinned(tmp_path, hostile):
    """It costs its own pins and no other module's."""
    pinned = _recorded(tmp_path, answer_s=3.0, hostile=hostile, kind="X = 1\n")
    assert [ast.literal_eval(pin.body.partition("= ")[2].partition("]")[0] + "]") for pin in pinned.pins] == [["kind"]]


def test_output_cannot_be_taken_for_an_answer(tmp_path):
    """A module that floods both streams is recorded as any other."""
    flood = "import sys\nfor _ in range(20000):\n    print('x' * 80)\n    print('y' * 80, file=sys.stderr)\n"
    pinned = _recorded(tmp_path, flood=flood)
    assert [pin.name for pin in pinned.pins] == ["every_module_can_be_imported"]


def test_a_probe_that_never_ends_is_not_asked_again(tmp_path):
    """Its routes are pinned all the same; so are those of an app whose probe fails."""
    endless = APP.replace('return {"up": True}', "import asyncio\n    await asyncio.Event().wait()")
    pinned = _recorded(tmp_path, answer_s=8.0, endless=endless)
    assert "probes = {}" in pinned.pins[-1].body
    assert "'GET /health'" in pinned.pins[-1].body
    crashing = APP.replace('return {"up": True}', "raise RuntimeError('down')")
    assert "probes = {}" in _recorded(tmp_path, crashing=crashing).pins[-1].body


def test_no_secret_of_a_dotenv_file_is_recorded(tmp_path):
    """A text that neither the code nor the recorder wrote stays where it is."""
    (tmp_path / ".env").write_text("MAIL_TOKEN=s3cr3t-in-a-file\nMAIL_LEVEL=7\n")
    reading = (
        "import os\nfrom pathlib import Path\n\nfor line in Path(__file__).with_name('.env').read_text().split():\n"
        "    os.environ.setdefault(*line.split('='))\nTOKEN = os.getenv('MAIL_TOKEN')\nLEVEL = int(os.getenv('MAIL_LEVEL'))\n"
    )
    pinned = _recorded(tmp_path, reading=reading)
    text = rendered(pinned, "tests/test_maestro_generated.py").decode()
    assert "s3cr3t" not in text
    assert "'reading:TOKEN': 'maestro-pin'" in text


def test_recording_twice_gives_the_same_bytes(tmp_path):
    """The file depends on the service alone."""
    first, second = (rendered(_recorded(tmp_path, config=CONFIG), "tests/t.py") for _ in range(2))
    assert first == second


@pytest.mark.parametrize(
    ("paths", "place"),
    [
        (["app.py"], "tests/test_maestro_generated.py"),
        (["tests/unit/test_a.py", "tests/test_b.py"], "tests/test_maestro_generated.py"),
        (["test_app.py"], "test_maestro_generated.py"),
        (["app/test_rule.py", "tests/unit/test_a.py"], "tests/unit/test_maestro_generated.py"),
        (["src/app/test_maestro_generated.py", "src/tests/test_x.py"], "src/tests/test_maestro_generated.py"),
    ],
)
def test_the_file_goes_beside_the_tests(paths, place):
    """The folder of the service's tests that is nearest to its root takes it."""
    assert place_of(paths) == place


def test_sql_and_methods_are_no_variables(tmp_path):
    """A text in capitals that goes to SQL or to another library names no variable of the environment."""
    (tmp_path / "requests.py").write_text("def request(method): return method")
    (tmp_path / "sqlalchemy.py").write_text("def text(sql): return sql")
    mail = "import os, requests\nfrom sqlalchemy import text as sql\nPORT = int(os.getenv('MAIL_PORT', '25'))\n"
    mail += "NOW = sql('CURRENT_TIMESTAMP')\nWHO = requests.request('GET')\n"
    assert _recorded(tmp_path, mail=mail).variables == ("MAIL_PORT",)
