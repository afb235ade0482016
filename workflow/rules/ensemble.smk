# Let several runs answer together.


rule ensemble_all:
    input:
        collect(
            [f"<results>/ensemble/{dataset}/{model}/{name}/{{file}}" for dataset, model, name in PLAN.ensembles],
            file=["predictions.parquet", "members.json"],
        ),
    localrule: True


rule ensemble:
    input:
        settings="<results>/settings/ensemble/{dataset}/{model}/{ensemble}.json",
        card="<results>/prepare/{dataset}/card.json",
        gold="<results>/prepare/{dataset}/validation.parquet",
        predictions=lambda wildcards: list(member_files(wildcards).values()),
        averaged=averaged_files,
        code=ensemble_code,
    output:
        predictions="<results>/ensemble/{dataset}/{model}/{ensemble}/predictions.parquet",
        members="<results>/ensemble/{dataset}/{model}/{ensemble}/members.json",
    log:
        "<logs>/ensemble/{dataset}/{model}/{ensemble}.log",
    conda:
        "../envs/tuneproof.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
        gpu=lambda wildcards: max(map(gpus_of, averaged_cells(wildcards)), default=0),
    params:
        prepared=subpath(input.card, parent=True),
        predictions=lambda wildcards: as_options(member_files(wildcards)),
        averaged=averaged_options,
        out=subpath(output.members, parent=True),
    message:
        "ensemble {wildcards.dataset}/{wildcards.model}/{wildcards.ensemble}"
    shell:
        "tuneproof ensemble"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " {params.predictions}"
        " {params.averaged}"
        " --out {params.out:q}"
        " 2> {log:q}"
