# Search the learning rate of each method on each data set, with the same budget; with several workers on one study.


rule search_all:
    input:
        search_files(),
    localrule: True


rule search:
    input:
        settings="<results>/settings/cell/{dataset}/{model}/{method}.json",
        model="<results>/fetch/models/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        gold="<results>/prepare/{dataset}/validation.parquet",
        train=train_tokens,
        teacher=teacher,
        validation="<results>/tokenize/{dataset}/none/{model}/validation.parquet",
        code=cell_code,
        workers=search_workers,
    output:
        best="<results>/search/{dataset}/{model}/{method}/best.json",
        trials="<results>/search/{dataset}/{model}/{method}/trials.csv",
        cost="<results>/search/{dataset}/{model}/{method}/cost.json",
    log:
        "<logs>/search/{dataset}/{model}/{method}.log",
    conda:
        "../envs/tuneproof.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=gpus,
    params:
        prepared=subpath(input.card, parent=True),
        tokens=subpath(input.validation, parent=True),
        teacher=lambda wildcards, input: f"--teacher {input.teacher}" if input.teacher else "",
        out=subpath(output.best, parent=True),
    message:
        "search {wildcards.dataset}/{wildcards.model}/{wildcards.method}"
    shell:
        "tuneproof search"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --tokens {params.tokens:q}"
        " --train-tokens {input.train:q}"
        " {params.teacher}"
        " --model {input.model:q}"
        " --threads {threads}"
        " --out {params.out:q}"
        " 2> {log:q}"


rule search_worker:
    input:
        settings="<results>/settings/cell/{dataset}/{model}/{method}.json",
        model="<results>/fetch/models/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        gold="<results>/prepare/{dataset}/validation.parquet",
        train=train_tokens,
        teacher=teacher,
        validation="<results>/tokenize/{dataset}/none/{model}/validation.parquet",
        code=cell_code,
    output:
        temp(touch("<results>/search/{dataset}/{model}/{method}/.worker-{worker}")),
    log:
        "<logs>/search/{dataset}/{model}/{method}/worker-{worker}.log",
    conda:
        "../envs/tuneproof.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 120 * attempt,
        gpu=gpus,
    params:
        prepared=subpath(input.card, parent=True),
        tokens=subpath(input.validation, parent=True),
        teacher=lambda wildcards, input: f"--teacher {input.teacher}" if input.teacher else "",
        out=subpath(output[0], parent=True),
    message:
        "search {wildcards.dataset}/{wildcards.model}/{wildcards.method}, worker {wildcards.worker}"
    shell:
        "tuneproof search"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --tokens {params.tokens:q}"
        " --train-tokens {input.train:q}"
        " {params.teacher}"
        " --model {input.model:q}"
        " --threads {threads}"
        " --worker {wildcards.worker}"
        " --out {params.out:q}"
        " 2> {log:q}"
