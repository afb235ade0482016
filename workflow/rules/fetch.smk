# Download and check what the experiment starts from. The only stage that needs a network.


rule fetch_all:
    input:
        fetch_files(),
    localrule: True


rule fetch_data:
    input:
        settings="<results>/settings/fetch/data/{dataset}.json",
        files=lambda wildcards: experiment.local_files(PARAMS.datasets[wildcards.dataset].source),
        code=stage_code("fetch"),
    output:
        "<results>/fetch/data/{dataset}.json",
    log:
        "<logs>/fetch/data/{dataset}.log",
    retries: 0  # pip and the hub's library try again by themselves, and a mistake is told once
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    message:
        "fetch {wildcards.dataset}"
    shell:
        "tuneproof fetch" " --settings {input.settings:q}" " --out {output:q}" " 2> {log:q}"


rule fetch_model:
    input:
        settings="<results>/settings/fetch/models/{model}.json",
        files=lambda wildcards: experiment.local_files(PARAMS.models[wildcards.model]),
        code=stage_code("fetch"),
    output:
        "<results>/fetch/models/{model}.json",
    log:
        "<logs>/fetch/models/{model}.log",
    retries: 0  # pip and the hub's library try again by themselves, and a mistake is told once
    localrule: True
    conda:
        "../envs/tuneproof.yaml"
    message:
        "fetch {wildcards.model}"
    shell:
        "tuneproof fetch" " --settings {input.settings:q}" " --out {output:q}" " 2> {log:q}"
