"""Folders: what is loaded, what is only listed, and that nothing outside is ever read."""

import os
import socket
import threading
from pathlib import Path

import pytest

from rlm.context import load
from rlm.errors import ContextError
from rlm.sandbox.corpus import build_context


def tree(root: Path, files: dict[str, str | bytes]) -> Path:
    for name, content in files.items():
        path = root / name
        path.parent.mkdir(parents=True, exist_ok=True)
        path.write_bytes(content.encode() if isinstance(content, str) else content)
    return root


def loaded(context):
    return dict(build_context(context.kind, context.parts, context.blob.fd).value)


def listed(context):
    return [tuple(one) for one in context.skipped]


def test_a_folder_is_a_corpus_in_the_order_of_its_names(tmp_path):
    tree(tmp_path, {"b.py": "B\n", "a/two.md": "zwei é", "a/one.py": "1", "c/d/e/deep.txt": "", "UPPER": "u"})
    context = load(tmp_path)
    assert list(loaded(context).items()) == [
        ("UPPER", "u"),
        ("a/one.py", "1"),
        ("a/two.md", "zwei é"),
        ("b.py", "B\n"),
        ("c/d/e/deep.txt", ""),
    ]
    assert context.characters == 10
    assert listed(context) == []


def test_an_empty_folder(tmp_path):
    context = load(tmp_path)
    assert loaded(context) == {}
    assert context.description.startswith(f'folder "{tmp_path.name}": 0 files, 0 characters\n')


def test_gitignore_is_honoured_nested_ones_too(tmp_path):
    tree(
        tmp_path,
        {
            ".gitignore": "*.log\n!keep.log\n/build\nnode_modules/\n# a comment\n",
            ".git/config": "x",
            "sub/.git": "gitdir: elsewhere",
            "a.log": "x",
            "keep.log": "x",
            "build/x.txt": "x",
            "sub/build/x.txt": "x",
            "sub/node_modules/x.js": "x",
            "sub/.gitignore": "!b.log\nlocal*\n",
            "sub/b.log": "x",
            "sub/c.log": "x",
            "sub/local.txt": "x",
            "local.txt": "x",
        },
    )
    context = load(tmp_path)
    assert list(loaded(context)) == [
        ".gitignore",
        "keep.log",
        "local.txt",
        "sub/.gitignore",
        "sub/b.log",
        "sub/build/x.txt",
    ]
    assert listed(context) == []
    assert context.description.endswith("\nLeft out as git ignores them: 5 files and folders.")


def test_gitignore_of_the_repository_above_is_honoured(tmp_path):
    tree(
        tmp_path / "repo",
        {
            ".git/HEAD": "",
            ".gitignore": "*.log\n/src/gen\n/out\n",
            "src/a.py": "a",
            "src/a.log": "a",
            "src/gen/b.py": "b",
        },
    )
    tree(tmp_path / "repo", {"out/x.log": "x", "out/y.txt": "y"})
    tree(tmp_path, {".gitignore": "*.py\n"})  # outside the repository
    assert list(loaded(load(tmp_path / "repo" / "src"))) == ["a.py"]
    # A folder that is itself ignored was named by the user all the same.
    assert list(loaded(load(tmp_path / "repo" / "out"))) == ["x.log", "y.txt"]


def test_binary_and_large_files_are_listed(tmp_path):
    tree(tmp_path, {"a.bin": b"MZ\x00\x01", "b.txt": "x" * 100, "c.txt": "y" * 50, "d.txt": "z" * 60, "e.txt": "e"})
    context = load(tmp_path, max_file_bytes=99, max_total_bytes=60)
    assert loaded(context) == {"c.txt": "y" * 50, "e.txt": "e"}
    assert listed(context) == [
        ("a.bin", 4, "binary"),
        ("b.txt", 100, "larger than 99 bytes"),
        ("d.txt", 60, "past the 60 bytes that are loaded"),
    ]


def test_a_named_file_is_loaded_however_large(tmp_path):
    tree(tmp_path, {"big.txt": "x" * 1000, "small.txt": "y"})
    context = load([tmp_path / "big.txt", tmp_path / "small.txt"], max_file_bytes=10, max_total_bytes=10)
    assert loaded(context) == {"big.txt": "x" * 1000, "small.txt": "y"}


def test_links_are_never_followed(tmp_path):
    tree(tmp_path / "outside", {"secret.txt": "outside", "dir/more.txt": "outside"})
    inside = tree(tmp_path / "inside", {"a.txt": "inside"})
    (inside / "abs").symlink_to(tmp_path / "outside" / "secret.txt")
    (inside / "rel").symlink_to("../outside/secret.txt")
    (inside / "dir").symlink_to(tmp_path / "outside" / "dir")
    (inside / "loop").symlink_to(".")
    (inside / "dangling").symlink_to("nowhere")
    (inside / ".gitignore").symlink_to(tmp_path / "outside" / "secret.txt")
    context = load(inside)
    assert loaded(context) == {"a.txt": "inside"}
    assert listed(context) == [
        (name, 0, "symbolic link") for name in (".gitignore", "abs", "dangling", "dir", "loop", "rel")
    ]


def test_a_file_that_becomes_a_link_while_we_look_is_not_followed(tmp_path, monkeypatch):
    tree(tmp_path / "outside", {"secret.txt": "outside", "d/secret.txt": "outside"})
    inside = tree(tmp_path / "inside", {"a.txt": "inside", "d/b.txt": "inside"})
    really_open = os.open

    def swap_first(path, flags, *args, **kwargs):
        for name in ("a.txt", "d"):
            if path == name and not (inside / name).is_symlink():
                (inside / name).rename(tmp_path / f"moved-{name}")
                (inside / name).symlink_to(tmp_path / "outside" / name.replace("a.txt", "secret.txt"))
        return really_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", swap_first)
    context = load(inside)
    assert loaded(context) == {}
    assert [one.name for one in context.skipped] == ["a.txt", "d/"]


def test_fifos_sockets_and_devices_are_listed_never_opened(tmp_path):
    tree(tmp_path, {"a.txt": "a"})
    os.mkfifo(tmp_path / "pipe")
    with socket.socket(socket.AF_UNIX) as server:
        here = os.open(".", os.O_RDONLY)
        try:  # a socket's path may be 107 bytes long at most, so it is made from within the folder
            os.chdir(tmp_path)
            server.bind("sock")
        finally:
            os.fchdir(here)
            os.close(here)
        result = {}
        thread = threading.Thread(target=lambda: result.update(context=load(tmp_path)), daemon=True)
        thread.start()
        thread.join(10)
    assert listed(result["context"]) == [("pipe", 0, "FIFO"), ("sock", 0, "socket")]
    assert loaded(result["context"]) == {"a.txt": "a"}


SECRET = [
    *(".env", ".env.local", ".ENV", "prod.env", "server.pem", "server.KEY", "id_rsa", "id_ed25519.bak", ".netrc"),
    *(
        ".npmrc",
        ".pypirc",
        "credentials",
        "a.p12",
        "a.pfx",
        "a.keystore",
        ".git-credentials",
        ".pgpass",
        "secrets.yaml",
    ),
]


@pytest.mark.parametrize("folder", ["", "deep/er/"])
def test_files_that_hold_keys_are_listed_not_read(tmp_path, folder):
    tree(tmp_path, {folder + name: "hunter2" for name in SECRET})
    tree(tmp_path, {folder + name: "fine" for name in ("secrets.py", "keys.py", "environment.py", "env", "pem.txt")})
    tree(tmp_path, {folder + ".aws/config": "hunter2", folder + ".ssh/known_hosts": "hunter2"})
    context = load(tmp_path)
    assert b"hunter2" not in context.blob.read()
    assert sorted(loaded(context)) == sorted(
        folder + name for name in ("secrets.py", "keys.py", "environment.py", "env", "pem.txt")
    )
    assert sorted(one.name for one in context.skipped) == sorted(folder + name for name in [*SECRET, ".aws", ".ssh"])
    assert {one.why for one in context.skipped} == {"may hold keys"}


def test_names_that_drive_a_terminal_or_are_not_text_are_made_safe(tmp_path):
    names = [b"clear\x1b[2J.txt", b"two\nlines", b"bad\xff", "right‮left".encode(), "fine é.txt".encode()]
    for name in names:
        with open(os.fsencode(tmp_path) + b"/" + name, "w") as file:
            file.write("x")
    (tmp_path / "two\\nlines").write_text("a twin")
    context = load(tmp_path)
    assert sorted(part.name for part in context.parts) == [
        "bad\\xff",
        "clear\\x1b[2J.txt",
        "fine é.txt",
        "right\\u202eleft",
        "two\\nlines",
        "two\\nlines (2)",
    ]
    assert context.description.isprintable() or set(filter(lambda c: not c.isprintable(), context.description)) == {
        "\n"
    }


def test_folders_too_deep_are_listed(tmp_path):
    deep = tmp_path
    for _ in range(70):
        deep /= "d"
    tree(deep, {"f.txt": "x"})
    context = load(tmp_path)
    assert loaded(context) == {}
    assert listed(context) == [("d/" * 65, 0, "more than 64 folders deep")]


def test_an_entry_that_fails_is_listed_with_its_reason(tmp_path, monkeypatch):
    tree(tmp_path, {"a.txt": "a", "b.txt": "b", "c/d.txt": "d"})
    really_open = os.open

    def deny(path, flags, *args, **kwargs):
        if path in ("b.txt", "c"):
            raise PermissionError(13, "Permission denied")
        return really_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", deny)
    context = load(tmp_path)
    assert loaded(context) == {"a.txt": "a"}
    assert listed(context) == [("b.txt", 1, "permission denied"), ("c/", 0, "permission denied")]


def test_a_folder_that_cannot_be_opened_is_an_error(tmp_path, monkeypatch):
    really_open = os.open

    def deny(path, flags, *args, **kwargs):
        if path == tmp_path:
            raise PermissionError(13, "Permission denied")
        return really_open(path, flags, *args, **kwargs)

    monkeypatch.setattr(os, "open", deny)
    with pytest.raises(ContextError, match="Permission denied"):
        load(tmp_path)


def test_a_folder_is_described_by_its_structure_never_its_content(tmp_path):
    root = tree(
        tmp_path / "src",
        {
            **{f"pkg/m{i}.py": "hidden words\n" for i in range(30)},
            "README.md": "hidden",
            "logo.png": b"\x89PNG\x00",
            ".env": "KEY=1",
            "LICENSE": "hidden",
        },
    )
    assert load(root).description == (
        'folder "src": 32 files, 402 characters (30 .py, 1 without ending, 1 .md)\n'
        "It is a Corpus: context[name] is a file's text, context.names are the names.\n"
        "  pkg/: 30 files, 390 characters\n"
        "  LICENSE: 6 characters\n"
        "  README.md: 6 characters\n"
        "Listed but not loaded, 2:\n"
        "  may hold keys: .env (5 bytes)\n"
        "  binary: logo.png (5 bytes)"
    )


def test_a_description_is_bounded(tmp_path):
    tree(tmp_path, {f"{'n' * 200}{i}.e{i}": "x" for i in range(100)})
    tree(tmp_path, {f"{'b' * 200}{i}.bin": b"\x00" for i in range(100)})
    description = load(tmp_path).description
    assert len(description) < 6000
    assert len(description.splitlines()) < 30
    assert "and 80 more (context.names has all)" in description
    assert "and 95 more" in description
