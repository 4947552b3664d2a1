# All runs of a group -> its metrics over folds and seeds, with intervals.
rule evaluate:
    input:
        splits=lambda wildcards: splits_of(group_of(wildcards)),
        rows=lambda wildcards: splits_of(group_of(wildcards), ".csv"),
        runs=lambda wildcards: runs_of(group_of(wildcards)),
        predictions=lambda wildcards: runs_of(group_of(wildcards), "predictions.csv"),
    output:
        PLACES.evaluation("{group}"),
    log:
        job=PLACES.log("evaluate", "{group}"),
        cost=PLACES.benchmark("evaluate", "{group}"),
    group:
        "evaluate"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        order=lambda wildcards: MADE_FROM.evaluation(group_of(wildcards)).text,
        runs_made_from=lambda wildcards: json.dumps(MADE_FROM.seeds(group_of(wildcards))),
        runs=lambda wildcards, input: [str(Path(metrics).parent) for metrics in input.runs],
    message:
        "evaluating {wildcards.group}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/evaluate.py --splits {input.splits:q} --runs {params.runs:q}"
        " --order {params.order:q} --runs-made-from {params.runs_made_from:q} --output {output} > {log.job} 2>&1"
