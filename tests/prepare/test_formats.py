"""Formats beside CSV, JSON lines and CoNLL: what their readers give, and what is found out about a file."""

import json

import pyarrow as pa
import pyarrow.parquet as pq
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from tuneproof.dataset import Dataset
from tuneproof.errors import DataError
from tuneproof.prepare import encodings, resolve
from tuneproof.prepare.sources import get
from tuneproof.prepare.sources.base import Removed, Row
from tuneproof.prepare.tags import detect, to_iob2
from tuneproof.prepare.words import tagged, words


@pytest.fixture
def read(tmp_path):
    """Write content, read it as declared: rows as (line, values), removed rows as (line, reason)."""

    def work(content, task="classification", **form):
        path = tmp_path / "f.txt"
        path.write_bytes(content if isinstance(content, bytes) else content.encode())
        dataset = Dataset.model_validate({"task": task, "source": {"path": str(path)}, "format": form})
        found = [item for file in resolve.found(dataset, {"all": path}) for item in get(file.kind)(path, file.form)]
        return (
            [(item.place.line, item.values) for item in found if isinstance(item, Row)],
            [(item.place.line, item.reason) for item in found if isinstance(item, Removed)],
        )

    return work


# lines


def test_the_first_or_the_last_separator_counts(read):
    content = "good\ta\tb\n\nno separator\nbad\tc\n"
    assert read(content, kind="lines") == (
        [(1, {"text": "a\tb", "label": "good"}), (4, {"text": "c", "label": "bad"})],
        [(3, "no separator '\\t' in the line")],
    )
    assert read("a@b@good\n", kind="lines", separator="@", label="last")[0] == [(1, {"text": "a@b", "label": "good"})]
    rows, _ = read("__label__x some text\n", kind="lines", separator=" ", prefix="__label__")
    assert rows == [(1, {"text": "some text", "label": "x"})]


# json

ROWS = [{"t": "one", "l": 1}, ["two", "b"], 7]


def test_json_rows_know_their_lines(read):
    expected = ([(2, ROWS[0]), (6, {"0": "two", "1": "b"})], [(10, "not a JSON object or list")])
    assert read(json.dumps(ROWS, indent=1), kind="json") == expected
    nested = json.dumps({"a": {"b": [0, ROWS]}, "c": [1]})
    assert read(nested, kind="json", records="a.b.1")[0] == [(1, ROWS[0]), (1, {"0": "two", "1": "b"})]
    assert read(json.dumps({"version": [1, 2], "rows": [{"t": 1}]}), kind="json")[0] == [(1, {"t": 1})]


VALUE = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=5),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=3), inner, max_size=3),
    max_leaves=8,
)


@settings(deadline=None)
@given(st.lists(VALUE, max_size=6), st.dictionaries(st.text(max_size=3), VALUE, max_size=3), st.sampled_from([None, 1]))
def test_every_element_is_found_at_its_line(tmp_path_factory, values, around, indent):
    path = tmp_path_factory.mktemp("json") / "f.json"
    path.write_text(json.dumps({**around, "rows": {"x": values}}, indent=indent), encoding="utf-8", newline="")
    dataset = {"task": "classification", "source": {"path": "f"}, "format": {"kind": "json", "records": "rows.x"}}
    found = list(get("json")(path, Dataset.model_validate(dataset).format))
    assert len(found) == len(values)
    lines = path.read_text(encoding="utf-8").split("\n")
    for item, value in zip(found, values, strict=True):
        assert isinstance(item, Row) == isinstance(value, dict | list)
        start = json.dumps(value, indent=indent)[0]
        assert start in lines[item.place.line - 1]


@pytest.mark.parametrize(
    ("content", "form", "message"),
    [
        ('{"a": 1}', {}, r"f\.txt: where are the rows\? set format\.records to one or more of: none"),
        ('{"a": [{}], "b": [{}]}', {}, r"set format\.records to one or more of: a, b"),
        ('{"a": [{}]}', {"records": "b"}, r"f\.txt: records: no list at 'b'; lists found: a"),
        ('{"a": 1}\n{"a": 2}', {}, r"f\.txt:2: not valid JSON \(Extra data\); one object a line is format\.kind jsonl"),
        ("[1,", {}, r"f\.txt:1: not valid JSON"),
        ("[" * 100_000, {}, r"f\.txt: not valid JSON \(nested too deeply"),
    ],
)
def test_json_mistakes(read, content, form, message):
    with pytest.raises(DataError, match=message):
        read(content, kind="json", **form)


# parquet


def test_parquet_values_and_class_names(tmp_path, read):
    features = {"label": {"names": ["no", "yes"], "_type": "ClassLabel"}, "text": {"dtype": "string"}}
    table = pa.table({"text": ["a", None], "label": [1, -1], "meta": [{"x": [1]}, None]})
    metadata = {"huggingface": json.dumps({"info": {"features": features}})}
    pq.write_table(table.replace_schema_metadata(metadata), tmp_path / "x.parquet")
    content = (tmp_path / "x.parquet").read_bytes()
    assert read(content, kind="parquet") == (
        [(1, {"text": "a", "label": "yes", "meta": {"x": [1]}}), (2, {"text": None, "label": None, "meta": None})],
        [],
    )
    with pytest.raises(DataError, match=r"f\.txt: not a readable Parquet file"):
        read(content[:-9], kind="parquet")


# spans

TEXT = "Ann Lee met IBM."
SHAPES = {
    "cluener": {"text": TEXT, "label": {"per": {"Ann Lee": [[0, 6]]}, "org": {"IBM": [[12, 14]]}}},
    "spacy": [TEXT, {"entities": [[0, 7, "per"], [12, 15, "org"]]}],
    "spacy object": {"text": TEXT, "entities": [[12, 15, "org"], [0, 7, "per"]]},
    "prodigy": {
        "text": TEXT,
        "spans": [{"start": 0, "end": 7, "label": "per"}, {"start": 12, "end": 15, "label": "org"}],
    },
    "doccano": {"id": 1, "text": TEXT, "label": [[0, 7, "per"], [12, 15, "org"]]},
    "doccano 1.8": {
        "text": TEXT,
        "entities": [
            {"id": 1, "label": "per", "start_offset": 0, "end_offset": 7},
            {"id": 2, "label": "org", "start_offset": 12, "end_offset": 15},
        ],
        "relations": [],
    },
    "label studio": {
        "data": {"text": TEXT},
        "annotations": [
            {"was_cancelled": True, "result": []},
            {
                "result": [
                    {"type": "labels", "value": {"start": 0, "end": 7, "text": "Ann Lee", "labels": ["per"]}},
                    {"type": "labels", "value": {"start": 12, "end": 15, "text": "IBM", "labels": ["org"]}},
                    {"type": "choices", "value": {"choices": ["x"]}},
                ]
            },
        ],
    },
    "label studio min": {
        "text": TEXT,
        "label": [{"start": 0, "end": 7, "labels": ["per"]}, {"start": 12, "end": 15, "labels": ["org"]}],
    },
}


@pytest.mark.parametrize("as_lines", [False, True])
@pytest.mark.parametrize("shape", sorted(SHAPES))
def test_each_tool_says_the_same(read, shape, as_lines):
    record = SHAPES[shape]
    content = "\n".join(map(json.dumps, [record, record])) if as_lines else json.dumps([record, record])
    rows, removed = read(content, task="ner", kind="spans")
    expected = {"tokens": ["Ann", "Lee", "met", "IBM", "."], "tags": ["B-per", "I-per", "O", "B-org", "O"]}
    assert [values for _, values in rows] == [expected, expected]
    assert removed == []


def test_spans_that_cannot_be_used(read):
    def line(spans, text=TEXT):
        return json.dumps({"text": text, "label": spans})

    wrong = {
        line([[0, 7, "a"], [4, 8, "b"]]): "overlapping spans",
        line([[0, 17, "a"]]): "a span outside its text",
        line([[3, 4, "a"]]): "a span of white space",
        line([[0, "x", "a"]]): "a span without start, end and type",
        line({"a": {"Bob": [[0, 2]]}}): "a span does not hold its words",
        line(None): "not annotated",
        "{": "not a JSON object with a text",
        json.dumps({"label": []}): "no text in the record",
    }
    rows, removed = read("\n".join([line([[0, 4, "a"]]), *wrong]), task="ner", kind="spans")
    assert [reason for _, reason in removed] == list(wrong.values())
    assert rows == [(1, {"tokens": ["Ann", "Lee", "met", "IBM", "."], "tags": ["B-a", "O", "O", "O", "O"]})]


def test_chinese_characters_are_words():
    assert tagged("浙商银行叶老桂", [(0, 4, "org"), (4, 7, "per")]) == (
        list("浙商银行叶老桂"),
        ["B-org", "I-org", "I-org", "I-org", "B-per", "I-per", "I-per"],
    )


@given(st.text(max_size=30), st.frozensets(st.integers(0, 30), max_size=4))
def test_words_leave_out_white_space_alone(text, cuts):
    places = words(text, cuts)
    assert "".join(text[start:end] for start, end in places) == "".join(text.split())
    assert not any(start < cut < end for start, end in places for cut in cuts)


# tag schemes

SENTENCES = [["B-a", "I-a", "O", "B-b"], ["O", "B-a", "B-a", "I-a"], ["B-a", "I-a", "B-b", "I-b", "O"], ["O"]]


def spelled(tags, scheme):
    """IOB2 tags in another scheme, written from its definition."""
    result = []
    for before, tag, after in zip(["O", *tags], tags, [*tags[1:], "O"], strict=False):
        prefix, _, kind = tag.partition("-")
        last = after != f"I-{kind}"
        if tag == "O":
            result.append("O")
        elif scheme == "bioes":
            result.append(
                {("B", True): "S", ("B", False): "B", ("I", True): "E", ("I", False): "I"}[prefix, last] + "-" + kind
            )
        elif scheme == "bilou":
            result.append(
                {("B", True): "U", ("B", False): "B", ("I", True): "L", ("I", False): "I"}[prefix, last] + "-" + kind
            )
        elif scheme == "iob1":
            touching = prefix == "B" and before != "O" and before.endswith(f"-{kind}")
            result.append(f"{'B' if touching else 'I'}-{kind}")
        elif scheme == "io":
            result.append(f"I-{kind}")
        else:
            result.append(kind)
    return result


@pytest.mark.parametrize(
    ("scheme", "found"), [("bioes", "bioes"), ("bilou", "bioes"), ("iob1", "iob1"), ("io", "io"), ("types", "io")]
)
def test_schemes_are_found_out_and_become_iob2(scheme, found):
    sentences = [spelled(tags, scheme) for tags in SENTENCES]
    assert detect(sentences) == found
    assert detect(SENTENCES) == "iob2"
    back = [to_iob2(tags, found) for tags in sentences]
    assert all(repaired == 0 for _, repaired in back)
    if found != "io":
        assert [tags for tags, _ in back] == SENTENCES
    else:  # touching entities of one type cannot be told apart
        assert [tags for tags, _ in back] == [*SENTENCES[:1], ["O", "B-a", "I-a", "I-a"], *SENTENCES[2:]]


def test_a_scheme_is_one_for_all_files(tmp_path):
    (tmp_path / "train").write_text("a I-x\nb B-x\n\nc I-x\n")
    (tmp_path / "test").write_text("a I-x\n")
    paths = {split: tmp_path / split for split in ("train", "test")}
    source = {"path": {split: str(path) for split, path in paths.items()}}
    dataset = Dataset.model_validate({"task": "ner", "source": source, "format": {"kind": "conll"}})
    assert [file.form.scheme for file in resolve.found(dataset, paths)] == ["iob1", "iob1"]


def test_numbered_characters_lose_their_number(read):
    rows, _ = read("科0 B-org\n技1 I-org\n，0 O\n\n我0 O\n", task="ner", kind="conll")
    assert [values["tokens"] for _, values in rows] == [["科", "技", "，"], ["我"]]
    rows, _ = read("G7 B-org\nt0 O\n", task="ner", kind="conll")
    assert [values["tokens"] for _, values in rows] == [["G7", "t0"]]


# quoting


def test_quotes_that_do_not_quote_are_text(read):
    content = 'text\tlabel\nsay "hi" to\tx\n"Odd one\ty\n"Well" he said\tx\n"so"\ty\n'
    rows, removed = read(content, kind="csv", delimiter="\t")
    assert [values["text"] for _, values in rows] == ['say "hi" to', '"Odd one', '"Well" he said', '"so"']
    assert removed == []


def test_a_broken_quote_costs_its_own_line_alone(read):
    rows, removed = read('text,label\n"a, b",x\n"c, d",y\n"open,x\nnext,y\n"e, f",x\n', kind="csv")
    assert [line for line, _ in rows] == [2, 3, 5, 6]
    assert [line for line, _ in removed] == [4]


# encodings


@pytest.mark.parametrize(
    ("encoding", "text"),
    [
        ("utf-8", "Zażółć gęślą jaźń, dziękuję"),
        ("utf-16", "café"),
        ("utf-16-le", "this is plain Latin text, é"),
        ("utf-32", "café"),
        ("latin-1", "Le garçon a dîné à l'hôtel, c'était très bon"),
        ("cp1252", "Le garçon a dîné “hier” à l’hôtel — très bon, où ça? 5 €"),
        ("cp1250", "Zażółć gęślą jaźń, dziękuję bardzo, źle się czuję. Książka świetna, łódź płynie."),
        ("cp1251", "Привет, как дела? Это хороший фильм, мне очень понравилось."),
        ("koi8_r", "Привет, как дела? Это хороший фильм, мне очень понравилось."),
        ("gb18030", "这部电影非常好看，我很喜欢。服务态度很差，不会再来了。"),
        ("shift_jis", "この映画はとても面白かったです。また見たいと思います。"),
    ],
)
def test_encodings_are_found_out(tmp_path, encoding, text):
    content = f"{text}\n".encode(encoding)
    assert content.decode(encodings.found(tmp_path, content)).removeprefix("\ufeff") == f"{text}\n"


def test_damaged_utf8_is_refused(tmp_path):
    content = "é\n".encode() * 20 + b"caf\xe9\n"
    with pytest.raises(DataError, match=r"f:21: byte 0xe9 is not utf-8, but 20 other characters are; mend the file"):
        encodings.found(tmp_path / "f", content)


def test_a_binary_file_is_refused(tmp_path):
    with pytest.raises(DataError, match=r"f:2: byte 0xff: found a binary file"):
        encodings.found(tmp_path / "f", b"PK\n\xff\x00\x00\x00\xfe\x01\x02\x00\x03")
