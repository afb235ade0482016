# Read, clean, check and split each data set.


rule prepare_all:
    input:
        prepare_files(),
    localrule: True


rule prepare:
    input:
        settings="<results>/settings/prepare/{dataset}.json",
        manifest="<results>/fetch/data/{dataset}.json",
        code=lambda wildcards: stage_code("prepare", experiment.reader(PARAMS.datasets[wildcards.dataset])),
    output:
        train="<results>/prepare/{dataset}/train.parquet",
        validation="<results>/prepare/{dataset}/validation.parquet",
        test="<results>/prepare/{dataset}/test.parquet",
        card="<results>/prepare/{dataset}/card.json",
    log:
        "<logs>/prepare/{dataset}.log",
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    params:
        out=subpath(output.card, parent=True),
    message:
        "prepare {wildcards.dataset}"
    shell:
        "tuneproof prepare"
        " --settings {input.settings:q}"
        " --manifest {input.manifest:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
