"""The command `rlm`. Answers go to standard output, everything else to standard error."""

from __future__ import annotations

import os
import sys


def main(arguments: list[str] | None = None) -> int:
    """Runs the command and returns its exit status; errors of ours are told in one or two lines, without traceback."""
    from rlm.cli import exit_codes

    if sys.stdout is None:  # closed, and the next file that is opened would be in its place
        print("rlm: standard output is closed, and answers go there", file=sys.stderr)
        return exit_codes.FAILED
    if sys.stderr is None:  # `print` would write to standard output in its place
        sys.stderr = open(os.devnull, "w", encoding="utf-8")  # noqa: SIM115 - as long as the process
    # A model may write what the terminal's encoding, or UTF-8 itself (a lone surrogate), can't carry.
    for stream in (sys.stdout, sys.stderr):
        if hasattr(stream, "reconfigure"):
            stream.reconfigure(errors="backslashreplace")
    try:
        status = _status(arguments)
        sys.stdout.flush()
    except BrokenPipeError:  # who reads it has gone, such as `| head`: there is nobody to tell
        _drop_output()
        return exit_codes.FAILED
    except OSError:
        if (reason := _unwritable()) is None:
            raise
        _drop_output()
        print(f"rlm: standard output can't be written: {reason}", file=sys.stderr)
        return exit_codes.FAILED
    return status


def _status(arguments: list[str] | None) -> int:
    from rlm import conflict
    from rlm.cli import exit_codes
    from rlm.errors import RlmError
    from rlm.terminal import visible

    if "" in (sys.argv[1:] if arguments is None else arguments):  # as a path it would be the working folder
        print(
            "rlm: an argument is empty, as of a variable that is not set: leave it out or fill it in", file=sys.stderr
        )
        return exit_codes.USAGE
    try:
        conflict.check()
        import typer

        from rlm.cli.app import app

        try:
            status = app(arguments, prog_name="rlm", standalone_mode=False)
        except typer.TyperException as error:
            context = getattr(error, "ctx", None)
            command = "rlm" if context is None else context.command_path
            message = visible(_in_words(error.format_message()))
            print(f"rlm: {message} ({command} --help lists what there is)", file=sys.stderr)
            return exit_codes.USAGE
    except RlmError as error:
        print(f"rlm: {visible(str(error))}", file=sys.stderr)
        return exit_codes.of_error(error)
    except KeyboardInterrupt:
        return exit_codes.INTERRUPTED
    return status if isinstance(status, int) else exit_codes.DONE


def _in_words(message: str) -> str:
    """An error about an option's value, without the names of the parser's types."""
    for kind, words in (("float", "a number"), ("int", "a whole number")):
        for name in (f"a valid {kind} range", f"a valid {kind}"):
            message = message.replace(f"is not {name}.", f"is not {words}.")
    return message


def _unwritable() -> str | None:
    """Why standard output can't be written, as on a full disk; None where it can."""
    try:
        print(flush=True)  # what failed may be gone from the buffer, so there has to be something to write
    except OSError as error:
        return error.strerror or str(error)
    return None


def _drop_output() -> None:
    """What is still to be written goes nowhere: Python would try again at its end, and say so."""
    os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
