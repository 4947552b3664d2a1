# One run per (experiment, row, protocol, selection, seed, fold). How many of them one process makes is said by
# `one_job_per` (params.yaml and experiment files), for runs that are quicker than the start of a process.
def train_inputs(groups, wildcards):
    return {
        "split": [PLACES.split(group.split(int(wildcards.seed)), end) for group in groups for end in (".json", ".csv")],
        "stores": [store for group in groups for store in group.stores(PLACES).values()],
        "encoders": [
            file for group in groups for encoder in group.encoders.values() for file in ORIGINS.encoder_files(encoder)
        ],
    }


def train_order(groups, wildcards):
    return [MADE_FROM.runs(group, int(wildcards.seed)).text for group in groups]


def train_arguments(training, wildcards):
    """For each group what its runs compute, from what, and where to."""
    groups, states = training.of(wildcards), PLACES.states(training.job.format(**dict(wildcards.items())))
    options = [
        [
            *train_options(
                group,
                seed=(seed := int(wildcards.seed)),
                folds=[int(wildcards.fold)] if "fold" in wildcards.keys() else group.folds,
                device=train_device(group),
                threads=config["compute"]["threads"],
                output=PLACES.seed(group.name, seed),
                places=PLACES,
                origins=ORIGINS,
                made_from=MADE_FROM,
            ),
            *("--states", f"{states}/{group.name}" if len(groups) > 1 else states),
        ]
        for group in groups
    ]
    return [word for of_group in options for word in ("--and", *of_group)][1:]


def train_libraries(group):
    if not uses_training_loop(group.system):
        return "numpy"
    return "transformers" if trains_speech_encoder(group) else "torch"


def kept(models):
    """The weights of a run; removed once it ends if params.yaml says that they are not wanted."""
    return models if config["compute"]["keep_models"] else temp(models)


STATES = {}  # name of a rule that trains -> where its jobs keep their states, with their wildcards

for TRAINING in training_rules(PLAN):
    STATES[TRAINING.name] = PLACES.states(TRAINING.job)
    NEEDS = train_needs(TRAINING)

    rule:
        name:
            TRAINING.name
        input:
            unpack(TRAINING.by_groups(train_inputs)),
        output:
            [f"{folder}/{file}" for folder in TRAINING.folders(PLACES) for file in ("metrics.json", *KEPT)],
            model=kept([f"{folder}/{MODEL}" for folder in TRAINING.folders(PLACES)]),
        log:
            job=PLACES.log("train", TRAINING.job),
            cost=PLACES.benchmark("train", TRAINING.job),
        wildcard_constraints:
            group=any_of(group.name for group in TRAINING.groups),
        group:
            TRAINING.by_group(train_submission)
        threads: config["compute"]["threads"]
        resources:
            mem_mb=needs(lambda wildcards, of=NEEDS: of(wildcards).memory),
            runtime=needs(lambda wildcards, of=NEEDS: of(wildcards).minutes, longest),
            gpu=TRAINING.by_group(train_gpu),
            gpu_slots=TRAINING.by_group(train_slots),
            slots_per_gpu=SLOTS,
        params:
            order=TRAINING.by_groups(train_order),
            # Taken to depend on the input, so not kept with each output: `order` says all of it that counts.
            libraries=lambda wildcards, input, training=TRAINING: train_libraries(training.of(wildcards)[0]),
            options=lambda wildcards, input, training=TRAINING: train_arguments(training, wildcards),
            does=lambda wildcards, input, training=TRAINING: training.does(wildcards),
        message:
            "{params.does} " + TRAINING.what
        shell:
            "{JOB} {log.cost} {params.libraries} workflow_scripts/train.py"
            " --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu} {params.options:q} > {log.job} 2>&1"
