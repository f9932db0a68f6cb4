"""Small HDF5 files and databases out of a few lines of text, for the examples of rules.

A text that starts with ``#!hdf5`` or ``#!lmdb`` stands for the file that the YAML after it
describes: data sets by name (values, or ``{shape: […]}``), or a list of records with the fields of
Datum.
"""

from __future__ import annotations

import tempfile
from io import BytesIO
from pathlib import Path
from typing import Any

from ..schema.descriptor import Schema


def file_content(text: str, schema: Schema) -> bytes:
    """The bytes that a text of an example stands for: usually its own."""
    first, _, rest = text.partition("\n")
    if first == "#!hdf5":
        return _hdf5(_load(rest))
    if first == "#!lmdb":
        return _lmdb(_load(rest) or [], schema)
    return text.encode("utf-8")


def _load(text: str) -> Any:
    import yaml

    return yaml.safe_load(text)


def _hdf5(sets: dict[str, Any]) -> bytes:
    import h5py

    buffer = BytesIO()
    with h5py.File(buffer, "w") as file:
        for name, values in sets.items():
            if isinstance(values, dict):  # a shape alone takes no place in the file
                file.create_dataset(name, shape=values["shape"], dtype="float32")
            else:
                file[name] = values
    return buffer.getvalue()


def _lmdb(records: list[dict[str, Any]], schema: Schema) -> bytes:
    import lmdb

    datum = schema.message_type("Datum")
    with tempfile.TemporaryDirectory() as folder:
        with (
            lmdb.open(folder, map_size=1 << 20) as environment,
            environment.begin(write=True) as to,
        ):
            for number, fields in enumerate(records):
                record: Any = datum.new_message()
                for name, value in fields.items():
                    if isinstance(value, list):
                        getattr(record, name).extend(value)
                    else:
                        setattr(record, name, value.encode() if name == "data" else value)
                to.put(b"%08d" % number, record.SerializeToString())
        return (Path(folder) / "data.mdb").read_bytes()
