"""What is best in an exact world: pPCA, best fits, thresholds, slopes.

Most have closed forms; the best Gaussian q and the best one-layer tanh model are found to rounding,
and the encoder of a chain by gradient ascent.
"""
