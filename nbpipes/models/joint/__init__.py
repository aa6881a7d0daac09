"""Models that read texts and something else."""
