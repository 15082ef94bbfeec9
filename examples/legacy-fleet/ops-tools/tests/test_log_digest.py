import gzip
import io
import json
import logging
import os
import subprocess
import sys
from pathlib import Path
from unittest.mock import MagicMock, patch

import pytest

from opstools import term
from opstools.log_digest import Digest, main

ROOT = Path(__file__).parent.parent


def line(path="/books/1", status=200, ms=20.0, agent="Mozilla/5.0"):
    return f'10.0.0.1 - - [10/May/2024:10:00:00 +0000] "GET {path} HTTP/1.1" {status} 512 "{agent}" {ms}\n'


@pytest.fixture
def logfile(tmp_path):
    file = tmp_path / "access.log"
    file.write_text(
        line("/books/1")
        + line("/books/2?q=x", ms=900)
        + line("/books/3", 503, ms=30)
        + line("/")
        + line("/health")
        + line("/", agent="GoodBot/2.1")
    )
    return str(file)


def test_table(logfile, capsys):
    assert main([logfile]) == 0
    rows = [row.split() for row in capsys.readouterr().out.splitlines()]
    assert rows[0] == ["path", "requests", "errors", "slow", "median", "ms"]
    assert rows[2:] == [["/books/:id", "3", "1", "1", "30"], ["/", "1", "0", "0", "20"]]


def test_json(logfile, capsys):
    main([logfile, "--json", "--top", "1"])
    assert json.loads(capsys.readouterr().out) == [
        {"path": "/books/:id", "requests": 3, "errors": 1, "slow": 1, "median ms": "30"}
    ]


def test_bots_can_be_counted(logfile, capsys):
    main([logfile, "--bots", "--json"])
    assert json.loads(capsys.readouterr().out)[1]["requests"] == 2


def test_gzip(tmp_path, capsys):
    file = tmp_path / "access.log.gz"
    file.write_bytes(gzip.compress(line().encode()))
    main([str(file)])
    assert "/books/:id  1" in capsys.readouterr().out


def test_stdin(monkeypatch, capsys):
    monkeypatch.setattr("sys.stdin", io.StringIO(line("/tags")))
    main(["-"])
    assert "/tags" in capsys.readouterr().out


def test_too_many_errors(logfile, caplog):
    assert main([logfile, "--max-errors", "0.1"]) == 1
    assert caplog.record_tuples == [("digest", logging.ERROR, "errors are 25.0 % of all")]


def test_limit_from_the_environment(logfile):
    with patch.dict(os.environ, {"DIGEST_MAX_ERRORS": "0.2"}):
        assert main([logfile]) == 1


def test_missing_file(tmp_path, capsys, caplog):
    name = str(tmp_path / "gone.log")
    assert main([name]) == 0
    assert capsys.readouterr().err.startswith(f"log-digest: cannot read {name}\n")
    assert caplog.messages == [f"skipping {name}: No such file or directory"]


@pytest.mark.filterwarnings("ignore:The 'warn' method is deprecated")
def test_other_lines_are_counted(tmp_path, caplog):
    file = tmp_path / "access.log"
    file.write_text("hello\n" + line())
    main([str(file)])
    assert ("digest", logging.WARNING, "1 lines are no access lines") in caplog.record_tuples


def test_logger_can_be_given():
    log = MagicMock()
    digest = Digest(log=log)
    digest.feed("nonsense")
    log.debug.assert_called_once_with("not an access line: %.40s", "nonsense")
    assert digest.bad_lines == 1


@pytest.mark.parametrize("options, level", [(["-v"], "DEBUG"), (["--log-level", "error"], "ERROR")])
def test_log_level(logfile, options, level):
    with patch("opstools.log_digest.logging") as logging_mock:
        main([logfile, *options])
    assert logging_mock.basicConfig.call_args.kwargs["level"] is getattr(logging_mock, level)


def test_nothing_read_means_no_errors():
    assert Digest().error_share == 0.0


@pytest.mark.parametrize("variables, expected", [({}, 1), ({"DIGEST_SLOW_MS": "10"}, 4), ({"DIGEST_SLOW_MS": "25"}, 2)])
def test_slow_limit(logfile, variables, expected):
    done = subprocess.run(
        [sys.executable, "-m", "opstools.log_digest", logfile, "--json"],
        cwd=ROOT,
        env={**os.environ, **variables},
        capture_output=True,
        text=True,
        check=True,
    )
    assert sum(row["slow"] for row in json.loads(done.stdout)) == expected


def test_bad_variable_is_told():
    done = subprocess.run(
        [sys.executable, "-m", "opstools.log_digest", "-"],
        cwd=ROOT,
        env={**os.environ, "DIGEST_TOP": "ten"},
        capture_output=True,
        text=True,
    )
    assert done.returncode == 1
    assert "ValueError: invalid literal for int() with base 10: 'ten'" in done.stderr


def test_verbose_goes_to_stderr(logfile):
    done = subprocess.run(
        [sys.executable, "-m", "opstools.log_digest", "-v", logfile], cwd=ROOT, capture_output=True, text=True
    )
    assert "INFO: 2 paths, 1 requests of bots left out" in done.stderr
    assert "INFO" not in done.stdout


def test_colours(monkeypatch):
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.delenv("NO_COLOR", raising=False)
    assert term.paint("soon", "yellow") == "\033[33msoon\033[0m"
    monkeypatch.setenv("NO_COLOR", "1")
    assert term.paint("soon", "yellow") == "soon"


@pytest.mark.parametrize("size, text", [(0, "0 B"), (2048, "2 KB"), (5 * 1024**3, "5 GB")])
def test_human(size, text):
    assert term.human(size) == text
