"""Reads what a GGUF file says of itself, without loading the model."""

from __future__ import annotations

import os
import struct
from pathlib import Path
from typing import BinaryIO, TypeAlias

from rlm.errors import ConfigError

Field: TypeAlias = int | float | bool | str

_MAGIC = b"GGUF"
_VERSIONS = (2, 3)
_SCALARS = {0: "<B", 1: "<b", 2: "<H", 3: "<h", 4: "<I", 5: "<i", 6: "<f", 7: "<?", 10: "<Q", 11: "<q", 12: "<d"}
_STRING, _ARRAY = 8, 9
_MAX_STRING = 16 * 2**20


def read_fields(path: Path) -> dict[str, Field]:
    """The metadata fields of a GGUF file; its arrays (the vocabulary, above all) are left out.

    Raises:
        ConfigError: There is no such file, or it is not a GGUF file, or not a whole one.
    """
    try:
        with path.open("rb") as file:
            return _Reader(file).fields()
    except OSError as error:
        raise ConfigError(f"the model file {path} can't be read: {error.strerror}") from None
    except (struct.error, ValueError, KeyError) as error:
        raise ConfigError(f"{path} is not a GGUF model file: {error}") from None


class _Reader:
    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._size = os.fstat(file.fileno()).st_size

    def fields(self) -> dict[str, Field]:
        if self._take(4) != _MAGIC:
            raise ValueError("it does not begin with the bytes GGUF")
        version = self._number("<I")
        if version not in _VERSIONS:
            raise ValueError(f"its version is {version}, and {_VERSIONS} can be read")
        self._number("<Q")  # tensors
        found: dict[str, Field] = {}
        for _ in range(int(self._number("<Q"))):
            key = self._string()
            value = self._value(int(self._number("<I")))
            if value is not None:
                found[key] = value
        return found

    def _value(self, kind: int) -> Field | None:
        if kind == _STRING:
            return self._string()
        if kind == _ARRAY:
            self._skip_array()
            return None
        if kind not in _SCALARS:
            raise ValueError(f"a field is of the unknown type {kind}")
        return self._number(_SCALARS[kind])

    def _skip_array(self) -> None:
        kind, count = int(self._number("<I")), int(self._number("<Q"))
        if kind in _SCALARS:
            self._skip(struct.calcsize(_SCALARS[kind]) * count)
            return
        for _ in range(count):
            if kind == _STRING:
                self._skip(int(self._number("<Q")))
            else:
                self._value(kind)

    def _string(self) -> str:
        length = int(self._number("<Q"))
        if length > _MAX_STRING:
            raise ValueError(f"a string of {length:,} bytes")
        return self._take(length).decode("utf-8", "replace")

    def _number(self, layout: str) -> int | float | bool:
        value: int | float | bool = struct.unpack(layout, self._take(struct.calcsize(layout)))[0]
        return value

    def _take(self, length: int) -> bytes:
        data = self._file.read(length)
        if len(data) < length:
            raise ValueError("it ends within its header")
        return data

    def _skip(self, length: int) -> None:
        if self._file.seek(length, os.SEEK_CUR) > self._size:
            raise ValueError("it ends within its header")
