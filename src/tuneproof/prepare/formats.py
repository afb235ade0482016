"""How files are read: one frozen model a format, the `format:` of a data set in params.

Readers live in `sources/`, one file a kind. What is left to find out (`encoding: auto`, `quoting: null`,
`scheme: auto`) is found out by `resolve.py` before anything is read, and stated in the card.
"""

from __future__ import annotations

from typing import Annotated, Literal

from pydantic import Field

from tuneproof.cell import Part

Scheme = Literal["auto", "iob2", "iob1", "bioes", "bmes", "io"]
SCHEME: Scheme = "auto"
TAGS = "Tag scheme in the file, converted to IOB2; auto: found out from all files of the data set."
ENCODING = "Python's name of the encoding; auto: UTF-8 or UTF-16, else found out, and stated in the card."

Records = str | tuple[str, ...] | dict[Literal["train", "validation", "test"], str | tuple[str, ...]]
RECORDS = (
    "Where the list of rows stands, as in `data.items`; several lists, or lists for each split; null: the file is the "
    "list, or holds one list."
)


class CsvFormat(Part):
    """Delimited text: CSV, TSV and the like."""

    kind: Literal["csv"]
    delimiter: str = Field(",", min_length=1, max_length=1)
    quoting: bool | None = Field(
        None, description="false: quote characters are ordinary text (as in many TSV files); null: found out."
    )
    columns: tuple[str, ...] | None = Field(None, description="Column names where the file has no header line.")
    encoding: str = Field("auto", description=ENCODING)


class LinesFormat(Part):
    """One text and its label a line, as in `label<TAB>text` or `text@label`; columns `text` and `label`."""

    kind: Literal["lines"]
    separator: str = Field("\t", min_length=1, description="What stands between text and label.")
    label: Literal["first", "last"] = Field(
        "first", description="Where the label stands: before the first separator, or behind the last one."
    )
    prefix: str = Field("", description="Taken off the label, as `__label__` of fastText's files.")
    encoding: str = Field("auto", description=ENCODING)


class JsonlFormat(Part):
    """One JSON object a line."""

    kind: Literal["jsonl"]
    scheme: Scheme = Field(SCHEME, description=TAGS)
    encoding: str = Field("auto", description=ENCODING)


class JsonFormat(Part):
    """A JSON file with a list of rows; rows are objects, or lists whose columns are called 0, 1, …"""

    kind: Literal["json"]
    records: Records | None = Field(None, description=RECORDS)
    scheme: Scheme = Field(SCHEME, description=TAGS)
    encoding: str = Field("auto", description=ENCODING)


class SpansFormat(Part):
    """Texts with character spans: exports of CLUENER, spaCy, Prodigy, Label Studio and doccano, JSON or JSON lines."""

    kind: Literal["spans"]
    records: Records | None = Field(None, description=RECORDS)
    encoding: str = Field("auto", description=ENCODING)


class ParquetFormat(Part):
    """A Parquet file; nested columns are reached as in `meta.label`."""

    kind: Literal["parquet"]
    scheme: Scheme = Field(SCHEME, description=TAGS)


class ExcelFormat(Part):
    """An Excel workbook (.xlsx) with column names in the first row; needs the extra `excel`."""

    kind: Literal["excel"]
    sheet: str | None = Field(None, description="Name of the sheet; not needed where there is one.")
    columns: tuple[str, ...] | None = Field(None, description="Column names where the sheet has no header row.")


class FolderFormat(Part):
    """A folder: a sub-folder a class with a text a file, a file a class with a text a line, or one split that the
    library `datasets` saved to disk. Each file's encoding is found out.
    """

    kind: Literal["folder"]
    scheme: Scheme = Field(SCHEME, description=TAGS)


class ConllFormat(Part):
    """One token a line, blank (or white-space only) lines between sentences."""

    kind: Literal["conll"]
    token: int = Field(0, description="Column of the token, counted from 0; negative from the end.")
    tag: int = Field(-1, description="Column of the tag.")
    separator: str | None = Field(None, description="Column separator; null: any white space.")
    scheme: Scheme = Field(SCHEME, description=TAGS)
    token_index: bool | None = Field(
        None, description="Tokens are a character and its number in the word, as in 科0 技1; null: found out."
    )
    encoding: str = Field("auto", description=ENCODING)


Format = Annotated[
    CsvFormat
    | LinesFormat
    | JsonlFormat
    | JsonFormat
    | SpansFormat
    | ParquetFormat
    | ExcelFormat
    | FolderFormat
    | ConllFormat,
    Field(discriminator="kind"),
]

KINDS = {
    "ner": ("conll", "jsonl", "json", "spans", "parquet", "folder"),
    "other": ("csv", "lines", "jsonl", "json", "parquet", "excel", "folder"),
}
"""Formats that can hold what a task needs."""


def kinds(task: str) -> tuple[str, ...]:
    """Kinds of format that can hold a task's rows."""
    return KINDS.get(task, KINDS["other"])
