"""The soak: very many streams, some of whose callers leave, and some of which fail at Coze.

* the upstream (``upstream.py``) answers as each request's text orders (``orders.py``),
* the subject (``subject.py``) is the service, as a process that tells what it holds,
* the load (``load.py``) asks, leaves, and judges what came,
* the main program (``__main__.py``) has it done twice, and compares what the subject holds.
"""
