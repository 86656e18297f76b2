"""What the API answers. Every answer is made from what the user may read, and from nothing else."""
