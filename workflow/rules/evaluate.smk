# Score all predictions on the test split. The only stage that reads test labels.


def prediction_files(wildcards):
    """Name → file of every run and ensemble on a data set with a model."""
    runs = {
        f"{method}/seed-{seed}": f"{PARAMS.results}/train/{wildcards.dataset}/{wildcards.model}/{method}/seed-{seed}/predictions.parquet"
        for method, seed in runs_of(wildcards.dataset, wildcards.model)
    }
    ensembles = {
        f"ensemble:{name}": f"{PARAMS.results}/ensemble/{dataset}/{model}/{name}/predictions.parquet"
        for dataset, model, name in PLAN.ensembles
        if (dataset, model) == (wildcards.dataset, wildcards.model)
    }
    return {**runs, **ensembles}


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
        splits=collect(
            "<results>/prepare/{{dataset}}/{split}.parquet", split=["validation", "test"]
        ),
        predictions=lambda wildcards: list(prediction_files(wildcards).values()),
        code=lambda wildcards: code.of_stage("evaluate", PARAMS.datasets[wildcards.dataset].task),
    output:
        scores="<results>/evaluate/{dataset}/{model}/scores.csv",
        comparisons="<results>/evaluate/{dataset}/{model}/comparisons.csv",
        groups="<results>/evaluate/{dataset}/{model}/groups.csv",
        metrics="<results>/evaluate/{dataset}/{model}/metrics.json",
    log:
        "<logs>/evaluate/{dataset}/{model}.log",
    params:
        prepared=subpath(input.card, parent=True),
        predictions=lambda wildcards: [
            f"--predictions {name}={path}" for name, path in prediction_files(wildcards).items()
        ],
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
