# What `dvc metrics` and `dvc plots` show.
DRAWN = list(PLAN.headlines)


rule charts:
    input:
        table=places.TABLE,
        evaluations=[PLACES.evaluation(group.name) for group in DRAWN],
        histories=[runs_of(group, "history.csv") for group in DRAWN],
    output:
        report(
            places.CLAIMS,
            caption="captions/claims.rst",
            category="Tables",
            labels={"table": "claims"},
        ),
        [places.group_metrics(group.name, part) for group in PLAN.live for part in group.protocol.reported],
        [places.confusion_chart(group.chart) for group in DRAWN if group.protocol.are_classes],
        [places.curves_chart(group.chart) for group in DRAWN if uses_training_loop(group.system)],
    log:
        job=PLACES.log("charts"),
        cost=PLACES.benchmark("charts"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("charts"),
        config=CONFIG,
    message:
        "writing {places.METRICS} and {places.PLOTS}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/charts.py --params {params.config:q} --made-from {params.made_from}"
        " > {log.job} 2>&1"
