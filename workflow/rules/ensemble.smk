# Let several runs answer together.


rule ensemble_all:
    input:
        collect(
            [f"<results>/ensemble/{dataset}/{model}/{name}/{{file}}" for dataset, model, name in PLAN.ensembles],
            file=["predictions.parquet", "members.json"],
        ),
    localrule: True


def member_names(wildcards):
    return settings.members(
        PARAMS, PLAN.cells, wildcards.dataset, wildcards.model, wildcards.ensemble
    )


rule ensemble:
    input:
        settings="<results>/settings/ensemble/{dataset}/{model}/{ensemble}.json",
        card="<results>/prepare/{dataset}/card.json",
        gold="<results>/prepare/{dataset}/validation.parquet",
        predictions=lambda wildcards: [
            f"<results>/train/{wildcards.dataset}/{wildcards.model}/{member}/predictions.parquet"
            for member in member_names(wildcards)
        ],
        code=lambda wildcards: code.of_stage("ensemble", PARAMS.datasets[wildcards.dataset].task),
    output:
        predictions="<results>/ensemble/{dataset}/{model}/{ensemble}/predictions.parquet",
        members="<results>/ensemble/{dataset}/{model}/{ensemble}/members.json",
    log:
        "<logs>/ensemble/{dataset}/{model}/{ensemble}.log",
    params:
        prepared=subpath(input.card, parent=True),
        runs=f"{PARAMS.results}/train/{{dataset}}/{{model}}",
        members=lambda wildcards: [f"--member {member}" for member in member_names(wildcards)],
        out=subpath(output.members, parent=True),
    message:
        "ensemble {wildcards.dataset}/{wildcards.model}/{wildcards.ensemble}"
    shell:
        "tuneproof ensemble"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --runs {params.runs:q}"
        " {params.members}"
        " --out {params.out:q}"
        " 2> {log:q}"
