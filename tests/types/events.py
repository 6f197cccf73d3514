"""Events of workflows, written out by hand so that nothing under test has a part in them."""

import json


def event(name, data):
    """An event in the line format of stream_run: an id, and a space after each colon."""
    return f"id: 0\nevent: {name}\ndata: {json.dumps(data)}\n\n".encode()


def message(text, *, title="Message", last=False):
    """A piece of what a node says."""
    return event(
        "Message",
        {"content": text, "node_is_finish": last, "node_seq_id": "0", "node_title": title},
    )


def interrupt(title):
    """What stops a run until it is resumed."""
    data = {"event_id": "73/74", "type": 2, "data": "", "required_parameters": {}}
    return event("Interrupt", {"interrupt_data": data, "node_title": title})
