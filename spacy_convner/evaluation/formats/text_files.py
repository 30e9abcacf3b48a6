"""Bytes to lines: encodings said or found out, compressed and binary files told apart."""

from __future__ import annotations

import codecs
import gzip
import zlib
from pathlib import Path

from ...errors import ConfigError, DataError
from ...records import check_file
from .annotated import Tally

_MAGIC = {
    b"PK\x03\x04": ("a zip archive", "unpack it and give the file inside"),
    b"PK\x05\x06": ("an empty zip archive", "unpack it and give the file inside"),
    b"7z\xbc\xaf": ("a 7z archive", "unpack it and give the file inside"),
    b"Rar!": ("a rar archive", "unpack it and give the file inside"),
    b"\xfd7zXZ": ("compressed with xz", "unpack it first, e.g. xz -d"),
    b"BZh": ("compressed with bzip2", "unpack it first, e.g. bzip2 -d"),
    b"(\xb5/\xfd": ("compressed with zstd", "unpack it first, e.g. zstd -d"),
    b"PAR1": ("a Parquet file", "write it as JSON lines first: datasets' to_json, or pandas' to_json(lines=True)"),
    b"ARROW1": ("an Arrow file", "write it as JSON lines first: datasets' to_json"),
    b"%PDF": ("a PDF", ""),
    b"\x80\x04": ("a pickle", "write it as JSON lines first"),
}
_BOMS = {codecs.BOM_UTF8: "utf-8-sig", codecs.BOM_UTF16_LE: "utf-16", codecs.BOM_UTF16_BE: "utf-16"}
_HEAD = 1 << 22  # a whole first line, however long


def read_head(path: Path, encoding: str | None = None) -> bytes:
    """RETURNS (bytes): The first 4 MiB, unpacked. RAISES: DataError for what isn't text."""
    return _read(path, _HEAD, encoding)


def read_text(path: Path, encoding: str | None, tally: Tally, *, fallback: bool = True) -> list[str]:
    """A whole text file, gzip or not.

    encoding (str | None): None takes a byte-order mark's word, then UTF-8, then cp1252 or Latin-1 with a note.
    fallback (bool): Whether it may be other than UTF-8 without being said.
    RETURNS (list[str]): Lines without their ends; index + 1 is the line number.
    RAISES: DataError if it isn't text or not in that encoding; ConfigError for an encoding that doesn't exist.
    """
    data = _read(path, -1, encoding)
    encoding, text = _decode(path, data, encoding, tally, fallback)
    tally.encodings[encoding] = None
    if "\n" not in text:
        text = text.replace("\r", "\n")
    # Not splitlines: a token may be U+0085 or U+2028.
    return [line.rstrip("\r") for line in text.split("\n")]


def check_encoding(encoding: str | None) -> None:
    """RAISES: ConfigError for an encoding that Python doesn't know."""
    try:
        b"a".decode(encoding or "utf-8")
    except LookupError as err:
        raise ConfigError(f"--encoding: unknown encoding {encoding!r}, expected e.g. utf-8, latin-1 or cp1252") from err
    except UnicodeError:
        return  # one byte is too little for some


def check_utf8(encoding: str | None) -> None:
    """RAISES: ConfigError for another encoding: convner's own JSONL is UTF-8."""
    if encoding is not None and codecs.lookup(encoding).name not in ("utf-8", "utf-8-sig", "ascii"):
        raise ConfigError(f"--encoding {encoding}: JSONL is UTF-8 (convert it, e.g. iconv -f {encoding} -t utf8)")


def _read(path: Path, size: int, encoding: str | None) -> bytes:
    check_file(path)
    try:
        with gzip.open(path, "rb") if path.suffix == ".gz" else path.open("rb") as file:
            data = file.read(size)
    except (OSError, EOFError, zlib.error) as err:
        raise DataError(f"can't be read: {err}", path=path) from err
    for magic, (what, hint) in _MAGIC.items():
        if data.startswith(magic):
            raise DataError(f"is {what}, text was expected", path=path, hint=hint)
    if data.startswith(b"\x1f\x8b"):
        raise DataError("is compressed with gzip", path=path, hint="let its name end with .gz, or unpack it")
    wide = encoding is not None and codecs.lookup(encoding).name.startswith(("utf-16", "utf-32"))
    if b"\0" in data[:_HEAD] and not wide and not data.startswith((codecs.BOM_UTF16_LE, codecs.BOM_UTF16_BE)):
        raise DataError(f"is a binary file (a zero byte at {data.index(0)}), text was expected", path=path)
    return data


def _decode(path: Path, data: bytes, encoding: str | None, tally: Tally, fallback: bool) -> tuple[str, str]:
    wanted = encoding or next((name for bom, name in _BOMS.items() if data.startswith(bom)), "utf-8")
    try:
        return wanted, data.decode(wanted).removeprefix("\ufeff")
    except UnicodeError as err:
        start = err.start if isinstance(err, UnicodeDecodeError) else 0
        line = data.count(b"\n", 0, start) + 1
        byte = f"byte 0x{data[start]:02x}" if start < len(data) else "the end of the file"
        if encoding is not None or wanted != "utf-8" or not fallback:
            raise DataError(
                f"{byte} is not {wanted.upper()}",
                path=path,
                line=line,
                hint="give the right one, e.g. --encoding latin-1",
            ) from err
    # Printable Latin-1 is part of cp1252; bytes that only cp1252 can print mean that one.
    name = "cp1252" if any(0x80 <= value < 0xA0 for value in data) else "latin-1"
    try:
        text = data.decode(name)
    except UnicodeDecodeError as err:
        raise DataError(
            f"{byte} isn't UTF-8, and the file isn't Latin-1 or cp1252 either",
            path=path,
            line=line,
            hint="say which it is, e.g. --encoding cp1251",
        ) from err
    tally.add(f"files that aren't UTF-8, read as {name} (another one: --encoding)", path, line)
    return name, text
