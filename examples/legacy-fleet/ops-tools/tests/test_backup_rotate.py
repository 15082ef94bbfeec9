import datetime
import importlib
import logging
import subprocess
import sys
from pathlib import Path
from unittest.mock import patch

import pytest

from opstools import backup_rotate
from opstools.backup_rotate import Backup, choose, main, newest_of_each, parser

ROOT = Path(__file__).parent.parent


@pytest.fixture
def folder(tmp_path):
    day = datetime.date(2024, 1, 1)
    for i in range(100):
        name = f"shop-{day + datetime.timedelta(days=i):%Y%m%d}.tar.gz"
        (tmp_path / name).write_bytes(b"x" * 1024)
    return tmp_path


def names(folder):
    return sorted(p.name for p in folder.iterdir())


def test_name_is_read(tmp_path):
    backup = Backup(tmp_path / "shop-db-20240229.tar.zst")
    assert (backup.name, backup.date) == ("shop-db", datetime.date(2024, 2, 29))


@pytest.mark.parametrize("name", ["notes.txt", "shop-2024.tar.gz", "shop-20241340.tar"])
def test_other_names_are_refused(tmp_path, name):
    with pytest.raises(ValueError):
        Backup(tmp_path / name)


def test_newest_of_each_month(folder):
    backups = [Backup(p) for p in folder.iterdir()]
    kept = newest_of_each(backups, lambda d: (d.year, d.month), 2)
    assert [b.date for b in kept] == [datetime.date(2024, 4, 9), datetime.date(2024, 3, 31)]


def test_rotation(folder, capsys):
    assert main([str(folder), "--days", "3", "--weeks", "2", "--months", "2"]) == 0
    assert names(folder) == [
        "shop-20240331.tar.gz",
        "shop-20240407.tar.gz",
        "shop-20240408.tar.gz",
        "shop-20240409.tar.gz",
    ]
    out = capsys.readouterr().out.splitlines()
    assert out[0] == "deleted shop-20240101.tar.gz (1 KB)"
    assert out[-1] == "4 kept, 96 KB freed"


def test_dry_run_deletes_nothing(folder, capsys):
    main([str(folder), "--days", "1", "--weeks", "0", "--months", "0", "--dry-run"])
    assert len(names(folder)) == 100
    assert capsys.readouterr().out.endswith("1 kept, 99 KB to free\n")


def test_second_run_deletes_nothing(folder, capsys):
    main([str(folder)])
    capsys.readouterr()
    main([str(folder)])
    assert capsys.readouterr().out.splitlines()[0].endswith("kept, 0 B freed")


def test_protected_names(folder, caplog):
    caplog.set_level(logging.INFO)
    with patch("opstools.backup_rotate.PROTECT", ["shop"]):
        assert len(choose([Backup(p) for p in folder.iterdir()], 1, 0, 0)) == 100
    assert caplog.messages == ["shop is protected, all 100 kept"]


def test_strange_files_stay(folder, caplog):
    (folder / "README").write_text("do not delete")
    main([str(folder)])
    assert "README" in names(folder)
    assert "left alone: README is not named like a backup" in caplog.messages


def test_hook_file(folder, tmp_path_factory, monkeypatch):
    hook = tmp_path_factory.mktemp("hook") / "deleted.txt"
    monkeypatch.setenv("BACKUP_HOOK_FILE", str(hook))
    main([str(folder), "--days", "99", "--weeks", "0", "--months", "0"])
    assert hook.read_text() == "shop-20240101.tar.gz\n"


def test_file_that_cannot_be_deleted(folder, caplog):
    with patch("pathlib.Path.unlink", side_effect=PermissionError("not yours")):
        assert main([str(folder), "--days", "99", "--weeks", "0", "--months", "0"]) == 1
    assert [(r.levelname, r.getMessage()) for r in caplog.records] == [("ERROR", "not yours")]


def test_not_a_folder(tmp_path, caplog):
    assert main([str(tmp_path / "nowhere")]) == 2
    assert caplog.record_tuples == [("root", logging.ERROR, f"{tmp_path / 'nowhere'} is not a folder")]


def test_defaults_come_from_the_environment(monkeypatch):
    monkeypatch.setenv("BACKUP_KEEP_DAYS", "14")
    monkeypatch.setenv("BACKUP_KEEP_MONTHS", "12")
    monkeypatch.setenv("BACKUP_DRY_RUN", "True")
    args = parser().parse_args(["."])
    assert (args.days, args.weeks, args.months, args.dry_run) == (14, 4, 12, True)
    assert parser().parse_args([".", "--days", "2"]).days == 2


def test_protect_variable(monkeypatch):
    monkeypatch.setenv("BACKUP_PROTECT", "shop,ledger")
    try:
        assert importlib.reload(backup_rotate).PROTECT == ["shop", "ledger"]
    finally:
        monkeypatch.undo()
        importlib.reload(backup_rotate)
    assert backup_rotate.PROTECT == [""]


def test_verbose_logs_to_stderr(folder):
    done = subprocess.run(
        [sys.executable, "-m", "opstools.backup_rotate", str(folder), "-v", "-n"],
        cwd=ROOT,
        capture_output=True,
        text=True,
    )
    assert done.returncode == 0
    assert f"INFO 100 backups in {folder}" in done.stderr
    assert "INFO" not in done.stdout
