# Every number of the papers, from one target: snakemake --cores all results/table.csv
# What is computed: params.yaml. What a paper did and claims: experiments/. Where things are: docs/architecture.md.
from snakemake.utils import min_version

min_version("9.19")


report: "rules/captions/workflow.rst"


include: "rules/common.smk"
include: "rules/resources.smk"
include: "rules/cluster.smk"
include: "rules/corpora.smk"
include: "rules/splits.smk"
include: "rules/features.smk"
include: "rules/train.smk"
include: "rules/evaluate.smk"
include: "rules/table.smk"
include: "rules/charts.smk"
include: "rules/examples.smk"
include: "rules/report.smk"
include: "rules/paper.smk"
include: "rules/track.smk"


# On a cluster these stay where snakemake was called.
localrules:
    all,
    corpora,
    features_all,
    runs,
    table,
    honest_gap,
    protocol_ladder,
    comparisons,
    charts,
    report,
    paper,
    track,


rule all:
    default_target: True
    input:
        places.REPORTS,
        places.PAGE,
        PLACES.tracked,


rule corpora:
    input:
        [PLACES.manifest(corpus) for corpus in CORPORA],


rule features_all:
    input:
        [store for group in PLAN.live for store in group.stores(PLACES).values()],
        [file for group in PLAN.live for encoder in group.encoders.values() for file in ORIGINS.encoder_files(encoder)],


rule runs:
    input:
        [metrics for group in PLAN.live for metrics in runs_of(group)],
