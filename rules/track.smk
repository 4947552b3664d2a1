# Finished runs into MLflow; no number depends on it. Where MLflow is down the job says so, and all else is unaffected.
UNTRACKED = Path(PLACES.untracked)


rule track:
    input:
        evaluations=[PLACES.evaluation(group.name) for group in PLAN.live],
    output:
        PLACES.tracked,
    log:
        PLACES.log("track"),
    benchmark:
        PLACES.benchmark("track")
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("track"),
        config=CONFIG,
        last_failure=UNTRACKED.read_text() if UNTRACKED.is_file() else "",  # a new failure: the next call tries again
    message:
        "showing the runs in MLflow"
    shell:
        "{PYTHON} workflow_scripts/track.py --params {params.config:q} --failure {UNTRACKED} 2>&1 | tee {log}"
