# Score all predictions on the test split. The only stage that reads test labels.


rule evaluate_all:
    input:
        collect(
            [f"<results>/evaluate/{dataset}/{model}/{{file}}" for dataset, model in PLAN.pairs()],
            file=["scores.csv", "comparisons.csv", "groups.csv", "metrics.json"],
        ),
    localrule: True


rule evaluate:
    input:
        settings="<results>/settings/evaluate/{dataset}/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        splits=collect("<results>/prepare/{{dataset}}/{split}.parquet", split=["validation", "test"]),
        predictions=lambda wildcards: list(prediction_files(wildcards).values()),
        code=lambda wildcards: code.of_stage("evaluate", PARAMS.datasets[wildcards.dataset].task),
    output:
        scores="<results>/evaluate/{dataset}/{model}/scores.csv",
        comparisons="<results>/evaluate/{dataset}/{model}/comparisons.csv",
        groups="<results>/evaluate/{dataset}/{model}/groups.csv",
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
        out=subpath(output.metrics, parent=True),
    message:
        "evaluate {wildcards.dataset}/{wildcards.model}"
    shell:
        "tuneproof evaluate"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " {params.predictions}"
        " --out {params.out:q}"
        " 2> {log:q}"
