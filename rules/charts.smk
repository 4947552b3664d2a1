# What `dvc metrics` and `dvc plots` show.
DRAWN = list(headlines(PLAN))
CHARTS = [
    *(f"results/plots/confusion/{plot_name(group)}" for group in DRAWN if group.protocol.classes),
    *(f"results/plots/curves/{plot_name(group)}" for group in DRAWN if uses_training_loop(group)),
]


rule report:
    input:
        table="results/table.csv",
        evaluations=[f"{WORK}/{group.evaluation}" for group in DRAWN],
        histories=[runs_of(group, "history.csv") for group in DRAWN],
        experiments=[f"experiments/{name}.yaml" for name in PLAN.experiments],
        code=code_of("workflow_scripts/report.py"),
    output:
        "results/metrics.json",
        "results/plots/claims.csv",
        CHARTS,
    log:
        f"{WORK}/logs/report.log",
    benchmark:
        f"{WORK}/benchmarks/report.tsv"
    resources:
        mem_mb=1000,
    params:
        config=CONFIG,
    message:
        "writing {output[0]} and results/plots"
    shell:
        "{PYTHON} workflow_scripts/report.py --params {params.config:q} > {log} 2>&1"
