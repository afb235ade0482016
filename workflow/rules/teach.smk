# Let ensembles that methods learn from answer the training rows.


rule teach_all:
    input:
        teach_files(),
    localrule: True


rule teach:
    input:
        settings="<results>/settings/teach/{dataset}/{model}/{ensemble}.json",
        runs=lambda wildcards: [
            f"<results>/train/{wildcards.dataset}/{wildcards.model}/{run}/manifest.json"
            for run in teaching_runs(wildcards)
        ],
        model="<results>/fetch/models/{model}.json",
        card="<results>/prepare/{dataset}/card.json",
        tokens="<results>/tokenize/{dataset}/none/{model}/train.parquet",
        code=teach_code,
    output:
        train="<results>/teach/{dataset}/{model}/{ensemble}/train.parquet",
        members="<results>/teach/{dataset}/{model}/{ensemble}/members.json",
    log:
        "<logs>/teach/{dataset}/{model}/{ensemble}.log",
    conda:
        "../envs/tuneproof.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=lambda wildcards: max(map(gpus_of, teaching_cells(wildcards)), default=0),
    params:
        prepared=subpath(input.card, parent=True),
        runs=lambda wildcards: f"{PARAMS.results}/train/{wildcards.dataset}/{wildcards.model}",
        out=subpath(output.train, parent=True),
    message:
        "teach {wildcards.dataset}/{wildcards.model}/{wildcards.ensemble}"
    shell:
        "tuneproof teach"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --tokens {input.tokens:q}"
        " --runs {params.runs:q}"
        " --model {input.model:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
