"""The driver answers for any app, and lets none reach anything outside its copy."""

import base64
import sys
from pathlib import Path
from typing import Any

import pytest
from flask import Flask

from maestro_migrate._environment import Environment
from maestro_migrate.parity import Drive, candidates_in, drive
from maestro_migrate.parity.maestro_drive._cases import cases_of, sample

HERE = Environment(Path(sys.prefix), (3, 11))

FASTAPI = """
import logging
from fastapi import FastAPI, Header
from pydantic import BaseModel

log = logging.getLogger("shop")
app = FastAPI()
items = {}

class Item(BaseModel):
    name: str
    price: float

@app.post("/items/{number}", status_code=201)
def make(number: int, item: Item):
    log.warning("made %s", number)
    items[number] = item
    return item

@app.get("/items/{number}")
def show(number: int):
    return items[number]
"""

FLASK = """
from flask import Flask, jsonify

def create_app(config=None):
    app = Flask(__name__)

    @app.get("/items/<int:number>")
    def show(number):
        return jsonify(number=number)

    return app
"""


def test_a_factory_that_calls_another_is_found(tmp_path: Path) -> None:
    """The app may be made in one file and finished in another, which only says what it is."""
    (tmp_path / "make.py").write_text("from flask import Flask\n\ndef raw(name):\n    return Flask(name)\n")
    (tmp_path / "app.py").write_text(
        'from make import raw\n\ndef create_app():\n    """Return a Flask app."""\n    return raw("x")\n'
    )
    (tmp_path / "shop.py").write_text("def create_app():\n    return 1\n")
    assert candidates_in(tmp_path) == [("app", "create_app", True)]


def driven(tree: Path, code: str, **env: str) -> tuple[Drive, Drive]:
    """Write an app, find it, and return what the run that makes the requests and the run that sends them gave."""
    (tree / "service").mkdir()
    (tree / "service" / "main.py").write_text(code)
    (tree / "work").mkdir()
    service, work = tree / "service", tree / "work"
    found = drive(service, HERE, env=env, work=work, candidates=candidates_in(service))
    if found.problem:
        return found, found
    sent = drive(
        service,
        HERE,
        env=env,
        work=work,
        candidates=[found.outcome["candidate"]],
        cases=[*found.outcome["cases"], *(CALLS if "/try" in code else [])],
    )
    return found, sent


CALLS = [{"method": "GET", "path": "/try"}]


def answers(found: Drive, sent: Drive) -> dict[str, Any]:
    """Return the answers by method and path, the first of each."""
    cases = found.outcome["cases"]
    return {
        f"{case['method']} {case['path']}": answer
        for case, answer in reversed(list(zip(cases, sent.outcome["answers"], strict=False)))
    }


def test_an_openapi_document_gives_requests_that_succeed(tmp_path: Path) -> None:
    """Bodies and parameters fit their schemas, what was made is read again, and records are seen."""
    found, sent = driven(tmp_path, FASTAPI)
    seen = answers(found, sent)
    assert ("POST /items/1" in seen) == found.outcome["is_whole"]
    if found.outcome["is_whole"]:
        assert seen["POST /items/1"]["status"] == 201
        assert seen["POST /items/1"]["logs"] == [["shop", "WARNING", "made 1"]]
        assert seen["GET /items/1"]["status"] == 200
    assert seen["GET /maestro/no/such/path"]["status"] == 404


def test_a_flask_factory_is_asked_by_its_url_map(tmp_path: Path) -> None:
    """Converters get values that they take."""
    found, sent = driven(tmp_path, FLASK)
    assert found.outcome["candidate"] == ["main", "create_app", True]
    answer = answers(found, sent)["GET /items/1"]
    assert base64.b64decode(answer["body"]) == b'{"number":1}\n'


@pytest.mark.parametrize(
    "line",
    [
        "open(os.environ['OUTSIDE'], 'w').write('x')",
        "os.remove(os.environ['OUTSIDE'])",
        "sqlite3.connect(os.environ['OUTSIDE'])",
        "socket.create_connection(('127.0.0.1', 9), timeout=5)",
        "subprocess.run(['touch', os.environ['OUTSIDE'] + '2'])",
        "os.kill(os.getppid(), 9)",
    ],
)
def test_nothing_outside_the_copy_is_reached(tmp_path: Path, line: str) -> None:
    """A request that writes elsewhere, calls out or starts a program is refused, the same way for old and new."""
    kept = tmp_path / "kept.txt"
    kept.write_text("kept")
    code = (
        "import os, socket, sqlite3, subprocess\nfrom flask import Flask\n\napp = Flask(__name__)\napp.testing = True\n\n"
        f"@app.get('/try')\ndef attempt():\n    {line}\n    return 'done'\n"
    )
    _, sent = driven(tmp_path, code, OUTSIDE=str(kept))
    assert "Refused" in sent.outcome["answers"][-1]["raised"]
    assert [each.name for each in tmp_path.iterdir() if each.is_file()] == ["kept.txt"]
    assert kept.read_text() == "kept"


def test_a_stream_that_never_ends_is_cut(tmp_path: Path) -> None:
    """A bounded share of it is read, and the run goes on."""
    code = "from flask import Flask\n\napp = Flask(__name__)\n\n@app.get('/try')\ndef attempt():\n    return (b'x' * 4096 for _ in iter(int, 1))\n"
    _, sent = driven(tmp_path, code)
    assert len(base64.b64decode(sent.outcome["answers"][-1]["body"])) < 300_000


@pytest.mark.parametrize(
    ("code", "problem"),
    [
        ("from flask import Flask\n\nraise RuntimeError('no database')\napp = Flask(__name__)\n", "no database"),
        ("from flask import Flask\nimport sys\n\nsys.exit(3)\napp = Flask(__name__)\n", "SystemExit"),
        ("from flask import Flask\nimport os\n\nos._exit(3)\napp = Flask(__name__)\n", "ended with 3"),
        ("print('no app here')\n", "no module"),
    ],
)
def test_an_app_that_does_not_load_is_a_reason(tmp_path: Path, code: str, problem: str) -> None:
    """Whatever a service does when it is loaded, the outcome is a sentence."""
    found, _ = driven(tmp_path, code)
    assert problem in str(found.problem)


def test_a_start_up_that_fails_is_a_reason(tmp_path: Path) -> None:
    """A lifespan that raises keeps the app from being asked."""
    code = (
        "from contextlib import asynccontextmanager\nfrom fastapi import FastAPI\n\n@asynccontextmanager\nasync def lifespan(app):\n"
        "    raise OSError('no broker')\n    yield\n\napp = FastAPI(lifespan=lifespan)\n\n@app.get('/a')\ndef a():\n    return 1\n"
    )
    _, sent = driven(tmp_path, code)
    assert "no broker" in str(sent.problem)


def test_threads_that_never_end_do_not_hold_the_run(tmp_path: Path) -> None:
    """The outcome is written, and the process ends whatever the service left running."""
    code = (
        "import threading\nfrom flask import Flask\n\nthreading.Thread(target=threading.Event().wait).start()\napp = Flask(__name__)\n"
        "\n@app.get('/try')\ndef attempt():\n    return 'done'\n"
    )
    _, sent = driven(tmp_path, code, PYTHONPATH="/nowhere")
    assert sent.outcome["answers"][-1]["status"] == 200


def test_where_isolation_is_not_whole_only_safe_methods_are_sent() -> None:
    """Nothing that may change something is asked of an app that could reach a database."""
    app = Flask("shop")
    app.add_url_rule("/items", "items", methods=["GET", "POST", "DELETE"])
    assert {case["method"] for case in cases_of(app, limit=80, only_safe=True)} == {"GET", "HEAD", "OPTIONS"}
    assert "POST" in {case["method"] for case in cases_of(app, limit=80, only_safe=False)}


TREES: dict[str, Any] = {
    "Union": {"anyOf": [{"$ref": "#/Union"}, {"type": "string"}]},
    "Part": {"allOf": [{"$ref": "#/Part"}, {"properties": {"a": {"type": "integer"}}}]},
    "Loop": {"$ref": "#/Loop"},
    "Json": {"anyOf": [{"type": "array", "items": {"$ref": "#/Json"}}, {"type": "string"}]},
    "Node": {
        "type": "object",
        "required": ["left", "right"],
        "properties": {
            "left": {"anyOf": [{"$ref": "#/Node"}, {"type": "null"}]},
            "right": {"$ref": "#/Node"},
        },
    },
}


@pytest.mark.parametrize(
    ("name", "kind"), [("Union", str), ("Part", dict), ("Loop", str), ("Json", list), ("Node", dict)]
)
def test_a_schema_that_names_itself_ends(name: str, kind: type) -> None:
    """Unions, parts, references and trees of themselves give a value of the wanted type, and no recursion without end."""
    made = sample({"$ref": f"#/{name}"}, TREES)
    assert isinstance(made, kind)
    assert len(str(made)) < 10_000
