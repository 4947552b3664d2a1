"""What jobs are computed on: GPUs, Slurm, and what is changed in Snakemake."""
