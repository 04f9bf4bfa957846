"""What is best in an exact world, in closed form: pPCA, best fits, thresholds, slopes."""
