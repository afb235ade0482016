# Make new training rows from the prepared ones.


rule augment_all:
    input:
        augment_files(),
    localrule: True


rule augment:
    input:
        settings="<results>/settings/augment/{dataset}/{augmentation}.json",
        splits=collect(
            "<results>/prepare/{{dataset}}/{split}.parquet",
            split=["train", "validation", "test"],
        ),
        card="<results>/prepare/{dataset}/card.json",
        code=lambda wildcards: stage_code("augment", PARAMS.augmentations[wildcards.augmentation].technique["name"]),
    output:
        train="<results>/augment/{dataset}/{augmentation}/train.parquet",
        card="<results>/augment/{dataset}/{augmentation}/card.json",
    log:
        "<logs>/augment/{dataset}/{augmentation}.log",
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    params:
        prepared=subpath(input.card, parent=True),
        out=subpath(output.card, parent=True),
    message:
        "augment {wildcards.dataset} by {wildcards.augmentation}"
    shell:
        "tuneproof augment"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
