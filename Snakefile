# Which way of fine-tuning is best? `snakemake --cores all` answers for params.yaml,
# `snakemake --cores all --configfile experiments/X.yaml` for another experiment.


include: "workflow/rules/common.smk"


report: "workflow/report/workflow.rst"


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
include: "workflow/rules/teach.smk"
include: "workflow/rules/challenge.smk"
include: "workflow/rules/ensemble.smk"
include: "workflow/rules/evaluate.smk"
include: "workflow/rules/report.smk"


from tuneproof.preflight import watch  # after common.smk has said where the package lies

# targets, and what is done before and after them


rule all:
    default_target: True
    input:
        final_files(),
    localrule: True


WATCH = watch.Watch(PARAMS, PLAN.cells, started=STARTED)


onstart:
    begin(workflow)
    WATCH.begin(workflow)


onsuccess:
    hand_over(workflow)
    WATCH.end()
    tell_verdict()


onerror:
    tell_failures()
