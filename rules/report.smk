# All results as one page, with what is behind each number.
rule report:
    input:
        **evidence(list(PLAN.live)),
        results=places.REPORTS,
        examples=PLACES.examples,
        evaluations=[PLACES.evaluation(group.name) for group in PLAN.live],
        histories=[runs_of(group, "history.csv") for group in PLAN.live],
    output:
        report(
            places.PAGE,
            caption="captions/page.rst",
            category="All results",
            labels={"page": "all results"},
        ),
    log:
        job=PLACES.log("report"),
        cost=PLACES.benchmark("report"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("report"),
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/report.py --params {params.config:q} --made-from {params.made_from}"
        " > {log.job} 2>&1"
