"""Companion package of the course: every formula of the notebooks, proved independently.

Nothing is imported here, so that `import course_lib` costs nothing. Import what you use:
`from course_lib.distributions import DiagonalGaussian`.
"""
