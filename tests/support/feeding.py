"""Feeding a stream three ways: whole, byte by byte, and cut in two at every place."""


def cuts(data):
    """Every way of cutting that a stream is tested with."""
    yield [data]
    yield [data[i : i + 1] for i in range(len(data))]
    for i in range(1, len(data)):
        yield [data[:i], data[i:]]


def feed(stream, pieces):
    """What a stream gives for these pieces and the end after them."""
    return b"".join([*(stream.receive_data(piece) for piece in pieces), stream.receive_eof()])
