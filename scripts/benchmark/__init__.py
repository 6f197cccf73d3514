"""The benchmark: what relaying costs, beside nginx that forwards the same bytes.

It runs as several processes, so that none is measured along with another:

* the upstream (``upstream.py``) sends Coze's event stream,
* the subject stands between: nothing, nginx or cozeproxy (``subjects.py``),
* the load (``load.py``) asks, times and checks what comes,
* the main program (``__main__.py``) has them take turns and puts the figures together.

The CPU time of a dripped token is taken while all streams are under way, without their beginnings
and ends. "Added" is a percentile less the same percentile with nothing between, in the same round.
Time to first token is that of one more kept connection, beside the dripped streams, from its second
request on.

Copies of the service that are compared with one of them run wherever there is room, as does nginx
in front of them; both ends keep their core.
"""
