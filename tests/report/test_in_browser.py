"""The page in a real browser: what can be clicked, typed, dragged, read aloud and printed."""

from __future__ import annotations

import json
import re
import shutil
from pathlib import Path

import pandas as pd
import pytest

from tuneproof.evaluate import across
from tuneproof.files import write_frame, write_json, write_text
from tuneproof.recommend.rule import Limits, recommend
from tuneproof.report import overall
from tuneproof.report.page import page
from tuneproof.report.panels import panels
from tuneproof.report.results import Results, rows
from tuneproof.trace import reference

sync_api = pytest.importorskip("playwright.sync_api", reason="playwright is not installed")
expect = sync_api.expect

CHROMIUM = Path("/usr/bin/chromium")
pytestmark = pytest.mark.skipif(not CHROMIUM.exists(), reason=f"no browser: {CHROMIUM} does not exist")
FLAGS = [
    *("--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"),
    *("--disable-component-update", "--disable-sync"),
]
METHODS = ("full", "lora", "bitfit", "probe")
SERIOUS = ("serious", "critical")
PATIENCE = 30_000
"""Milliseconds: machines may be busy."""


@pytest.fixture(scope="module")
def browser():
    with sync_api.sync_playwright() as started:
        launched = started.chromium.launch(executable_path=str(CHROMIUM), args=FLAGS)
        yield launched
        launched.close()


@pytest.fixture(scope="module")
def site(made, settings_of, tmp_path_factory):
    """Settings, results and page of two data sets with everything that a tab can show."""
    results = tmp_path_factory.mktemp("site") / "results"
    kind = {"datasets": ("movie", "tweets"), "models": ("tiny",)}
    more = {"seeds": (0, 1), "ensembles": ("all-seeds",)}
    source = made(kind["datasets"], kind["models"], ("negative", "positive"), METHODS, *more.values(), 120)
    shutil.copytree(source, results)
    settings = settings_of(**kind, methods=METHODS, **more)
    settings["methods"]["lora"]["augment"] = "synonym"
    samples = [{"origin": "1", "before": "A fine old film", "after": "A good new film"}]
    card = {"paper": "Someone 2019", "rows": {"original": 300, "new": 299}, "samples": samples}
    write_json(results / "augment" / "movie" / "synonym" / "card.json", card)
    words = pd.DataFrame(
        {
            "seed": 0,
            "id": "test-0",
            "column": "text",
            "place": [0, 1, 2],
            "word": ["A", "<b>dull", "film"],
            "attribution": "integrated_gradients",
            "value": [0.1, -2.0, 0.7],
            "output": 1.5,
            "remainder": 0.0,
        }
    )
    write_frame(results / "challenge" / "movie" / "tiny" / "lora" / "attributions.parquet", words)
    declared = {
        **{key: settings[key] for key in ("cells", "datasets")},
        "evaluation": {**settings["evaluation"], "rope": 0.01},
        "ranges": {"warmup_ratio": [0.0, 0.2]},
    }
    across.run(declared, results, results / "evaluate")
    found = Results(results)
    path = results / "report" / "index.html"
    write_text(path, page(settings, panels(settings, found), found))
    write_json(results / "settings" / "report.json", settings)
    return settings, results, path


class Tab:
    """A page in a context of its own; remembers what it said and asked for."""

    def __init__(self, browser, path: Path, *, width: int = 1280, scheme: str = "light", **options) -> None:
        self.context = browser.new_context(viewport={"width": width, "height": 900}, color_scheme=scheme, **options)
        self.context.set_default_timeout(PATIENCE)
        self.page = self.context.new_page()
        self.said: list[str] = []
        self.asked: list[str] = []
        self.page.on("console", lambda message: self.said.append(message.text))
        self.page.on("pageerror", lambda error: self.said.append(str(error)))
        self.page.on("request", lambda request: self.asked.append(request.url))
        self.page.goto(path.as_uri())


@pytest.fixture
def tab(browser, site):
    found = Tab(browser, site[2])
    yield found.page
    found.context.close()
    assert found.said == []
    assert {address.partition("#")[0] for address in found.asked} == {site[2].as_uri()}


def names(tab) -> list[str]:
    return tab.locator("#leaderboard tbody tr:visible th strong").all_inner_texts()


def numbers(tab, column: int) -> list[float]:
    cells = tab.locator(f"#leaderboard tbody tr td:nth-child({column})")
    return [float(value) for cell in cells.all() if (value := cell.get_attribute("data-v"))]


def test_a_heading_sorts_and_says_so_by_mouse_and_keyboard(tab):
    heading = tab.locator("#leaderboard thead th", has_text="movie")
    column = 3  # method, rank, movie
    heading.get_by_role("button").click()
    assert heading.get_attribute("aria-sort") == "descending"
    found = numbers(tab, column)
    assert found == sorted(found, reverse=True)
    assert len(found) == len(METHODS) + 1
    heading.get_by_role("button").press("Enter")
    assert heading.get_attribute("aria-sort") == "ascending"
    assert numbers(tab, column) == sorted(found)
    tab.locator("#leaderboard thead th").first.get_by_role("button").click()
    assert names(tab) == sorted([*METHODS, "all-seeds"])
    assert tab.locator("#leaderboard th[aria-sort]").count() == 1


def test_the_box_filters_and_columns_can_be_hidden(tab):
    tab.locator("[data-filter=leaderboard]").fill("idea of lo")
    assert names(tab) == ["lora"]
    expect(tab.locator("[data-count=leaderboard]")).to_have_text("1 of 5")
    tab.locator("[data-filter=leaderboard]").fill("")
    assert len(names(tab)) == 5
    memory = tab.locator("#leaderboard thead th", has_text="Peak memory")
    expect(memory).to_be_visible()
    tab.locator("details.columns summary").click()
    tab.get_by_role("checkbox", name="Peak memory").uncheck()
    expect(memory).to_be_hidden()
    tab.locator("[data-language=zh]").click()
    expect(memory).to_be_hidden()
    tab.get_by_role("checkbox", name="峰值内存").check()
    expect(tab.locator("#leaderboard thead th", has_text="峰值内存")).to_be_visible()


def test_tabs_work_by_click_arrow_and_link(browser, site, tab):
    tabs = tab.get_by_role("tab")
    assert tabs.all_inner_texts() == ["Overview", "movie", "tweets", "Across data sets", "Methods", "The run"]
    expect(tab.locator("#overview")).to_be_visible()
    expect(tab.locator("#dataset-1")).to_be_hidden()
    tabs.nth(1).click()
    expect(tab.locator("#dataset-1")).to_be_visible()
    expect(tab.locator("#overview")).to_be_hidden()
    tabs.nth(1).press("ArrowLeft")
    tabs.nth(0).press("ArrowLeft")
    expect(tabs.nth(5)).to_be_focused()
    assert [entry.get_attribute("aria-selected") for entry in tabs.all()] == [*["false"] * 5, "true"]
    expect(tab.get_by_role("tabpanel")).to_have_count(1)
    tab.goto(site[2].as_uri() + "#methods")
    tab.reload()
    expect(tab.locator("#methods")).to_be_visible()
    other = Tab(browser, site[2], java_script_enabled=False)
    for section in ("overview", "dataset-1", "across", "methods", "run"):
        expect(other.page.locator(f"#{section}")).to_be_visible()
    other.context.close()


def pareto_drawn(tab) -> None:
    chart = tab.locator("[data-chart=pareto]")
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-state", "drawn", timeout=PATIENCE)


def test_charts_are_drawn_when_looked_at(tab):
    drawn = tab.locator("[data-chart][data-state]")
    pareto_drawn(tab)
    assert drawn.count() == 1  # nothing of the tabs that nobody opened
    tab.get_by_role("tab", name="movie").click()
    curve = tab.locator("[data-chart='panel-0-curves-0']")
    curve.scroll_into_view_if_needed()
    expect(curve).to_have_attribute("data-state", "drawn", timeout=PATIENCE)
    expect(tab.locator("[data-chart^='panel-1']")).to_have_count(0)  # a tab is text until it is opened
    tab.get_by_role("tab", name="tweets").click()
    expect(tab.locator("[data-chart^='panel-1']").first).to_be_attached()


def test_the_pareto_chart_takes_any_two_measures(tab, site):
    board = payload(site[2])["board"][0]["rows"]
    pareto_drawn(tab)
    for x, y in (("train_seconds", "score"), ("peak_memory_mb", "checkpoint_mb")):
        tab.locator("#pareto-x").select_option(x)
        tab.locator("#pareto-y").select_option(y)
        expected = optimal(board, x, y)
        expect(tab.locator("#pareto-front")).to_have_text(f"Pareto-optimal: {', '.join(expected)}", timeout=PATIENCE)


def payload(page: Path) -> dict:
    found = re.search(r'<script type="application/json" id="payload">(.*?)</script>', page.read_text(), re.DOTALL)
    return json.loads(found[1])


def optimal(board: list[dict], x: str, y: str) -> list[str]:
    """Methods that no other one beats, by trying all pairs; more is better for the score, less for the rest."""
    at = {
        row["method"]: tuple(-row["value"] if m == "score" else row[m] for m in (x, y))
        for row in board
        if all(row["value" if m == "score" else m] is not None for m in (x, y))
    }
    return [
        name
        for name, mine in at.items()
        if not any(a <= mine[0] and b <= mine[1] and (a, b) != mine for a, b in at.values())
    ]


def test_sliders_recommend_as_the_command_does(tab, site):
    settings, results, _ = site
    for place, panel in enumerate(panels(settings, Results(results))):
        tab.locator("#recommend-panel").select_option(str(place))
        for moves in ((), (("train_seconds", 1),), (("train_seconds", 0), ("score", 0)), (("peak_memory_mb", 0),)):
            for slider in tab.locator("[data-limit]").all():
                slider.fill(slider.get_attribute("max"))
            for measure, step in moves:
                tab.locator(f"#limit-{measure}").fill(str(step))
            found = tab.locator("#recommended")
            limits = json.loads(found.get_attribute("data-limits"))
            fields = {"peak_memory_mb": "max_memory_mb", "train_seconds": "max_train_seconds", "score": "min_score"}
            wanted = Limits(**{fields[name]: value for name, value in limits.items()})
            expected = recommend(rounded(panel), rows(panel.comparisons), wanted)
            assert found.get_attribute("data-answer") == expected.answer
            assert found.get_attribute("data-method") == (expected.method or "")
            near = expected.choice.near if expected.choice else []
            assert found.get_attribute("data-near") == "|".join(near)
            assert found.get_attribute("data-cheaper") == "|".join(expected.cheaper)


def rounded(panel):
    """Candidates with six digits, as the page has them."""
    return [
        found._replace(
            **{name: float(f"{value:.6g}") for name, value in found._asdict().items() if isinstance(value, float | int)}
        )
        for found in overall.candidates(panel)
    ]


def test_a_number_tells_where_it_comes_from(tab):
    tab.locator("#leaderboard tbody tr", has_text="The idea of lora").locator("button.n").first.click()
    dialog = tab.locator("#origin")
    expect(dialog).to_be_visible()
    text = dialog.inner_text()
    address = "results/report/leaderboard.csv:movie/tiny/lora/accuracy"
    for expected in (f"tuneproof verify {address}", f"tuneproof trace {address}", "5e77" * 4, "da7a" * 4, "1234567890"):
        assert expected in text
    assert text.count("checkpoint") == 2  # two seeds
    tab.keyboard.press("Escape")
    expect(dialog).to_be_hidden()


def test_the_switch_changes_the_language_of_everything(tab):
    pareto_drawn(tab)
    tab.locator("[data-language=zh]").click()
    assert tab.locator("html").get_attribute("lang") == "zh"
    assert tab.get_by_role("tab").first.inner_text() == "概览"
    shown = tab.locator("main").inner_text()
    assert "建议使用" in shown
    assert "Use " not in shown
    assert tab.locator("#pareto-x option").first.inner_text() == "得分"
    expect(tab.locator("[data-chart=pareto] svg")).to_contain_text("训练时间", timeout=PATIENCE)
    tab.get_by_role("tab", name="movie").click()  # opened after the switch
    expect(tab.get_by_role("region", name="得分", exact=True)).to_be_visible()
    tab.get_by_role("tab").first.click()
    tab.locator("[data-language=en]").click()
    assert tab.get_by_role("tab").first.inner_text() == "Overview"


@pytest.mark.parametrize(("width", "scheme"), [(1280, "light"), (390, "dark")])
def test_axe_finds_nothing_serious_in_any_tab(browser, site, width, scheme):
    axe = pytest.importorskip("axe_playwright_python.sync_playwright", reason="axe-playwright-python is not installed")
    found = Tab(browser, site[2], width=width, scheme=scheme, bypass_csp=True)
    for entry in found.page.get_by_role("tab").all():
        entry.click()
        result = axe.Axe().run(found.page, options={"resultTypes": ["violations"]}).response
        serious = [
            (violation["id"], [node["html"][:120] for node in violation["nodes"][:3]])
            for violation in result["violations"]
            if violation["impact"] in SERIOUS
        ]
        assert serious == [], entry.inner_text()
    found.context.close()


@pytest.mark.parametrize("width", [390, 1280])
def test_nothing_is_wider_than_the_screen(browser, site, width):
    found = Tab(browser, site[2], width=width, bypass_csp=True)
    for entry in found.page.get_by_role("tab").all():
        entry.click()
        assert found.page.evaluate("document.documentElement.scrollWidth") <= width, entry.inner_text()
    found.context.close()


def test_words_are_coloured_by_what_they_add_and_changes_are_marked(tab):
    tab.get_by_role("tab", name="movie").click()
    sample = tab.locator(".samples li")
    expect(sample.first).to_contain_text("A <b>dull film")
    assert [tab.locator(f".samples .w{level}").inner_text() for level in (0, -3, 1)] == ["A", "<b>dull", "film"]
    assert sample.nth(1).locator("del").inner_text() == "fine old"
    assert sample.nth(1).locator("ins").inner_text() == "good new"


def test_sections_of_calibration_and_mistakes_are_there(tab, site):
    tab.get_by_role("tab", name="movie").click()
    for heading in ("Calibration", "Reliability", "Risk and coverage", "Confusion", "Mistakes"):
        expect(tab.locator("#dataset-1 h3", has_text=heading).first).to_be_visible()
    chart = tab.locator("[data-chart^='panel-0-reliability']").first
    chart.scroll_into_view_if_needed()
    expect(chart).to_have_attribute("data-state", "drawn", timeout=PATIENCE)
    assert chart.locator("svg path[aria-label]").count() >= 5
    chart.locator("svg .mark-symbol path").first.click(force=True)
    told = tab.locator("#origin .address")
    expect(told).to_have_text(re.compile(r"reliability\.csv:movie/tiny/[\w-]+/(none|temperature)/bin-\d+/accuracy$"))
    _, found = reference.find(str(site[1].parent / told.inner_text()))
    assert float(tab.locator("#origin .answer").inner_text()) == pytest.approx(found.value)


def test_printing_shows_all_sections_unfolded(tab):
    tab.emulate_media(media="print")
    for section in ("overview", "dataset-1", "dataset-2", "across", "methods", "run"):
        expect(tab.locator(f"#{section}")).to_be_visible()
    expect(tab.get_by_role("tablist")).to_be_hidden()
    pdf = tab.pdf()
    assert pdf.count(b"/Type /Page\n") + pdf.count(b"/Type /Page ") + pdf.count(b"/Type /Page/") > 4
    expect(tab.locator("details:not([open]):not(.columns)")).to_have_count(0)
