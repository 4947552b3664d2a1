# Release tree -> manifest. At scale demo the tree is written first.
if DEMO:

    rule demo_corpus:
        input:
            code=lambda wildcards: [
                *code_of("workflow_scripts/demo_corpus.py"),
                *code_of(f"ser/corpora/demo_{wildcards.corpus}.py"),
            ],
        output:
            listing=f"{WORK}/releases/{{corpus}}.json",
            tree=directory(f"{WORK}/releases/{{corpus}}"),
        log:
            f"{WORK}/logs/demo_corpus/{{corpus}}.log",
        benchmark:
            f"{WORK}/benchmarks/demo_corpus/{{corpus}}.tsv"
        group:
            "corpus"
        resources:
            mem_mb=needs(500),
            runtime=needs(10),
        params:
            seed=config["demo_seed"],
        message:
            "writing the demo corpus {wildcards.corpus}"
        shell:
            "{PYTHON} workflow_scripts/demo_corpus.py --corpus {wildcards.corpus} --seed {params.seed}"
            " --output-dir {output.tree} --listing {output.listing} > {log} 2>&1"


rule demo_encoder:
    input:
        code=code_of("workflow_scripts/demo_encoder.py"),
    output:
        # a speech encoder's preprocessor_config.json stands beside them: written, like them, with the whole folder
        multiext(f"{WORK}/encoders/{{encoder}}/", "config.json", "model.safetensors"),
    log:
        f"{WORK}/logs/demo_encoder/{{encoder}}.log",
    benchmark:
        f"{WORK}/benchmarks/demo_encoder/{{encoder}}.tsv"
    group:
        "encoders"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        seed=config["demo_seed"],
        folder=f"{WORK}/encoders/{{encoder}}",
    message:
        "writing the demo encoder {wildcards.encoder}"
    shell:
        "{PYTHON} workflow_scripts/demo_encoder.py --encoder {wildcards.encoder} --seed {params.seed}"
        " --output-dir {params.folder} > {log} 2>&1"


rule manifest:
    input:
        demo=multiext(f"{WORK}/releases/{{corpus}}", "", ".json") if DEMO else [],
        code=lambda wildcards: loader_code(wildcards.corpus),
    output:
        manifest=f"{WORK}/manifests/{{corpus}}.csv",
        report=f"{WORK}/manifests/{{corpus}}.json",
        tree=f"{WORK}/manifests/{{corpus}}.tree.json",
    log:
        f"{WORK}/logs/manifest/{{corpus}}.log",
    benchmark:
        f"{WORK}/benchmarks/manifest/{{corpus}}.tsv"
    group:
        small_at_demo("corpus")
    resources:
        mem_mb=needs(1000),
        runtime=needs(10 if DEMO else 480),
    params:
        on_unreadable=lambda wildcards: settings_of(wildcards.corpus).get("on_unreadable", "stop"),
        digest=lambda wildcards: digest_of(wildcards.corpus),
        places=manifest_places,
    message:
        "reading the corpus {wildcards.corpus}"
    shell:
        "{PYTHON} workflow_scripts/manifest.py --corpus {wildcards.corpus} {params.places:q}"
        " --on-unreadable {params.on_unreadable} --digest {params.digest}"
        " --output {output.manifest} --report {output.report} --tree {output.tree} > {log} 2>&1"
