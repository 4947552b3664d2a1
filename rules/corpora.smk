# Release tree -> manifest. At scale demo the tree is written first; tiny encoders are written here at any scale.
if DEMO:

    rule demo_corpus:
        output:
            listing=PLACES.listing("{corpus}"),
            tree=directory(PLACES.release("{corpus}")),
        log:
            job=PLACES.log("demo_corpus", "{corpus}"),
            cost=PLACES.benchmark("demo_corpus", "{corpus}"),
        group:
            "corpus"
        resources:
            mem_mb=needs(1000),
            runtime=needs(10),
        params:
            order=lambda wildcards: MADE_FROM.release(wildcards.corpus).text,
            seed=config["demo_seed"],
        message:
            "writing the demo corpus {wildcards.corpus}"
        shell:
            "{JOB} {log.cost} numpy workflow_scripts/demo_corpus.py --corpus {wildcards.corpus} --seed {params.seed}"
            " --order {params.order:q} --output-dir {output.tree} --listing {output.listing} > {log.job} 2>&1"


rule demo_encoder:
    output:
        # a speech encoder's preprocessor_config.json is beside them: written, like them, with the whole folder
        multiext(PLACES.encoder("{encoder}") + "/", "config.json", "model.safetensors", "ser.json"),
    log:
        job=PLACES.log("demo_encoder", "{encoder}"),
        cost=PLACES.benchmark("demo_encoder", "{encoder}"),
    group:
        "encoders"
    resources:
        mem_mb=needs(2000),
        runtime=needs(10),
    params:
        order=lambda wildcards: MADE_FROM.checkpoint(wildcards.encoder).text,
        seed=config["demo_seed"],
        folder=PLACES.encoder("{encoder}"),
    message:
        "writing the demo encoder {wildcards.encoder}"
    shell:
        "{JOB} {log.cost} transformers workflow_scripts/demo_encoder.py --encoder {wildcards.encoder}"
        " --seed {params.seed} --order {params.order:q} --output-dir {params.folder} > {log.job} 2>&1"


def manifest_places(wildcards, input):
    """Where a corpus is. Snakemake keeps no record of a function of `input`, so moving it runs nothing again."""
    manifest = ORIGINS.corpus(wildcards.corpus).get("manifest")
    listing = ["--listing", PLACES.listing(wildcards.corpus)] if DEMO else []
    return [f"--root={ORIGINS.root(wildcards.corpus)}", *([f"--manifest={manifest}"] if manifest else listing)]


rule manifest:
    input:
        demo=[PLACES.release("{corpus}"), PLACES.listing("{corpus}")] if DEMO else [],
    output:
        manifest=PLACES.manifest("{corpus}"),
        report=PLACES.manifest("{corpus}", ".json"),
    log:
        job=PLACES.log("manifest", "{corpus}"),
        cost=PLACES.benchmark("manifest", "{corpus}"),
    priority: 1
    group:
        small_at_demo("corpus")
    resources:
        mem_mb=needs(1000),
        runtime=needs(10 if DEMO else 480),
    params:
        order=lambda wildcards: MADE_FROM.manifest(wildcards.corpus).text,
        columns=lambda wildcards: json.dumps(ORIGINS.corpus(wildcards.corpus).get("columns", {}), sort_keys=True),
        on_unreadable=lambda wildcards: ORIGINS.corpus(wildcards.corpus).get("on_unreadable", "stop"),
        digest=lambda wildcards: ORIGINS.scan(wildcards.corpus),
        places=manifest_places,
        # no output: a job that fails must not lose what is known of the recordings
        tree=PLACES.manifest("{corpus}", ".tree.json"),
    message:
        "reading the corpus {wildcards.corpus}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/manifest.py --corpus {wildcards.corpus} {params.places:q}"
        " --columns {params.columns:q} --on-unreadable {params.on_unreadable} --digest {params.digest} --order {params.order:q}"
        " --output {output.manifest} --report {output.report} --tree {params.tree} > {log.job} 2>&1"
