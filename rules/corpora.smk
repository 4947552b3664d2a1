# Release tree -> manifest. At scale demo the tree is written first; tiny encoders are written here at any scale.
if DEMO:

    rule demo_corpus:
        input:
            code=lambda wildcards: [
                *code_of("workflow_scripts/demo_corpus.py"),
                *code_of_module(f"ser.corpora.demo.{wildcards.corpus}"),
            ],
        output:
            listing=PLACES.listing("{corpus}"),
            tree=directory(PLACES.release("{corpus}")),
        log:
            PLACES.log("demo_corpus", "{corpus}"),
        benchmark:
            PLACES.benchmark("demo_corpus", "{corpus}")
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
        # a speech encoder's preprocessor_config.json is beside them: written, like them, with the whole folder
        multiext(PLACES.encoder("{encoder}") + "/", "config.json", "model.safetensors"),
    log:
        PLACES.log("demo_encoder", "{encoder}"),
    benchmark:
        PLACES.benchmark("demo_encoder", "{encoder}")
    group:
        "encoders"
    resources:
        mem_mb=needs(1000),
        runtime=needs(10),
    params:
        seed=config["demo_seed"],
        folder=PLACES.encoder("{encoder}"),
    message:
        "writing the demo encoder {wildcards.encoder}"
    shell:
        "{PYTHON} workflow_scripts/demo_encoder.py --encoder {wildcards.encoder} --seed {params.seed}"
        " --output-dir {params.folder} > {log} 2>&1"


def loader_code(corpus):
    """The manifest script's files and the corpus's loader; a corpus given by its own manifest has none."""
    loader = [] if "manifest" in settings_of(corpus) else code_of_module(f"ser.corpora.{corpus}")
    return [*code_of("workflow_scripts/manifest.py"), *loader]


def digest_of(corpus):
    """A digest of a corpus's files: a change reads them again. For a demo tree its listing, an input, does that."""
    record = PLACES.manifest(corpus, ".tree.json")
    return "demo" if DEMO else tree_digest(root_of(corpus), record, settings_of(corpus).get("manifest"))


def manifest_places(wildcards, input):
    """Where a corpus is. Snakemake keeps no record of a function of `input`, so moving it runs nothing again."""
    manifest = settings_of(wildcards.corpus).get("manifest")
    return ["--root", root_of(wildcards.corpus), *(["--manifest", manifest] if manifest else [])]


rule manifest:
    input:
        demo=[PLACES.release("{corpus}"), PLACES.listing("{corpus}")] if DEMO else [],
        code=lambda wildcards: loader_code(wildcards.corpus),
    output:
        manifest=PLACES.manifest("{corpus}"),
        report=PLACES.manifest("{corpus}", ".json"),
        tree=PLACES.manifest("{corpus}", ".tree.json"),
    log:
        PLACES.log("manifest", "{corpus}"),
    benchmark:
        PLACES.benchmark("manifest", "{corpus}")
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
