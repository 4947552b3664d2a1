# What `dvc metrics` and `dvc plots` show.
DRAWN = list(PLAN.headlines)


rule charts:
    input:
        table=places.TABLE,
        evaluations=[PLACES.evaluation(group.name) for group in DRAWN],
        histories=[runs_of(group, "history.csv") for group in DRAWN],
    output:
        places.METRICS,
        places.CLAIMS,
        [places.confusion_chart(group.chart) for group in DRAWN if group.protocol.are_classes],
        [places.curves_chart(group.chart) for group in DRAWN if uses_training_loop(group.system)],
    log:
        PLACES.log("charts"),
    benchmark:
        PLACES.benchmark("charts")
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("charts"),
        config=CONFIG,
    message:
        "writing {output[0]} and {places.PLOTS}"
    shell:
        "{PYTHON} workflow_scripts/charts.py --params {params.config:q} --made-from {params.made_from} > {log} 2>&1"
