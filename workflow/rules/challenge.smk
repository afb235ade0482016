# Let the stored runs of each method answer changed test texts.


rule challenge_all:
    input:
        all_challenge_files(),
    localrule: True


rule challenge:
    input:
        settings="<results>/settings/challenge/{dataset}/{model}.json",
        runs=challenged_runs,
        model="<results>/fetch/models/{model}.json",
        test="<results>/prepare/{dataset}/test.parquet",
        train="<results>/prepare/{dataset}/train.parquet",
        others=other_tests,
        code=challenge_code,
    output:
        predictions="<results>/challenge/{dataset}/{model}/{method}/predictions.parquet",
        challenge="<results>/challenge/{dataset}/{model}/{method}/challenge.json",
        checks="<results>/challenge/{dataset}/{model}/{method}/checks.parquet",
        transfer="<results>/challenge/{dataset}/{model}/{method}/transfer.parquet",
        inside=collect("<results>/challenge/{{dataset}}/{{model}}/{{method}}/{name}.parquet", name=challenge.INSIDE),
        cost="<results>/challenge/{dataset}/{model}/{method}/cost.json",
    log:
        "<logs>/challenge/{dataset}/{model}/{method}.log",
    conda:
        "../envs/tuneproof.yaml"
    threads: 1
    resources:
        mem_mb=lambda wildcards, attempt: 3000 * attempt,
        runtime=lambda wildcards, attempt: 60 * attempt,
        gpu=gpus,
    params:
        prepared=subpath(input.test, parent=True),
        runs=lambda wildcards: f"{PARAMS.results}/train/{wildcards.dataset}/{wildcards.model}/{wildcards.method}",
        out=subpath(output.cost, parent=True),
    message:
        "challenge {wildcards.dataset}/{wildcards.model}/{wildcards.method}"
    shell:
        "tuneproof challenge"
        " --settings {input.settings:q}"
        " --prepared {params.prepared:q}"
        " --runs {params.runs:q}"
        " --model {input.model:q}"
        " --out {params.out:q}"
        " 2> {log:q}"
