# Which way of fine-tuning is best? `snakemake --cores all` answers for params.yaml,
# `snakemake --cores all --configfile experiments/X.yaml` for another experiment.


include: "workflow/rules/common.smk"


# settings


pathvars:
    results=PARAMS.results,
    logs=f"logs/{PARAMS.results}",


# rules


include: "workflow/rules/fetch.smk"
include: "workflow/rules/prepare.smk"
include: "workflow/rules/augment.smk"
include: "workflow/rules/tokenize.smk"
include: "workflow/rules/search.smk"
include: "workflow/rules/train.smk"
include: "workflow/rules/challenge.smk"
include: "workflow/rules/ensemble.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


# targets


rule all:
    default_target: True
    input:
        final_files(),
    localrule: True


onstart:
    begin(workflow)


onsuccess:
    hand_over(workflow)


onerror:
    tell_failures()
