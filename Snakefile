# Every number of the papers, from one target: snakemake --cores all results/table.csv
# What is computed: params.yaml. What a paper did and claims: experiments/. Where things lie: docs/architecture.md.
from snakemake.utils import min_version

min_version("9.19")


configfile: "params.yaml"


include: "rules/common.smk"
include: "rules/corpora.smk"
include: "rules/splits.smk"
include: "rules/features.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/table.smk"
include: "rules/report.smk"
include: "rules/track.smk"


# On a cluster these stay where snakemake was called.
localrules:
    all,
    corpora,
    features_all,
    runs,
    table,
    honest_gap,
    report,
    track,


rule all:
    default_target: True
    input:
        "results/table.csv",
        "results/honest_gap.csv",
        "results/metrics.json",
        f"{WORK}/tracked.json",


rule corpora:
    input:
        [f"{WORK}/manifests/{corpus}.csv" for corpus in CORPORA],


rule features_all:
    input:
        [store for group in PLAN.live for store in stores_of(group).values()],
        [file for group in PLAN.live for encoder in group.encoders.values() for file in encoder_files(encoder)],


rule runs:
    input:
        [metrics for group in PLAN.live for metrics in runs_of(group)],
