# One line per reported number, computed, partial or skipped.
rule table:
    input:
        evaluations=[f"{WORK}/evaluations/{group.name}.json" for group in PLAN.live],
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
