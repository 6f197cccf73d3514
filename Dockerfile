# The service alone: no tests, no tools, no settings. deploy/README.md says how it is run.
FROM python:3.13-slim

WORKDIR /app
# Before the code, so that a change of the code does not install anew.
COPY requirements.txt ./
RUN ["python", "-m", "pip", "install", "--no-cache-dir", "--disable-pip-version-check", "--root-user-action=ignore", "--requirement", "requirements.txt"]
COPY cozeproxy ./cozeproxy
# Whoever runs it may write nothing here.
RUN ["python", "-m", "compileall", "-q", "cozeproxy"]

# A number, as Kubernetes cannot tell of a name that it is not root's.
USER 10001:10001
ENV APP_ENV=production HOST=0.0.0.0 PORT=3000 PYTHONUNBUFFERED=1
EXPOSE 3000
# By hand, since urllib would ask through a proxy where one is set.
HEALTHCHECK --interval=30s --timeout=5s --start-period=10s --retries=3 \
    CMD ["python", "-c", "import http.client, os, sys; c = http.client.HTTPConnection('127.0.0.1', os.environ['PORT'], timeout=4); c.request('GET', '/health'); sys.exit(c.getresponse().status != 200)"]
# Process 1 itself, so that it gets the signal to stop.
CMD ["python", "-m", "cozeproxy", "serve"]
