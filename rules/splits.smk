def seed_of_draw(wildcards):
    """The seed whose dev part is drawn; None where a split is for all seeds."""
    return int(wildcards.draw.removeprefix("/seed")) if wildcards.draw else None


# Manifest + protocol + selection rule -> the train, dev and test utterances of each fold; stops at an undeclared leak.
rule splits:
    input:
        manifest=lambda wildcards: PLACES.manifest(planned(PROTOCOLS, wildcards.protocol).corpus),
        report=lambda wildcards: PLACES.manifest(planned(PROTOCOLS, wildcards.protocol).corpus, ".json"),
    output:
        csv=PLACES.split("{protocol}/{selection}{draw}", ".csv"),
        json=PLACES.split("{protocol}/{selection}{draw}", ".json"),
    log:
        job=PLACES.log("splits", "{protocol}/{selection}{draw}"),
        cost=PLACES.benchmark("splits", "{protocol}/{selection}{draw}"),
    priority: 1  # before what takes long: a protocol that does not fit the recordings shows at once
    group:
        small_at_demo("splits")
    resources:
        mem_mb=needs(1000),
        runtime=needs(10 if DEMO else 30),
    params:
        order=lambda wildcards: MADE_FROM.split(
            PROTOCOLS[wildcards.protocol], wildcards.selection, seed_of_draw(wildcards)
        ).text,
        draw=lambda wildcards: f"--seed {seed_of_draw(wildcards)}" if wildcards.draw else "",
        protocol=lambda wildcards: json.dumps(PROTOCOLS[wildcards.protocol].mapping, sort_keys=True),
        where=lambda wildcards: "experiments/{}.yaml: protocols.{}".format(*wildcards.protocol.split("/")),
    message:
        "splitting for {wildcards.protocol}/{wildcards.selection}{wildcards.draw}"
    shell:
        "{JOB} {log.cost} numpy workflow_scripts/splits.py --manifest {input.manifest} --protocol {params.protocol:q}"
        " --selection {wildcards.selection} {params.draw} --where {params.where:q}"
        " --order {params.order:q} --output-csv {output.csv} --output-json {output.json} > {log.job} 2>&1"
