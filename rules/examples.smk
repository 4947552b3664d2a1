# What networks attend to in utterances that anyone may hear: pictures and recordings for the report's page. Weights are
# no input: where they were not kept the page says so, and nothing is trained again for a picture.
SHOWN = shown(PLAN, config)


rule examples:
    input:
        runs=[PLACES.metrics(group.name, group.seeds[0], FOLD) for group in SHOWN],
        predictions=[f"{PLACES.run(group.name, group.seeds[0], FOLD)}/predictions.csv" for group in SHOWN],
        audio=sorted({PLACES.audio(group.corpus) for group in SHOWN}),
    output:
        PLACES.examples,
    log:
        job=PLACES.log("examples"),
        cost=PLACES.benchmark("examples"),
    resources:
        mem_mb=needs(2000 if DEMO else 8000),
        runtime=needs(10 if DEMO else 30),
    params:
        order=lambda wildcards: MADE_FROM.examples().text,
        # Taken to depend on the input, so not kept with the output: `order` says all of it that counts.
        libraries=lambda wildcards, input: "transformers" if SHOWN else "numpy",
        config=lambda wildcards, input: CONFIG,
    message:
        "drawing what networks attend to"
    shell:
        "{JOB} {log.cost} {params.libraries} workflow_scripts/examples.py --params {params.config:q}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"
