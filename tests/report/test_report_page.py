"""The page: self-contained, safe whatever the data say, and drawn in a real browser."""

from __future__ import annotations

import json
import re
from html.parser import HTMLParser
from pathlib import Path

import pandas as pd
import pytest

from tuneproof.files import write_text
from tuneproof.report import charts, embed, tables
from tuneproof.report.page import page as whole_page

HOSTILE = "</script><script>window.owned = 1</script><img src=x onerror='window.owned = 1'>\"'&amp;<!--"


class Elements(HTMLParser):
    """Counts elements and gathers the English text outside of scripts and styles."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.languages: list[str | None] = []
        self.links: list[str] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag, attrs):
        self.tags.append(tag)
        if tag == "span":
            self.languages.append(dict(attrs).get("lang"))
        self.links += [value for name, value in attrs if name in ("src", "href")]

    def handle_endtag(self, tag):
        if tag == "span":
            self.languages.pop()

    def handle_data(self, data):
        if self.tags[-1:] not in (["script"], ["style"]) and "zh" not in self.languages:
            self.text += data


@pytest.fixture
def page(write_results, tmp_path):
    def make(change=lambda settings, results: None, **options) -> Path:
        settings, results = write_results(**options)
        change(settings, results)
        found = tables.Results(results)
        path = tmp_path / "out" / "index.html"
        write_text(path, whole_page(settings, tables.panels(settings, found), found))
        return path

    return make


def embedded(page: str) -> dict:
    """Every element with data, by its id."""
    found = re.findall(r'<script type="application/json" id="([^"]+)">(.*?)</script>', page, re.DOTALL)
    return {name: json.loads(text) for name, text in found}


def specification(page: str, name: str) -> dict:
    """A chart's specification, put together as the page's script does."""
    drawings = embedded(page)["drawings"]
    found = drawings["specs"][name]
    if isinstance(found, dict):
        return found
    place, method, hue = found
    text = json.dumps(drawings["shared"][place])
    return json.loads(text.replace(json.dumps(charts.METHOD), json.dumps(method)).replace(charts.HUE, hue))


def test_the_page_answers_first_and_hides_nothing(page):
    text = page(failed=("ia3",)).read_text()
    elements = Elements(text)
    shown = " ".join(elements.text.split())
    assert shown.index("is ahead at 0.") < shown.index("Leaderboard") < shown.index("Learning curves")
    for expected in (
        "Differences below about",
        "ia3: no result; its search did not finish.",
        "lies at the high end of the range searched",
        "1000 train, 400 validation, 400 test (1812 read)",
        "9: same text as an earlier row",
        "augmentation mention replacement is for ner, not for classification",
        "2 cores of a made-up machine",
        "MIT",
    ):
        assert expected in shown


def test_the_page_is_one_file_without_links_elsewhere(page):
    text = page().read_text()
    elements = Elements(text)
    assert {link for link in elements.links if not link.startswith("#")} == {"data:,", "leaderboard.csv"}
    assert elements.tags.count("script") == len(embedded(text)) + 2  # data, library, page


def test_equal_results_give_equal_bytes(page):
    assert page().read_bytes() == page().read_bytes()


def test_every_file_read_is_listed_with_its_hash(page, tmp_path):
    from tuneproof.files import sha256

    text = page(datasets=("movie",)).read_text()
    path = "evaluate/movie/tiny/scores.csv"
    assert f"<td>{path}</td><td><code>{sha256(tmp_path / 'results' / path)[:16]}</code>" in text


def make_hostile(settings: dict, results: Path) -> None:
    """Every text that comes out of data or settings."""
    settings["title"] = HOSTILE
    for method in settings["methods"].values():
        method.update(idea=HOSTILE, paper=HOSTILE, augment=HOSTILE)
    settings["left_out"][0]["reason"] = HOSTILE
    path = results / "prepare" / "movie" / "card.json"
    card = json.loads(path.read_text())
    card |= {"labels": [HOSTILE, "ok"], "licence": HOSTILE, "citation": HOSTILE}
    card["removed"] = [{"reason": HOSTILE, "count": 1, "examples": [HOSTILE]}]
    path.write_text(json.dumps(card))
    for cost in results.glob("train/*/*/*/*/cost.json"):
        cost.write_text(json.dumps({**json.loads(cost.read_text()), "hardware": HOSTILE}))
    for trials in results.glob("search/*/*/*/trials.csv"):
        trials.write_text(trials.read_text().replace("pruned", '"' + HOSTILE.replace('"', '""') + '"'))


def test_hostile_text_is_shown_and_never_markup(page):
    friendly, hostile = (page(change, datasets=("movie",)).read_text() for change in (lambda s, r: None, make_hostile))
    before, after = Elements(friendly), Elements(hostile)
    assert after.tags.count("script") == before.tags.count("script") == len(embedded(friendly)) + 2
    assert "img" not in after.tags
    assert HOSTILE in after.text
    assert HOSTILE in json.dumps(embedded(hostile), ensure_ascii=False).replace('\\"', '"')


@pytest.mark.parametrize("text", [HOSTILE, "<!--<script>", "\u2028\u2029", "]]>", "ünïcode 🙂"])
def test_embedded_json_cannot_end_its_element_and_reads_back(text):
    written = embed.embedded({"text": text})
    assert not set("<>&\u2028\u2029") & set(written)
    assert json.loads(written) == {"text": text}


def test_a_page_of_many_methods_stays_small_and_folds_away_what_is_one_thing_a_method(page, many):
    path = page(methods=many, seeds=(0, 1), rows=120)
    assert path.stat().st_size < 5_000_000
    text = path.read_text()
    drawings = embedded(text)["drawings"]
    elements = Elements(text)
    shown = " ".join(elements.text.split())
    assert "and" in shown.split("cannot be told apart from ")[1].split(";")[0]
    assert "others; cheapest of these" in shown
    squares = sum(int(length) for length in re.findall(r"M\d+ \d+h(\d+)", text)) / 13
    assert squares == 2 * len(many) * (len(many) + 1) / 2  # a square a pair; one ensemble
    assert shown.count(f"All {len(many)} charts") == 4  # search and curves of two data sets
    every = [name for name in drawings["specs"] if re.match(r"panel-\d-(search|curves)-", name)]
    assert len(every) == 2 * 2 * len(many)
    assert len({drawings["specs"][name][0] for name in every}) == 4  # one drawing for all methods
    hues = {
        name: specification(text, f"panel-0-search-{i}")["layer"][3]["mark"]["color"] for i, name in enumerate(many)
    }
    assert hues == {name: charts.colours(list(many))[name] for name in many}


# charts


def test_bars_share_a_scale_with_round_ticks(write_results):
    settings, results = write_results(datasets=("movie",), failed=("ia3",))
    panel = tables.panels(settings, tables.Results(results))[0]
    bars, ticks = charts.bars(panel)
    assert bars[-1] is None  # ia3 has no result
    drawn = [bar for bar in bars if bar]
    assert all(0 <= bar.low < bar.value < bar.high <= 100 for bar in drawn)
    values = [bar.value for bar in drawn]
    assert values == sorted(values, reverse=True)
    assert 2 <= len(ticks) <= 5
    # a tick stands where its value would
    (x0, first), (x1, second) = ticks[:2]
    expected = x0 + (panel.board["value"][0] - float(first)) / (float(second) - float(first)) * (x1 - x0)
    assert drawn[0].value == pytest.approx(expected, abs=0.05)


def test_frontier_keeps_what_nothing_beats_for_less():
    import pandas as pd

    board = pd.DataFrame(
        {
            "method": ["dear", "same-as-mid", "mid", "cheap", "beaten"],
            "value": [0.9, 0.8, 0.8, 0.7, 0.75],
            "train_seconds": [40.0, 25.0, 20.0, 5.0, 22.0],
        }
    )
    assert charts.frontier(board, "train_seconds") == ["cheap", "mid", "dear"]


def test_every_method_has_its_search_and_curve(page):
    found = embedded(page(datasets=("movie",)).read_text())
    specs = found["drawings"]["specs"]
    assert len([key for key in specs if "-search-" in key]) == 7
    assert len([key for key in specs if "-curves-" in key]) == 7
    assert len([key for key in specs if "-costs-" in key]) == 2
    assert {row["method"] for row in found["table-panel-0-search"]} == {
        *("full", "lora", "adapter", "bitfit", "probe", "ia3", "fgm")
    }
    assert sum(row["chosen"] for row in found["table-panel-0-search"]) == 7


def test_what_is_no_learning_rate_has_an_axis_of_its_own(page):
    def change(settings, results):
        settings["methods"]["probe"]["scale"] = "neighbours"
        path = results / "search/movie/tiny/probe/best.json"
        path.write_text(json.dumps({**json.loads(path.read_text()), "learning_rate": 60, "range": [1, 64]}))
        for history in results.glob("train/movie/tiny/probe/*/history.csv"):
            pd.read_csv(history).drop(columns="train_loss").to_csv(history, index=False)

    text = page(change, datasets=("movie",)).read_text()
    rows = embedded(text)["table-panel-0-search"]
    by_method = dict(zip(dict.fromkeys(row["method"] for row in rows), range(7), strict=True))
    axes = {m: specification(text, f"panel-0-search-{i}")["layer"][0]["encoding"]["x"] for m, i in by_method.items()}
    assert {m: axis["title"] for m, axis in axes.items()} == {
        m: "neighbours" if m == "probe" else "learning rate" for m in by_method
    }
    assert axes["probe"]["scale"]["domain"][1] > 64 > axes["full"]["scale"]["domain"][1]
    assert "probe: its best neighbours, 60, lies at the high end of the range searched (1 to 64)" in text
