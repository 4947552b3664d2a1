# One line per reported number, computed, partial or skipped.
rule table:
    input:
        evaluations=[PLACES.evaluation(group.name) for group in PLAN.live],
        reports=[PLACES.manifest(corpus, ".json") for corpus in CORPORA],
    output:
        report(
            places.TABLE,
            caption="captions/table.rst",
            category="Tables",
            labels={"table": "claims, values, verdicts"},
        ),
    log:
        job=PLACES.log("table"),
        cost=PLACES.benchmark("table"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("table"),
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/table.py --params {params.config:q} --made-from {params.made_from}"
        " --output {output} > {log.job} 2>&1"


# What each number gains when the epoch is chosen on the test part: from the runs under `clean` at their other epochs, and
# from those under `test_selected`, where there are any.
PAIRED = [group for pair in pairs(PLAN) for group in pair.groups]


rule honest_gap:
    input:
        **evidence(PAIRED),
        epochs=[runs_of(group, TEST_EPOCHS) for group in PAIRED if group.scores_epochs],
    output:
        report(
            places.HONEST_GAP,
            caption="captions/honest_gap.rst",
            category="Tables",
            labels={"table": "what choosing on test gains"},
        ),
    log:
        job=PLACES.log("honest_gap"),
        cost=PLACES.benchmark("honest_gap"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("honest_gap"),
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/honest_gap.py --params {params.config:q} --made-from {params.made_from}"
        " --output {output} > {log.job} 2>&1"


# What each thing is worth that a published kind of protocol does and a clean one does not.
STEPS = [step for ladder in ladders(PLAN) for step in ladder.steps.values() if not step.skipped]
CLIMBED = list({step.group.name: step.group for step in STEPS}.values())


rule protocol_ladder:
    input:
        **evidence(CLIMBED),
        epochs=sorted({file for step in STEPS if step.is_chosen_on_test for file in runs_of(step.group, TEST_EPOCHS)}),
    output:
        report(
            places.PROTOCOL_LADDER,
            caption="captions/protocol_ladder.rst",
            category="Tables",
            labels={"table": "what a protocol is worth"},
        ),
    log:
        job=PLACES.log("protocol_ladder"),
        cost=PLACES.benchmark("protocol_ladder"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("protocol_ladder"),
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/protocol_ladder.py --params {params.config:q} --made-from {params.made_from}"
        " --output {output} > {log.job} 2>&1"


# By how much rows differ, and whether other speakers could have it otherwise.
COMPARED = list({group.name: group for family in families(PLAN) for group in family.groups}.values())


rule comparisons:
    input:
        **evidence(COMPARED),
    output:
        report(
            places.COMPARISONS,
            caption="captions/comparisons.rst",
            category="Tables",
            labels={"table": "which rows differ"},
        ),
    log:
        job=PLACES.log("comparisons"),
        cost=PLACES.benchmark("comparisons"),
    resources:
        mem_mb=1000,
    params:
        made_from=lambda wildcards: MADE_FROM.result("comparisons"),
        config=CONFIG,
    message:
        "writing {output}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/comparisons.py --params {params.config:q} --made-from {params.made_from}"
        " --output {output} > {log.job} 2>&1"


if workflow.is_main_process and Path(places.TABLE).is_file():
    BELOW = MADE_FROM.orders()
    if gone := sum(not Path(file).exists() for file in BELOW):
        print(
            f"{places.TABLE}: {gone} of {len(BELOW)} files that describe what it rests on are not in {PLACES.work}:"
            " `snakemake --cores all -- features_all runs` makes what is gone",
            file=sys.stderr,
        )
