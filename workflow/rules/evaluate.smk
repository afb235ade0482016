# Score all predictions on the test split. The only stage that reads test labels.


rule evaluate_all:
    input:
        collect(
            [f"<results>/evaluate/{dataset}/{model}/{{file}}" for dataset, model in PLAN.pairs()],
            file=evaluate.FILES,
        ),
        collect("<results>/evaluate/{file}", file=evaluate.ACROSS),
    localrule: True


rule evaluate:
    input:
        settings="<results>/settings/evaluate/{dataset}/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        splits=collect("<results>/prepare/{{dataset}}/{split}.parquet", split=["validation", "test"]),
        predictions=lambda wildcards: list(prediction_files(wildcards).values()),
        challenges=lambda wildcards: [
            path for paths in challenge_files(wildcards.dataset, wildcards.model).values() for path in paths[:-1]
        ],
        others=other_tests,
        code=task_code("evaluate"),
    output:
        scores=report(
            "<results>/evaluate/{dataset}/{model}/scores.csv",
            caption="../report/scores.rst",
            category="Scores",
            labels={"data set": "{dataset}", "model": "{model}"},
        ),
        tables=collect(
            "<results>/evaluate/{{dataset}}/{{model}}/{file}",
            file=[file for file in evaluate.TABLES if file != "scores.csv"],
        ),
        metrics="<results>/evaluate/{dataset}/{model}/metrics.json",
    log:
        "<logs>/evaluate/{dataset}/{model}.log",
    conda:
        "../envs/tuneproof.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
    params:
        prepared=subpath(input.card, parent=True),
        predictions=lambda wildcards: as_options(prediction_files(wildcards)),
        challenges=lambda wildcards: [
            f"--challenges {method}={os.path.dirname(paths[0])}"
            for method, paths in challenge_files(wildcards.dataset, wildcards.model).items()
        ],
        out=subpath(output.metrics, parent=True),
    message:
        "evaluate {wildcards.dataset}/{wildcards.model}"
    shell:
        "tuneproof evaluate"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " {params.predictions}"
        " {params.challenges}"
        " --out {params.out:q}"
        " 2> {log:q}"


# What holds over all data sets, and what the searches tell.
rule across:
    input:
        settings="<results>/settings/across.json",
        scores=collect(
            [f"<results>/evaluate/{dataset}/{model}/{{file}}" for dataset, model in PLAN.pairs()],
            file=["scores.csv"],
        ),
        search=search_files(),
        code=stage_code("evaluate"),
    output:
        collect("<results>/evaluate/{file}", file=evaluate.ACROSS),
    log:
        "<logs>/evaluate/across.log",
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    params:
        results=subpath(input.settings, ancestor=2),
        out=subpath(output[0], parent=True),
    message:
        "evaluate across data sets"
    shell:
        "tuneproof across"
        " --settings {input.settings:q}"
        " --results {params.results:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
