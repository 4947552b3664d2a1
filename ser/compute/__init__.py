"""What it is computed on: GPUs, Slurm, and what is changed of Snakemake."""
