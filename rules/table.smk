# One line per reported number, computed, partial or skipped.
rule table:
    input:
        evaluations=[f"{WORK}/{group.evaluation}" for group in PLAN.live],
        reports=[f"{WORK}/manifests/{corpus}.json" for corpus in CORPORA],
        experiments=[f"experiments/{name}.yaml" for name in PLAN.experiments],
        code=code_of("workflow_scripts/table.py"),
    output:
        "results/table.csv",
    log:
        f"{WORK}/logs/table.log",
    benchmark:
        f"{WORK}/benchmarks/table.tsv"
    resources:
        mem_mb=1000,
    params:
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{PYTHON} workflow_scripts/table.py --params {params.config:q} --output {output}" " > {log} 2>&1"


# What each number gains when the epoch is chosen on the test part; needs runs under both selection rules.
PAIRED = [group for pair in pairs(PLAN) if not pair.skipped for group in (pair.test_selected, pair.clean)]


rule honest_gap:
    input:
        splits=[split_of(group) for group in PAIRED],
        runs=[runs_of(group) for group in PAIRED],
        predictions=[runs_of(group, "predictions.csv") for group in PAIRED],
        reports=sorted({f"{WORK}/manifests/{group.corpus}.json" for group in PAIRED}),
        experiments=[f"experiments/{name}.yaml" for name in PLAN.experiments],
        code=code_of("workflow_scripts/honest_gap.py"),
    output:
        "results/honest_gap.csv",
    log:
        f"{WORK}/logs/honest_gap.log",
    benchmark:
        f"{WORK}/benchmarks/honest_gap.tsv"
    resources:
        mem_mb=1000,
    params:
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{PYTHON} workflow_scripts/honest_gap.py --params {params.config:q} --output {output} > {log} 2>&1"
