# The course in a container: its JupyterLab on port 8888, as a user who is not root.
#
#   docker build --tag hvae-course .
#   docker run --rm --interactive --tty --publish 127.0.0.1:8888:8888 hvae-course
#
# notebooks/teaching/hub/README.md says how to keep what was written, and how a hub uses the image.

# What a student's machine is without the course: .devcontainer has this much, and adds its own.
FROM python:3.11-slim AS machine
# git: nbgitpuller, which brings a class's notebooks, runs it; any version will do.
# hadolint ignore=DL3008
RUN apt-get update \
    && apt-get install --yes --no-install-recommends git \
    && rm -rf /var/lib/apt/lists/*
RUN useradd --create-home --uid 1000 learner \
    && install --directory --owner learner /opt/course
# Greek letters in every terminal, and one thread a kernel: a hub's students share its cores.
ENV PYTHONUTF8=1 OMP_NUM_THREADS=1
USER 1000
WORKDIR /opt/course

FROM machine
COPY --chown=1000 . .
# start.py makes .venv and, where there is no GPU, takes PyTorch's build for the CPU.
RUN PIP_NO_CACHE_DIR=1 python start.py --version \
    && .venv/bin/python -m compileall -q course_lib
# So that a JupyterHub can start it for a student, set up as start.py sets up JupyterLab.
RUN .venv/bin/python -m pip install --no-cache-dir --constraint constraints.txt \
        --requirement notebooks/teaching/hub/requirements.txt \
    && .venv/bin/python notebooks/teaching/hub/equip_server.py .venv
ENV PATH=/opt/course/.venv/bin:$PATH
EXPOSE 8888
# All addresses: those of the container. `docker run` above lets only its own machine reach them.
CMD ["python", "start.py", "--no-browser", "--ServerApp.ip=0.0.0.0"]
