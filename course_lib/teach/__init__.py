"""What a class needs besides the notebooks: slides made from their tagged cells (`slides`).

notebooks/teaching/README.md is the door for teachers.
"""
