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
        augment=augment_files(),
        prepare=prepare_files(),
        code=stage_code("report"),
    output:
        page="<results>/report/index.html",
        leaderboard="<results>/report/leaderboard.csv",
        curves="<results>/report/learning_curves.csv",
        metrics="<results>/report/metrics.json",
        sizes=collect("<results>/report/{name}", name=SIZES),
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
