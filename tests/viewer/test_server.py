"""What the viewer serves, and what it refuses."""

import http.client
import json
import re
import socket
import struct
import time
from pathlib import Path

import pytest
from tests.viewer.support import cell, hostile_run, make_run, serving

from rlm.viewer.script import PAGE
from rlm.viewer.server import Viewer


def get(server: Viewer, path: str, method: str = "GET", **headers: str) -> tuple[int, dict[str, str], str]:
    connection = http.client.HTTPConnection("127.0.0.1", server.port, timeout=10)
    try:
        connection.request(method, path, headers=headers)
        answer = connection.getresponse()
        return answer.status, {name.lower(): value for name, value in answer.getheaders()}, answer.read().decode()
    finally:
        connection.close()


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    runs = tmp_path_factory.mktemp("runs")
    make_run(runs, [cell("print(context[:300])"), cell("FINAL(llm_query(context[:600]))")])
    return runs


def name_of(folder: Path) -> str:
    return next(path.name for path in folder.iterdir() if path.is_dir())


def test_the_page_and_its_policy(folder: Path) -> None:
    with serving(folder) as server:
        assert server.url == f"http://127.0.0.1:{server.port}/"
        status, headers, text = get(server, "/")
        assert (status, headers["content-type"]) == (200, "text/html; charset=utf-8")
        assert '<script type="module" src="page/script.js">' in text
        assert headers["content-security-policy"].startswith("default-src 'none'; script-src 'self';")
        assert headers["x-content-type-options"] == "nosniff"
        assert (headers["referrer-policy"], headers["cache-control"]) == ("no-referrer", "no-store")
        assert get(server, "/page/script.js")[1]["content-type"] == "text/javascript; charset=utf-8"


@pytest.mark.parametrize(
    "path",
    [
        "/page/../server.py",
        "/page/..%2fserver.py",
        "/etc/passwd",
        "/api/runs/../../etc/events",
        "/api/runs/%2e%2e/events",
        "/api/runs/none/events",
        "/page/",
    ],
)
def test_nothing_but_the_page_and_the_runs(folder: Path, path: str) -> None:
    with serving(folder) as server:
        status, _, text = get(server, path)
        assert (status, text) in [
            (404, "there is nothing here"),
            (404, "there is no such run"),
            (200, get(server, "/")[2]),
        ]
        assert "root:" not in text


@pytest.mark.parametrize("file", ["events.jsonl", "strings.pack"])
def test_a_trace_with_a_link_in_it_is_none(tmp_path: Path, file: str) -> None:
    run = tmp_path / hostile_run(tmp_path)
    (run / file).unlink()
    (run / file).symlink_to("/etc/passwd")
    with serving(tmp_path) as server:
        for what in ("events", "coverage", "strings?places=0/9/0123456789abcdef"):
            assert get(server, f"/api/runs/{run.name}/{what}")[::2] == (404, "there is no such run")


def test_only_reading(folder: Path) -> None:
    with serving(folder) as server:
        for method in ("POST", "PUT", "DELETE", "OPTIONS"):
            assert get(server, "/api/runs", method)[0] == 501


def test_another_name_for_this_machine_is_refused(folder: Path) -> None:
    with serving(folder) as server:
        assert get(server, "/api/runs", Host="evil.example")[0] == 421
        assert get(server, "/api/runs", Host=f"evil.example:{server.port}")[0] == 421
        assert get(server, "/api/runs", Host=f"localhost:{server.port}")[0] == 200


def test_any_other_address_has_a_token_in_its_url(folder: Path) -> None:
    with serving(folder, "0.0.0.0") as server:
        token = re.fullmatch(rf"http://0\.0\.0\.0:{server.port}/([\w-]{{32}})/", server.url)
        assert token is not None
        assert get(server, f"/{token[1]}/api/runs")[0] == 200
        for path in ("/", "/api/runs", f"/{token[1][::-1]}/api/runs", f"/x{token[1]}/"):
            assert get(server, path)[:3:2] == (403, "the URL lacks its token: rlm view printed it")


def test_the_list(folder: Path) -> None:
    with serving(folder) as server:
        (row,) = json.loads(get(server, "/api/runs")[2])
        assert row["run"] == name_of(folder)
        assert {name: row[name] for name in ("status", "question", "model")} == {
            "status": "done",
            "question": "How many?",
            "model": "scripted",
        }


def test_events_from_a_byte_on_and_the_strings_that_they_name(folder: Path) -> None:
    run = name_of(folder)
    log = (folder / run / "events.jsonl").read_bytes()
    with serving(folder) as server:
        status, headers, text = get(server, f"/api/runs/{run}/events?from=0")
        assert (status, text, headers["x-next"]) == (200, log.decode(), str(len(log)))
        assert get(server, f"/api/runs/{run}/events?from={len(log)}")[2] == ""
        offset, length, digest = next(json.loads(found) for found in re.findall(r'\{"\$s":(\[.*?\])\}', text))
        stored = (folder / run / "strings.pack").read_bytes()[offset : offset + length].decode()
        strings = f"/api/runs/{run}/strings?places="
        place = f"{offset}/{length}/{digest}"
        asked = get(server, f"{strings}{place},{offset + 1}/{length}/{digest},{place}")
        assert json.loads(asked[2]) == [stored, None, stored]
        assert json.loads(get(server, f"{strings}{place}&longest=9")[2]) == [stored[:9]]
        for odd in ("0/1/zz", f"{place},../../x", ""):
            assert get(server, strings + odd)[0] == 400
        assert get(server, f"{strings}0/{10**12}/{digest}")[::2] == (
            400,
            "these strings have more than 67,108,864 bytes",
        )
        assert get(server, f"/api/runs/{run}/events?from=-1")[::2] == (400, "from must be a number")


def test_a_run_that_ended_is_followed_to_its_end(folder: Path) -> None:
    run = name_of(folder)
    lines = (folder / run / "events.jsonl").read_text().splitlines()
    with serving(folder) as server:
        status, headers, text = get(server, f"/api/runs/{run}/follow?from=0")
        assert (status, headers["content-type"]) == (200, "text/event-stream")
        assert text == "".join(f"data: {line}\n\n" for line in lines) + "event: end\ndata: \n\n"


def test_coverage_strategy_and_the_text_itself(folder: Path) -> None:
    run = name_of(folder)
    with serving(folder) as server:
        covered = json.loads(get(server, f"/api/runs/{run}/coverage")[2])
        assert covered["characters"] == len("one two three\n" * 400)
        passage = json.loads(get(server, f"/api/runs/{run}/input?text=0&start=4&end=13")[2])
        assert passage == {"pieces": [[4, "two three"]]}
        assert json.loads(get(server, f"/api/runs/{run}/input?text=7&start=0&end=5")[2]) == {"pieces": []}
        labels = json.loads(get(server, f"/api/runs/{run}/strategy")[2])["labels"]
        assert [(label["turn"], label["pattern"]) for label in labels] == [(1, "probing"), (2, "recursion")]
        counted = {"runs": 1, "patterns": [{"name": "probing", "runs": 1}, {"name": "recursion", "runs": 1}]}
        assert json.loads(get(server, "/api/strategies")[2]) == counted


def test_a_trace_that_can_not_be_read_is_an_answer(tmp_path: Path) -> None:
    run = hostile_run(tmp_path)
    with serving(tmp_path) as server:
        assert get(server, f"/api/runs/{run}/events?from=0")[0] == 200
        status, _, text = get(server, f"/api/runs/{run}/coverage")
        assert status == 422
        assert "events.jsonl" in text
        assert get(server, "/api/runs")[0] == 200


def test_nothing_in_the_page_takes_text_for_markup() -> None:
    forbidden = re.compile(
        r"innerHTML|outerHTML|insertAdjacentHTML|document\.write|\beval\(|new Function|srcdoc|DOMParser|"
        r"setTimeout\(['\"]"
    )
    for item in PAGE.iterdir():
        text = item.read_text()
        assert not forbidden.findall(text), item.name
        assert not re.search(r"<\w+[^>]*\son\w+=", text), item.name
        assert "http://" not in text, item.name
        assert "https://" not in text, item.name


def test_a_browser_that_goes_leaves_no_words(folder: Path, capsys: pytest.CaptureFixture[str]) -> None:
    with serving(folder) as server:
        for asked in (b"", b"GET / HTTP/1.1\r\nHo"):
            with socket.create_connection(("127.0.0.1", server.port)) as connection:
                connection.sendall(asked)
                connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))  # closes by a reset
        assert get(server, "/", Host=f"127.0.0.1:{server.port}")[0] == 200
        time.sleep(0.1)
    assert capsys.readouterr().err == ""


def test_a_run_whose_files_are_gone(folder: Path, tmp_path: Path) -> None:
    run = name_of(folder)
    (tmp_path / run).mkdir()
    (tmp_path / run / "events.jsonl").write_bytes((folder / run / "events.jsonl").read_bytes())
    with serving(tmp_path) as server:
        asked = get(server, f"/api/runs/{run}/strings?places=0/200/{'0' * 16}")
        assert (asked[0], asked[2]) == (404, "it can't be read: No such file or directory")
        assert get(server, f"/api/runs/{run}/strategy")[0] == 422
        assert get(server, "/api/runs")[2] == "[]"
