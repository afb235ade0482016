# Train each method with each seed on the best settings found.


rule train_all:
    input:
        train_files(),
    localrule: True


rule train:
    input:
        settings="<results>/settings/cell/{dataset}/{model}/{method}.json",
        best="<results>/search/{dataset}/{model}/{method}/best.json",
        trials="<results>/search/{dataset}/{model}/{method}/trials.csv",
        model="<results>/fetch/models/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        gold="<results>/prepare/{dataset}/validation.parquet",
        train=train_tokens,
        teacher=teacher,
        validation="<results>/tokenize/{dataset}/none/{model}/validation.parquet",
        test="<results>/tokenize/{dataset}/none/{model}/test.parquet",
        code=cell_code,
    output:
        manifest="<results>/train/{dataset}/{model}/{method}/seed-{seed}/manifest.json",
        predictions="<results>/train/{dataset}/{model}/{method}/seed-{seed}/predictions.parquet",
        history="<results>/train/{dataset}/{model}/{method}/seed-{seed}/history.csv",
        run="<results>/train/{dataset}/{model}/{method}/seed-{seed}/run.json",
        cost="<results>/train/{dataset}/{model}/{method}/seed-{seed}/cost.json",
        provenance="<results>/train/{dataset}/{model}/{method}/seed-{seed}/provenance.json",
    log:
        "<logs>/train/{dataset}/{model}/{method}/seed-{seed}.log",
    conda:
        "../envs/tuneproof.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=gpus,
    params:
        prepared=subpath(input.card, parent=True),
        tokens=subpath(input.validation, parent=True),
        teacher=lambda wildcards, input: f"--teacher {input.teacher}" if input.teacher else "",
        out=subpath(output.manifest, parent=True),
    message:
        "train {wildcards.dataset}/{wildcards.model}/{wildcards.method} seed {wildcards.seed}"
    shell:
        "tuneproof train"
        " --settings {input.settings:q}"
        " --best {input.best:q}"
        " --seed {wildcards.seed}"
        " --prepared {params.prepared:q}"
        " --tokens {params.tokens:q}"
        " --train-tokens {input.train:q}"
        " {params.teacher}"
        " --model {input.model:q}"
        " --threads {threads}"
        " --out {params.out:q}"
        " 2> {log:q}"
