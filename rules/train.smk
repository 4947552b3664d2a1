# One run per (experiment, row, protocol, selection, seed, fold). A job makes one run, or all folds of a seed where
# a fold is quicker than the start of a process (`one_job_per`, params.yaml and experiment files).
TRAIN = (
    "{PYTHON} workflow_scripts/train.py {params.options:q} --split {input.split[0]} --seed {wildcards.seed}"
    " --folds {params.folds} --device {params.device} --threads {params.threads}"
    " --gpu-slots {resources.gpu_slots} {resources.slots_per_gpu}"
    " --checkpoints {params.checkpoints:q} --output-dir {params.folder:q} > {log} 2>&1"
)


rule train:
    input:
        unpack(train_inputs),
    output:
        multiext(f"{WORK}/runs/{{group}}/seed{{seed}}/fold{{fold}}/", *RUN_FILES),
        model=kept(f"{WORK}/runs/{{group}}/seed{{seed}}/fold{{fold}}/model.safetensors"),
    log:
        f"{WORK}/logs/train/{{group}}/seed{{seed}}-fold{{fold}}.log",
    benchmark:
        f"{WORK}/benchmarks/train/{{group}}/seed{{seed}}-fold{{fold}}.tsv"
    wildcard_constraints:
        group=any_of(group.name for group in PLAN.live if group.one_job_per == "fold"),
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
        options=train_options,
        folds=lambda wildcards: wildcards.fold,
        device=config["compute"]["device"],
        threads=config["compute"]["threads"],
        checkpoints=f"{WORK}/checkpoints/{{group}}/seed{{seed}}/fold{{fold}}",
        folder=f"{WORK}/runs/{{group}}/seed{{seed}}",
    message:
        "training {wildcards.group}, seed {wildcards.seed}, fold {wildcards.fold}"
    shell:
        TRAIN


for n_folds in sorted({group.protocol.n_folds for group in PLAN.live if group.one_job_per == "seed"}):

    rule:
        name:
            f"train_{n_folds}_folds"
        input:
            unpack(train_inputs),
        output:
            expand(
                f"{WORK}/runs/{{{{group}}}}/seed{{{{seed}}}}/fold{{fold}}/{{file}}",
                fold=range(1, n_folds + 1),
                file=RUN_FILES,
            ),
            model=kept(
                expand(
                    f"{WORK}/runs/{{{{group}}}}/seed{{{{seed}}}}/fold{{fold}}/model.safetensors",
                    fold=range(1, n_folds + 1),
                )
            ),
        log:
            f"{WORK}/logs/train/{{group}}/seed{{seed}}.log",
        benchmark:
            f"{WORK}/benchmarks/train/{{group}}/seed{{seed}}.tsv"
        wildcard_constraints:
            group=any_of(
                group.name for group in PLAN.live if group.one_job_per == "seed" and group.protocol.n_folds == n_folds
            ),
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
            options=train_options,
            folds=" ".join(map(str, range(1, n_folds + 1))),
            device=config["compute"]["device"],
            threads=config["compute"]["threads"],
            checkpoints=f"{WORK}/checkpoints/{{group}}/seed{{seed}}",
            folder=f"{WORK}/runs/{{group}}/seed{{seed}}",
        message:
            "training {wildcards.group}, seed {wildcards.seed}, all folds"
        shell:
            TRAIN
