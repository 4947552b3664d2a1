# The figures, tables and numbers as a manuscript takes them: only when they are asked for.
SHOWN = list(PLAN.live)


rule paper:
    input:
        **evidence(SHOWN),
        results=[places.TABLE, places.HONEST_GAP, places.PROTOCOL_LADDER, places.COMPARISONS],
        evaluations=[PLACES.evaluation(group.name) for group in SHOWN],
        histories=[runs_of(group, "history.csv") for group in SHOWN],
    output:
        directory(places.PAPER),
    log:
        job=PLACES.log("paper"),
        cost=PLACES.benchmark("paper"),
    resources:
        mem_mb=2000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("paper"),
        config=CONFIG,
    message:
        "drawing figures and writing tables into {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/paper.py --params {params.config:q} --made-from {params.made_from}"
        " > {log.job} 2>&1"
