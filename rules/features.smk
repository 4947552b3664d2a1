# Audio decoded once per corpus; each feature computed once per corpus and read by all runs.
rule audio:
    input:
        manifest=PLACES.manifest("{corpus}"),
        report=PLACES.manifest("{corpus}", ".json"),
        demo=PLACES.release("{corpus}") if DEMO else [],
    output:
        PLACES.audio("{corpus}"),
    log:
        job=PLACES.log("audio", "{corpus}"),
        cost=PLACES.benchmark("audio", "{corpus}"),
    group:
        small_at_demo("corpus")
    resources:
        mem_mb=needs(2000),
        runtime=needs(10 if DEMO else 480),
    params:
        order=lambda wildcards: MADE_FROM.audio(wildcards.corpus).text,
        root=lambda wildcards, input: ORIGINS.root(wildcards.corpus),  # not recorded: see manifest_places
    message:
        "decoding {wildcards.corpus}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/audio.py --manifest {input.manifest} --root={params.root:q}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"


rule features:
    input:
        audio=PLACES.audio("{corpus}"),
        encoder=lambda wildcards: ORIGINS.encoder_files(encoder_of(wildcards)),
    output:
        PLACES.feature("{corpus}", "{feature}"),
    log:
        job=PLACES.log("features", "{corpus}/{feature}"),
        cost=PLACES.benchmark("features", "{corpus}/{feature}"),
    group:
        small_at_demo("features")
    resources:
        # HuBERT base takes 1.8 GB for 34 s of speech; the large models about twice that.
        mem_mb=needs(lambda wildcards: 4000 if encoder_of(wildcards) and not DEMO else 2000),
        runtime=needs(10 if DEMO else 1440),
        gpu=lambda wildcards: gpu(bool(encoder_of(wildcards))),
        gpu_slots=lambda wildcards: gpu_slots(bool(encoder_of(wildcards)), SLOTS),
        slots_per_gpu=SLOTS,
    params:
        order=lambda wildcards: MADE_FROM.feature(wildcards.corpus, PLAN.specs[wildcards.feature]).text,
        spec=lambda wildcards: json.dumps(PLAN.specs[wildcards.feature], sort_keys=True),
        encoder=lambda wildcards: (
            ["--encoder-dir", ORIGINS.encoder(encoder)] if (encoder := encoder_of(wildcards)) else []
        ),
        device=config["compute"]["device"],
        libraries=lambda wildcards, input: "transformers" if encoder_of(wildcards) else "torch",
    message:
        "computing {wildcards.feature} of {wildcards.corpus}"
    shell:
        "{JOB} {log.cost} {params.libraries} workflow_scripts/features.py --audio {input.audio} --spec {params.spec:q}"
        " {params.encoder:q} --device {params.device} --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"
