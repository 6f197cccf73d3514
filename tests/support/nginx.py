"""nginx as Debian has it, with a configuration that a test gives."""

import signal
import subprocess

from tests.support.programs import program

# What an image of nginx has around the files of conf.d, with nothing outside of one folder.
MAIN = """\
daemon off;
master_process {master};
worker_processes 1;
worker_shutdown_timeout 1s;
pid {folder}/nginx.pid;
error_log stderr;
events {{ worker_connections 4096; }}
http {{
    access_log off;
    client_body_temp_path {folder}/body;
    proxy_temp_path {folder}/proxy;
    fastcgi_temp_path {folder}/fastcgi;
    uwsgi_temp_path {folder}/uwsgi;
    scgi_temp_path {folder}/scgi;
    include {folder}/conf.d/*.conf;
}}
"""


class Nginx:
    """Runs nginx with one file of conf.d; ended with the ``with`` block."""

    def __init__(self, folder, configuration, *, master=False):
        (folder / "conf.d").mkdir()
        (folder / "conf.d" / "default.conf").write_text(configuration)
        (folder / "nginx.conf").write_text(
            MAIN.format(folder=folder, master="on" if master else "off")
        )
        command = [program("nginx"), "-p", folder, "-c", folder / "nginx.conf", "-e", "stderr"]
        self._process = subprocess.Popen(
            [str(part) for part in command], stdin=subprocess.DEVNULL, stderr=subprocess.DEVNULL
        )

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.stop()

    @property
    def is_running(self):
        return self._process.poll() is None

    def reload(self):
        """Have it begin anew as an administrator would: what is open is let go on for a second."""
        self._process.send_signal(signal.SIGHUP)

    def stop(self):
        """End it, and all of its connections."""
        self._process.terminate()
        self._process.wait()
