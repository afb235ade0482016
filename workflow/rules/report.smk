# The page and the leaderboard.


rule report_all:
    input:
        collect("<results>/report/{name}", name=REPORT_FILES),
    localrule: True


rule report:
    input:
        settings="<results>/settings/report.json",
        evaluate=rules.evaluate_all.input,
        ensemble=rules.ensemble_all.input,
        search=search_files(),
        train=train_files(),
        challenge=all_challenge_files(),
        augment=augment_files(),
        prepare=prepare_files(),
        code=stage_code("report"),
    output:
        page=report(
            "<results>/report/index.html", caption="../report/page.rst", category="Answer", labels={"what": "page"}
        ),
        leaderboard=report(
            "<results>/report/leaderboard.csv",
            caption="../report/leaderboard.rst",
            category="Answer",
            labels={"what": "leaderboard"},
        ),
        curves=report(
            "<results>/report/learning_curves.csv",
            caption="../report/curves.rst",
            category="Training",
            labels={"what": "learning curves"},
        ),
        metrics="<results>/report/metrics.json",
        cost="<results>/report/cost.json",
        sizes=collect("<results>/report/{name}", name=SIZES),
        texts=report(
            collect("<results>/report/{name}", name=ALSO),
            caption="../report/text.rst",
            category="Answer",
            labels={"what": "for papers"},
        ),
        figures=report(
            directory("<results>/report/figures"),
            patterns=["{figure}.svg"],
            caption="../report/figure.rst",
            category="Figures",
            labels={"figure": "{figure}"},
        ),
        cards=report(
            directory("<results>/report/model_cards"),
            patterns=["{card}.md"],
            caption="../report/model_card.rst",
            category="Answer",
            labels={"what": "model card {card}"},
        ),
    log:
        "<logs>/report.log",
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    params:
        results=subpath(input.settings, ancestor=2),
        out=subpath(output.page, parent=True),
    message:
        "report: {output.page}"
    shell:
        "tuneproof report"
        " --settings {input.settings:q}"
        " --results {params.results:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
