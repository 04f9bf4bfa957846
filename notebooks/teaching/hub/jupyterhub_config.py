"""A JupyterHub for one machine and its owner: what try_hub.py starts. No hub for a class.

It listens on loopback alone, and all servers run as the user who started it, each in a home of its
own: whoever logs in is that user. So there is one password, made anew at each start.
"""

import os
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).resolve().parents[3]))

import start

c = get_config()  # type: ignore[name-defined]  # noqa: F821
folder = os.environ["COURSE_HUB_FOLDER"]
public, inner, routes = os.environ["COURSE_HUB_PORTS"].split(",")

c.JupyterHub.bind_url = f"http://127.0.0.1:{public}"
c.JupyterHub.hub_bind_url = f"http://127.0.0.1:{inner}"
c.ConfigurableHTTPProxy.command = [os.environ["COURSE_HUB_PROXY"]]
c.ConfigurableHTTPProxy.api_url = f"http://127.0.0.1:{routes}"
c.ConfigurableHTTPProxy.pid_file = f"{folder}/proxy.pid"
c.JupyterHub.db_url = f"sqlite:///{folder}/hub.sqlite"
c.JupyterHub.cookie_secret_file = f"{folder}/cookie_secret"

# A dummy that takes any name, with one password for all.
c.JupyterHub.authenticator_class = "shared-password"
c.SharedPasswordAuthenticator.user_password = os.environ["COURSE_HUB_PASSWORD"]
c.Authenticator.allow_all = True

c.JupyterHub.spawner_class = "simple"
c.SimpleLocalProcessSpawner.home_dir_template = f"{folder}/homes/{{username}}"
c.Spawner.cmd = [sys.executable, "-m", "jupyterhub.singleuser"]
c.Spawner.default_url = "/lab"
# One thread a kernel: two students on two cores would wait for each other on several.
c.Spawner.environment = {"OMP_NUM_THREADS": "1", "PYTHONUTF8": "1"}
c.Spawner.start_timeout = c.Spawner.http_timeout = 120  # eight may start at once
# As start.py has it, but for where to listen: that the hub says.
c.Spawner.args = [word for word in start.lab_settings() if not word.startswith("--ServerApp.ip=")]
