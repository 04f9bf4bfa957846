"""Integrals, Gaussian algebra and logs of means: what the exact worlds compute with."""
