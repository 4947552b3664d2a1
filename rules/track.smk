# What is finished, into MLflow; no number depends on it. Where MLflow is down the job says so, and all else stands.
UNTRACKED = Path(f"{WORK}/untracked.txt")


rule track:
    input:
        evaluations=[f"{WORK}/{group.evaluation}" for group in PLAN.live],
        code=code_of("workflow_scripts/track.py"),
    output:
        f"{WORK}/tracked.json",
    log:
        f"{WORK}/logs/track.log",
    benchmark:
        f"{WORK}/benchmarks/track.tsv"
    resources:
        mem_mb=1000,
    params:
        config=CONFIG,
        last_failure=UNTRACKED.read_text() if UNTRACKED.is_file() else "",  # a new one: the next call tries again
    message:
        "showing the runs in MLflow"
    shell:
        "{PYTHON} workflow_scripts/track.py --params {params.config:q} --failure {UNTRACKED} 2>&1 | tee {log}"
