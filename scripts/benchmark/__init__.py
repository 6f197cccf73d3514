"""The benchmark: what relaying costs, beside nginx that forwards the same bytes.

It runs as several processes, so that none is measured along with another:

* the upstream (``upstream.py``) sends Coze's event stream,
* the subject stands between: nothing, nginx or cozeproxy (``subjects.py``),
* the load (``load.py``) asks, times and checks what comes,
* the main program (``__main__.py``) has them take turns and puts the figures together.
"""
