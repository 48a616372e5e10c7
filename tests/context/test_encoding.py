"""Text files in any common encoding; a problem with a named file names the byte."""

import codecs
import os

import pytest

from rlm.context import load
from rlm.errors import ContextError
from rlm.sandbox.corpus import build_context

FRENCH = "Le cœur a ses raisons que la raison ne connaît point. L'été dernier, nous étions près de l'hôtel.\n"
GERMAN = "Die Größe der Bäume überrascht die Gäste aus München; Straßen und Flüsse führen ins Grüne.\n"
RUSSIAN = "Все счастливые семьи похожи друг на друга, каждая несчастливая семья несчастлива по-своему.\n"
JAPANESE = "吾輩は猫である。名前はまだ無い。どこで生れたかとんと見当がつかぬ。\n"
CHINESE = "床前明月光，疑是地上霜。举头望明月，低头思故乡。这是一个测试文件，用来检测编码。\n"
KOREAN = "나의 살던 고향은 꽃피는 산골 복숭아꽃 살구꽃 아기 진달래\n"
POLISH = "Zażółć gęślą jaźń. Wszyscy ludzie rodzą się wolni i równi pod względem swej godności.\n"


def text_of(path):
    context = load(path)
    return build_context(context.kind, context.parts, context.blob.fd).value


@pytest.mark.parametrize(
    ("mark", "encoding"),
    [
        (b"", "utf-8"),
        (codecs.BOM_UTF8, "utf-8"),
        (codecs.BOM_UTF16_LE, "utf-16-le"),
        (codecs.BOM_UTF16_BE, "utf-16-be"),
        (codecs.BOM_UTF32_LE, "utf-32-le"),
        (codecs.BOM_UTF32_BE, "utf-32-be"),
    ],
)
def test_unicode_with_and_without_a_mark(tmp_path, mark, encoding):
    text = (FRENCH + JAPANESE + "😀\r\n") * 3000  # over several slices, with characters across their borders
    path = tmp_path / "f"
    path.write_bytes(mark + text.encode(encoding))
    assert text_of(path) == text
    (tmp_path / "other").write_text("x")
    context = load(tmp_path)
    assert build_context(context.kind, context.parts, context.blob.fd).value["f"] == text


@pytest.mark.parametrize(
    ("text", "encoding"),
    [
        (FRENCH, "cp1252"),
        ("Les élèves ont été reçus à l'école.\n", "latin-1"),
        ("café\n", "latin-1"),
        (GERMAN, "latin-1"),
        (RUSSIAN, "cp1251"),
        (RUSSIAN, "koi8_r"),
        (JAPANESE, "shift_jis"),
        (JAPANESE * 20, "euc_jp"),
        (CHINESE, "gb18030"),
        (KOREAN, "euc_kr"),
        (POLISH, "cp1250"),
        ("plain text without a mark\n", "utf-16-le"),
        ("plain text without a mark\n", "utf-16-be"),
    ],
)
@pytest.mark.parametrize("before", ["", "plain ASCII for a long while\n" * 5000])
def test_a_named_file_in_an_older_encoding(tmp_path, text, encoding, before):
    path = tmp_path / "f.txt"
    path.write_bytes((before + text).encode(encoding))
    assert text_of(path) == before + text


@pytest.mark.parametrize("before", [0, 8, 100_000])
def test_a_damaged_utf8_file_names_the_byte(tmp_path, before):
    path = tmp_path / "damaged.txt"
    good = ("é" * 10 + "x" * before).encode()
    path.write_bytes(good + b"\xff" + "ünd".encode())
    told = rf"damaged\.txt: byte {len(good):,} is not UTF-8; what stands before it is UTF-8, and iconv"
    with pytest.raises(ContextError, match=told):
        load(path)


def test_a_utf8_file_that_is_cut_off_names_the_byte(tmp_path):
    path = tmp_path / "cut.txt"
    path.write_bytes(("é" * 40_000).encode()[:-1])
    with pytest.raises(ContextError, match=r"byte 79,998 is not UTF-8"):
        load(path)


def test_a_damaged_utf16_file_names_the_byte(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(codecs.BOM_UTF16_LE + "ab".encode("utf-16-le") + b"\x00\xdc" + "cd".encode("utf-16-le"))
    with pytest.raises(ContextError, match=r"byte 6 is not UTF-8 \(nor utf-16-le\); convert it first: iconv -f ITS"):
        load(path)


def test_a_named_file_that_is_not_text_is_refused(tmp_path):
    path = tmp_path / "f.png"
    path.write_bytes(b"\x89PNG\r\n\x1a\n" + bytes(range(256)) * 50)
    with pytest.raises(ContextError, match=r"f\.png: byte 0 is not UTF-8; it is no text: name the text that a "):
        load(path)


def test_zeros_in_a_named_utf8_file_are_kept(tmp_path):
    path = tmp_path / "f"
    path.write_bytes(b"a\x00b\n")
    assert text_of(path) == "a\x00b\n"


def test_in_a_folder_only_sure_guesses_are_loaded(tmp_path):
    (tmp_path / "ru.txt").write_bytes(RUSSIAN.encode("cp1251"))
    (tmp_path / "code.c").write_bytes(b"/* by Andr\xe9 */\nint main(void) { return 0; }\n")
    (tmp_path / "noise").write_bytes(bytes(range(1, 256)) * 3)
    (tmp_path / "damaged").write_bytes("é".encode() * 10 + b"\xff")
    context = load(tmp_path)
    corpus = build_context(context.kind, context.parts, context.blob.fd).value
    assert corpus["ru.txt"] == RUSSIAN
    assert corpus["code.c"].startswith("/* by André */")
    assert [(one.name, one.why) for one in context.skipped] == [
        ("damaged", "undecodable: byte 20 is not UTF-8"),
        ("noise", "undecodable: byte 127 is not UTF-8"),
    ]
    told = "undecodable: damaged (21 bytes, byte 20 is not UTF-8), noise (765 bytes, byte 127 is not UTF-8)"
    assert told in context.description


def test_a_failed_try_leaves_nothing_in_the_blob(tmp_path):
    (tmp_path / "a").write_text("first")
    (tmp_path / "b").write_bytes(("x" * 200_000).encode() + "é".encode() * 9 + b"\xff")
    (tmp_path / "c").write_text("last")
    context = load(tmp_path)
    assert context.blob.read() == b"firstlast"
    assert [tuple(part) for part in context.parts] == [("a", 0, 5), ("c", 5, 4)]
    assert os.fstat(context.blob.fd).st_size == 9
