# Manifest + protocol + selection rule -> who trains, develops and tests in each fold; stops at an undeclared leak.
rule splits:
    input:
        manifest=lambda wildcards: f"{WORK}/manifests/{protocol_of(wildcards).corpus}.csv",
        code=code_of("workflow_scripts/splits.py"),
    output:
        csv=f"{WORK}/splits/{{experiment}}/{{protocol}}/{{selection}}.csv",
        json=f"{WORK}/splits/{{experiment}}/{{protocol}}/{{selection}}.json",
    log:
        f"{WORK}/logs/splits/{{experiment}}/{{protocol}}/{{selection}}.log",
    benchmark:
        f"{WORK}/benchmarks/splits/{{experiment}}/{{protocol}}/{{selection}}.tsv"
    group:
        small_at_demo("splits")
    resources:
        mem_mb=needs(1000),
        runtime=needs(10 if DEMO else 30),
    params:
        protocol=lambda wildcards: json.dumps(protocol_of(wildcards).mapping, sort_keys=True),
    message:
        "splitting for {wildcards.experiment}/{wildcards.protocol}/{wildcards.selection}"
    shell:
        "{PYTHON} workflow_scripts/splits.py --manifest {input.manifest} --protocol {params.protocol:q}"
        " --selection {wildcards.selection}"
        " --where 'experiments/{wildcards.experiment}.yaml: protocols.{wildcards.protocol}'"
        " --output-csv {output.csv} --output-json {output.json} > {log} 2>&1"
