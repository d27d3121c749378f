"""The files of an export: written beside their places, then all put there at once, the manifest last.

JSON is ASCII with its keys in order, so the same rows are the same bytes. No CSV is written: a spreadsheet would take
cells that begin with `=` for formulas.
"""

# pyright: reportUnknownMemberType=false, reportUnknownVariableType=false, reportUnknownArgumentType=false
# pyright: reportMissingTypeStubs=false
# pyarrow has no types; this module is its door.

import hashlib
import json
import os
from collections.abc import Callable, Iterable, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import IO, Any

import pyarrow as pa
from pyarrow import json as arrow_json
from pyarrow import parquet

from training.data.forms import PARQUET_FORMS, Form
from training.data.members import SPLITS, Split

_MESSAGES = pa.list_(pa.struct([("role", pa.string()), ("content", pa.string())]))
_SCHEMAS: dict[Form, Any] = {
    "sft": pa.schema([("exchange_id", pa.string()), ("prompt", _MESSAGES), ("completion", _MESSAGES)]),
    "kto": pa.schema(
        [("exchange_id", pa.string()), ("prompt", _MESSAGES), ("completion", _MESSAGES), ("label", pa.bool_())]
    ),
    "dpo": pa.schema(
        [("exchange_id", pa.string()), ("prompt", _MESSAGES), ("chosen", _MESSAGES), ("rejected", _MESSAGES)]
    ),
}
# Rows are read for Parquet in blocks of this size, which is far more than the longest.
_BLOCK_BYTES = 16_000_000
MANIFEST = "manifest.json"
_ENCODER = json.JSONEncoder(ensure_ascii=True, sort_keys=True, separators=(",", ":"))


class ExportFiles:
    """Files of the folder `out`, by name. `reached` is called at each step that a crash might fall on."""

    def __init__(self, out: Path, reached: Callable[[str], None]) -> None:
        self._out = out
        self._reached = reached
        self._open: dict[str, IO[bytes]] = {}
        self._sums: dict[str, Any] = {}
        self.rows: dict[str, int] = {}
        for folder in (out, *(out / split for split in SPLITS)):
            folder.mkdir(parents=True, exist_ok=True)

    def begin(self, name: str) -> None:
        """A file of JSON lines, which may stay empty."""
        self._open[name] = self._partial(name).open("wb")
        self._sums[name] = hashlib.sha256()
        self.rows[name] = 0

    def add(self, name: str, row: object) -> None:
        line = f"{as_json(row)}\n".encode()
        self._open[name].write(line)
        self._sums[name].update(line)
        self.rows[name] += 1

    def finish(self) -> None:
        """Every line is on the disk."""
        for file in self._open.values():
            file.flush()
            os.fsync(file.fileno())
            file.close()
        self._reached("lines_written")

    def add_parquets(self, forms: Mapping[str, Form]) -> None:
        """The same rows once more, from finished files of JSON lines, side by side."""
        # The work is pyarrow's and zstd's, which leave the interpreter to others.
        with ThreadPoolExecutor(max_workers=len(os.sched_getaffinity(0))) as pool:
            for target, digest in pool.map(self._parquet, *zip(*forms.items(), strict=True)):
                self._sums[target] = digest

    def _parquet(self, name: str, form: Form) -> tuple[str, Any]:
        """Block by block; returns the file's name and digest."""
        target = name.replace(".jsonl", ".parquet")
        schema = _SCHEMAS[form]
        with self._partial(target).open("wb") as file:
            with parquet.ParquetWriter(file, schema, compression="zstd") as writer:
                for batch in self._batches(name, schema):
                    writer.write_batch(batch)
            file.flush()
            os.fsync(file.fileno())
        with self._partial(target).open("rb") as file:
            return target, hashlib.file_digest(file, "sha256")

    def exchange_ids(self, split: Split) -> set[str]:
        """Whose rows were written there: read back, whatever was meant to be written."""
        files = [self._partial(f"{split}/{form}.parquet") for form in PARQUET_FORMS]
        return {exchange_id for file in files for exchange_id in exchange_ids_in(file)}

    def digests(self) -> dict[str, str]:
        return {name: found.hexdigest() for name, found in sorted(self._sums.items())}

    def publish(self, manifest: object) -> str:
        """Put all files in their places; returns the manifest's SHA-256. A manifest in its place vouches for the others."""
        data = f"{as_json(manifest)}\n".encode()
        with self._partial(MANIFEST).open("wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        self._reached("all_written")
        for at, name in enumerate([*sorted(self._sums), MANIFEST]):
            self._partial(name).replace(self._out / name)
            self._reached(f"renamed_{at}")
        for folder in (*(self._out / split for split in SPLITS), self._out, self._out.parent):
            _sync(folder)
        self._reached("renamed")
        return hashlib.sha256(data).hexdigest()

    def _batches(self, name: str, schema: Any) -> Iterable[Any]:
        """Record batches of pyarrow's; an empty file has none, and its reader would refuse it."""
        if not self.rows[name]:
            return ()
        parse = arrow_json.ParseOptions(explicit_schema=schema, unexpected_field_behavior="error")
        read = arrow_json.ReadOptions(use_threads=False, block_size=_BLOCK_BYTES)
        return arrow_json.open_json(self._partial(name), read_options=read, parse_options=parse)

    def _partial(self, name: str) -> Path:
        path = self._out / name
        return path.with_name(f".{path.name}.partial")


def exchange_ids_in(path: Path) -> list[str]:
    """The ids of a Parquet file's rows. Raises OSError, KeyError and ValueError for one that is no such file."""
    return parquet.read_table(path, columns=["exchange_id"])["exchange_id"].to_pylist()


def as_json(value: object) -> str:
    return _ENCODER.encode(value)


def _sync(folder: Path) -> None:
    """A rename lasts once its folder is on the disk."""
    handle = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(handle)
    finally:
        os.close(handle)
