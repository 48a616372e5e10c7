import threading

import pytest

from rlm.sandbox.output import MAX_KEPT, Output, Remains, Stream


def printed(*texts, cap=100):
    output = Output(cap)
    for text in texts:
        output.write(text)
    return output


def test_what_fits_is_kept_as_it_is():
    output = printed("one\n", "", "two")
    assert (output.whole(), output.shown(output.whole()), output.size) == ("one\ntwo", "one\ntwo", 7)


def test_more_than_the_cap_is_cut_head_and_tail_and_says_how_much():
    output = printed("a" * 500, "b" * 500)
    assert output.shown(output.whole()) == "a" * 34 + "\n[... 932 characters cut ...]\n" + "b" * 34
    assert output.whole() == "a" * 500 + "b" * 500
    assert output.size == 1000


@pytest.mark.parametrize("cap", [0, 1, 29, 30, 31, 100])
def test_what_is_shown_is_hardly_longer_than_the_cap(cap):
    output = printed("a" * 500, cap=cap)
    assert len(output.shown(output.whole())) <= max(cap, len("\n[... 500 characters cut ...]\n"))


def test_beyond_the_bound_head_and_tail_are_kept_and_the_size_is_true():
    output = Output(1000)
    for _ in range(100):
        output.write("x" * MAX_KEPT)
    output.write("the end")
    assert output.size == 100 * MAX_KEPT + 7
    whole = output.whole()
    assert len(whole) < MAX_KEPT + 1100
    assert whole.startswith("xxx")
    assert whole.endswith("xxxthe end")
    assert f"\n[... {99 * MAX_KEPT + 7 - 1000:,} characters cut ...]\n" in whole
    assert output.shown(output.whole()).endswith("the end")
    assert len(output.shown(output.whole())) <= 1000


def test_the_tail_of_many_small_prints_beyond_the_bound_is_exact():
    output = Output(50)
    output.write("x" * MAX_KEPT)
    for number in range(10_000):
        output.write(f"{number}\n")
    assert output.whole().endswith("9996\n9997\n9998\n9999\n")
    assert len(output.whole()) < MAX_KEPT + 100


def test_threads_may_print_at_once():
    output = Output(100)
    threads = [threading.Thread(target=lambda: [output.write("ab\n") for _ in range(2000)]) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert output.whole() == "ab\n" * 16_000


def test_a_stream_writes_to_what_is_current_and_stays_open():
    current = Output(100)
    stream = Stream("stdout", lambda: current)
    print("a", 1, file=stream, flush=True)
    stream.close()
    print("b", file=stream)
    assert current.whole() == "a 1\nb\n"
    assert stream.isatty() is False
    with pytest.raises(TypeError, match="must be str, not bytes"):
        stream.write(b"bytes")


def test_a_stream_with_nothing_current_drops_what_is_printed():
    assert Stream("stdout", lambda: None).write("gone") == 4


@pytest.mark.parametrize(
    "sizes", [[0], [5], [2000], [2001], [1999, 1, 1], [1500, 1500], [700] * 20, [5000, 3], [1] * 4001]
)
def test_the_end_of_what_was_printed_remains(sizes):
    remains, whole = Remains(), ""
    for number, size in enumerate(sizes):
        text = "".join(chr(65 + (number + index) % 1000) for index in range(size))
        remains.write(text)
        whole += text
    assert remains.read() == (whole[-2000:], len(whole))
    remains.begin()
    assert remains.read() == ("", 0)
    remains.write("\U0001f600 \ud800")
    assert remains.read() == ("\U0001f600 ?", 3)


def test_remains_that_were_forged_are_text_all_the_same():
    remains = Remains()
    remains._memory[:] = b"\xff" * len(remains._memory)
    assert remains.read() == ("\ufffd" * 2000, 2**53)
