# Turn texts into sub-token ids, once for each data set, augmentation and model.


rule tokenize_all:
    input:
        tokenize_files(),
    localrule: True


rule tokenize:
    input:
        settings="<results>/settings/tokenize/{dataset}/{model}.json",
        model="<results>/fetch/models/{model}.json",
        splits=collect(
            "<results>/prepare/{{dataset}}/{split}.parquet",
            split=["train", "validation", "test"],
        ),
        card="<results>/prepare/{dataset}/card.json",
        code=task_code("tokenize"),
    output:
        train="<results>/tokenize/{dataset}/none/{model}/train.parquet",
        validation="<results>/tokenize/{dataset}/none/{model}/validation.parquet",
        test="<results>/tokenize/{dataset}/none/{model}/test.parquet",
        card="<results>/tokenize/{dataset}/none/{model}/card.json",
    log:
        "<logs>/tokenize/{dataset}/none/{model}.log",
    conda:
        "../envs/tuneproof.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        prepared=subpath(input.card, parent=True),
        out=subpath(output.train, parent=True),
    message:
        "tokenize {wildcards.dataset} for {wildcards.model}"
    shell:
        "tuneproof tokenize"
        " --settings {input.settings:q}"
        " --model {input.model:q}"
        " --prepared {params.prepared:q}"
        " --out {params.out:q}"
        " 2> {log:q}"


rule tokenize_augmented:
    input:
        settings="<results>/settings/tokenize/{dataset}/{model}.json",
        model="<results>/fetch/models/{model}.json",
        augmented="<results>/augment/{dataset}/{augmentation}/train.parquet",
        card="<results>/prepare/{dataset}/card.json",
        code=task_code("tokenize"),
    output:
        train="<results>/tokenize/{dataset}/{augmentation}/{model}/train.parquet",
        card="<results>/tokenize/{dataset}/{augmentation}/{model}/card.json",
    log:
        "<logs>/tokenize/{dataset}/{augmentation}/{model}.log",
    wildcard_constraints:
        augmentation="(?!none/)[a-z0-9-]+",
    conda:
        "../envs/tuneproof.yaml"
    resources:
        mem_mb=lambda wildcards, attempt: 2000 * attempt,
        runtime=lambda wildcards, attempt: 30 * attempt,
    params:
        prepared=subpath(input.card, parent=True),
        out=subpath(output.train, parent=True),
    message:
        "tokenize {wildcards.dataset} augmented by {wildcards.augmentation} for {wildcards.model}"
    shell:
        "tuneproof tokenize"
        " --settings {input.settings:q}"
        " --model {input.model:q}"
        " --prepared {params.prepared:q}"
        " --augmented {input.augmented:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
