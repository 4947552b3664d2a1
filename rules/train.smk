# One run per (experiment, row, protocol, selection, seed, fold). A job makes one run, or all folds of a seed where
# a fold is quicker than the start of a process (`one_job_per`, params.yaml and experiment files).
def train_inputs(wildcards):
    group = group_of(wildcards)
    return {
        "split": [PLACES.split(group.split(int(wildcards.seed)), suffix) for suffix in (".json", ".csv")],
        "stores": list(group.stores(PLACES).values()),
        "encoders": [file for encoder in group.encoders.values() for file in ORIGINS.encoder_files(encoder)],
    }


def kept(models):
    """The weights of a run; removed once it ends if params.yaml says that they are not wanted."""
    return models if config["compute"]["keep_models"] else temp(models)


# Folds of a job -> the groups whose jobs make these. A job of one run has the wildcard {fold}.
TRAINING = {("{fold}",): [group.name for group in PLAN.live if group.one_job_per == "fold"]}
for group in PLAN.live:
    if group.one_job_per == "seed":
        TRAINING.setdefault(tuple(group.folds), []).append(group.name)

for folds, names in TRAINING.items():
    IS_ONE = folds == ("{fold}",)
    JOB = "{group}/seed{seed}-fold{fold}" if IS_ONE else "{group}/seed{seed}"
    WHAT = "fold {wildcards.fold}" if IS_ONE else "all folds"
    FOLDERS = [PLACES.run("{group}", "{seed}", fold) for fold in folds]

    rule:
        name:
            "train" if IS_ONE else f"train_{len(folds)}_folds"
        input:
            unpack(train_inputs),
        output:
            [f"{folder}/{file}" for folder in FOLDERS for file in places.RUN_FILES],
            model=kept([f"{folder}/{places.MODEL}" for folder in FOLDERS]),
        log:
            PLACES.log("train", JOB),
        benchmark:
            PLACES.benchmark("train", JOB)
        wildcard_constraints:
            group=any_of(names),
        group:
            train_submission
        threads: config["compute"]["threads"]
        resources:
            mem_mb=needs(train_memory),
            runtime=needs(train_minutes),
            gpu=train_gpu,
            gpu_slots=train_slots,
            slots_per_gpu=SLOTS,
        params:
            order=lambda wildcards: MADE_FROM.runs(group_of(wildcards), int(wildcards.seed)).text,
            options=lambda wildcards: train_options(group_of(wildcards), PLACES, ORIGINS),
            folds=" ".join(map(str, folds)),
            device=config["compute"]["device"],
            threads=config["compute"]["threads"],
            states=PLACES.states(JOB),
            folder=PLACES.seed("{group}", "{seed}"),
        message:
            "training {wildcards.group}, seed {wildcards.seed}, " + WHAT
        shell:
            "{PYTHON} workflow_scripts/train.py {params.options:q} --split {input.split[0]} --seed {wildcards.seed}"
            " --folds {params.folds} --device {params.device} --threads {params.threads}"
            " --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu}"
            " --states {params.states:q} --order {params.order:q} --output-dir {params.folder:q} > {log} 2>&1"
