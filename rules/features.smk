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
        mem_mb=needs(lambda wildcards: feature_needs(wildcards.corpus).memory),
        runtime=needs(lambda wildcards: feature_needs(wildcards.corpus).minutes),
    params:
        order=lambda wildcards: MADE_FROM.audio(wildcards.corpus).text,
        root=lambda wildcards, input: ORIGINS.root(wildcards.corpus),  # not recorded: see manifest_places
    message:
        "decoding {wildcards.corpus}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/audio.py --manifest {input.manifest} --root={params.root:q}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"


@cache
def parts_for(corpus):
    """How many jobs share the states of an encoder of published size; asked once, as a user's manifest is read."""
    has_gpu = gpu(config["compute"]["device"] != "cpu") or gpu_slots(True, SLOTS)
    return number_of_parts(corpus, ORIGINS.corpus(corpus), "gpu" if has_gpu else "cpu")


def parts_of(wildcards):
    """The parts that a feature is joined from; none where one job computes it."""
    encoder = encoder_of(wildcards)
    if not encoder or ORIGINS.is_made_here(encoder):
        return []
    parts = parts_for(wildcards.corpus)
    numbers = range(1, parts + 1) if parts > 1 else []
    return [PLACES.part(wildcards.corpus, wildcards.feature, part, parts) for part in numbers]


def feature_order(wildcards):
    return MADE_FROM.feature(wildcards.corpus, PLAN.specs[wildcards.feature]).text


def feature_arguments(wildcards):
    """What computes a feature, or a part of it."""
    encoder = encoder_of(wildcards)
    return [
        *("--spec", json.dumps(PLAN.specs[wildcards.feature], sort_keys=True)),
        *("--device", config["compute"]["device"]),
        *(["--encoder-dir", ORIGINS.encoder(encoder)] if encoder else []),
    ]


def feature_libraries(wildcards):
    return "transformers" if encoder_of(wildcards) else "torch"


def joining_needs(wildcards):
    """Of what computes a feature, or joins its parts: about what writing the recordings takes."""
    return feature_needs(wildcards.corpus, "" if parts_of(wildcards) else wildcards.feature)


def part_needs(wildcards):
    return feature_needs(wildcards.corpus, wildcards.feature, int(wildcards.parts))


rule features:
    input:
        audio=PLACES.audio("{corpus}"),
        parts=parts_of,
        encoder=lambda wildcards: [] if parts_of(wildcards) else ORIGINS.encoder_files(encoder_of(wildcards)),
    output:
        PLACES.feature("{corpus}", "{feature}"),
    log:
        job=PLACES.log("features", "{corpus}/{feature}"),
        cost=PLACES.benchmark("features", "{corpus}/{feature}"),
    group:
        small_at_demo("features")
    resources:
        mem_mb=needs(lambda wildcards: joining_needs(wildcards).memory),
        runtime=needs(lambda wildcards: joining_needs(wildcards).minutes),
        gpu=lambda wildcards: gpu(joining_needs(wildcards).gpu),
        gpu_slots=lambda wildcards, input: gpu_slots(bool(input.encoder), SLOTS),
        slots_per_gpu=SLOTS,
    params:
        order=feature_order,
        how=lambda wildcards, input: ["--join", *input.parts] if input.parts else feature_arguments(wildcards),
        libraries=lambda wildcards, input: "numpy" if input.parts else feature_libraries(wildcards),
    message:
        "computing {wildcards.feature} of {wildcards.corpus}"
    shell:
        "{JOB} {log.cost} {params.libraries} workflow_scripts/features.py --audio {input.audio} {params.how:q}"
        " --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"


# Each utterance alone on a CPU, and each part by one thread: neither the number of parts nor of cores changes a bit.
rule features_part:
    input:
        audio=PLACES.audio("{corpus}"),
        encoder=lambda wildcards: ORIGINS.encoder_files(encoder_of(wildcards)),
    output:
        temp(PLACES.part("{corpus}", "{feature}", "{part}", "{parts}")),
    log:
        job=PLACES.log("features", "{corpus}/{feature}.{part}of{parts}"),
        cost=PLACES.benchmark("features", "{corpus}/{feature}.{part}of{parts}"),
    resources:
        mem_mb=needs(lambda wildcards: part_needs(wildcards).memory),
        runtime=needs(lambda wildcards: part_needs(wildcards).minutes),
        gpu=lambda wildcards: gpu(part_needs(wildcards).gpu),
        gpu_slots=gpu_slots(True, SLOTS),
        slots_per_gpu=SLOTS,
    params:
        order=feature_order,
        how=feature_arguments,
        libraries=feature_libraries,
    message:
        "computing {wildcards.feature} of {wildcards.corpus}, part {wildcards.part} of {wildcards.parts}"
    shell:
        "{JOB} {log.cost} {params.libraries} workflow_scripts/features.py --audio {input.audio} {params.how:q}"
        " --part {wildcards.part} {wildcards.parts}"
        " --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu}"
        " --order {params.order:q} --output {output} > {log.job} 2>&1"
