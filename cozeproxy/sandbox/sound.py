"""Sounds in Coze's formats, made here: short, real, and dull.

What is not compressed is a tone; what is compressed is silence, which needs no encoder.
"""

import io
import itertools
import struct
import wave

# Hertz, and how far a 16-bit sample goes from zero.
PITCH, AMPLITUDE = 440, 8000
# 64 kbit/s, a rate that all versions of MP3 have.
BITRATE = 64_000
# By the sample rate: the head of a frame, without CRC and mono, and how many samples it holds;
# MPEG-1 (ISO/IEC 11172-3, 2.4.2.3), MPEG-2 (13818-3), and 2.5, which no standard has.
FRAMES = {
    48000: (b"\xff\xfb\x54\xc4", 1152),
    44100: (b"\xff\xfb\x50\xc4", 1152),
    32000: (b"\xff\xfb\x58\xc4", 1152),
    24000: (b"\xff\xf3\x84\xc4", 576),
    22050: (b"\xff\xf3\x80\xc4", 576),
    16000: (b"\xff\xf3\x88\xc4", 576),
    8000: (b"\xff\xe3\x88\xc4", 576),
}
# 20 ms of silence: a CELT packet (RFC 6716, 3.1); Opus counts in samples of 48 kHz.
SILENT_PACKET, PACKET_SAMPLES = b"\xf8\xff\xfe", 960
# A page takes no more packets (RFC 3533, 6).
MOST_SEGMENTS = 255


def pcm(seconds: float, rate: int) -> bytes:
    """Return samples: 16 bits, little-endian, mono."""
    period = [AMPLITUDE if 2 * i < rate // PITCH else -AMPLITUDE for i in range(rate // PITCH)]
    samples = itertools.islice(itertools.cycle(period), round(seconds * rate))
    return struct.pack(f"<{round(seconds * rate)}h", *samples)


def wav(seconds: float, rate: int) -> bytes:
    """Return a WAV file of these samples."""
    out = io.BytesIO()
    with wave.open(out, "wb") as file:
        file.setnchannels(1)
        file.setsampwidth(2)
        file.setframerate(rate)
        file.writeframes(pcm(seconds, rate))
    return out.getvalue()


def mp3(seconds: float, rate: int) -> bytes:
    """Return MP3 frames; one whose side information is all zeros is silence."""
    head, samples = FRAMES[rate]
    frame = head + bytes(samples // 8 * BITRATE // rate - len(head))
    return frame * max(1, round(seconds * rate / samples))


def ogg_opus(seconds: float, rate: int) -> bytes:
    """Return an Ogg file with Opus in it (RFC 7845)."""
    packets = max(1, round(seconds * 50))
    head = struct.pack("<8sBBHIHB", b"OpusHead", 1, 1, 0, rate, 0, 0)
    tags = struct.pack("<8sI7sI", b"OpusTags", 7, b"sandbox", 0)
    pages = [_page(0, 0, [head], begins=True), _page(1, 0, [tags])]
    for number, first in enumerate(range(0, packets, MOST_SEGMENTS), 2):
        last = min(first + MOST_SEGMENTS, packets)
        samples = last * PACKET_SAMPLES
        held = [SILENT_PACKET] * (last - first)
        pages.append(_page(number, samples, held, ends=last == packets))
    return b"".join(pages)


# By the names that Coze has for them, with the types of content that they are sent as.
FORMATS = {
    "mp3": (mp3, "audio/mpeg"),
    "wav": (wav, "audio/wav"),
    "pcm": (pcm, "audio/pcm"),
    "ogg_opus": (ogg_opus, "audio/ogg"),
}


def _page(
    number: int, samples: int, packets: list[bytes], *, begins: bool = False, ends: bool = False
) -> bytes:
    """Return a page of Ogg; its packets are shorter than 255 bytes."""
    lengths = bytes(map(len, packets))
    kind = 2 * begins + 4 * ends
    head = struct.pack("<4sBBqIII", b"OggS", 0, kind, samples, 1, number, 0)
    page = head + bytes([len(lengths)]) + lengths + b"".join(packets)
    return page[:22] + struct.pack("<I", _checksum(page)) + page[26:]


def _checksum(page: bytes) -> int:
    """Return Ogg's CRC: zlib's polynomial with the bits the other way round (RFC 3533, 6)."""
    value = 0
    for byte in page:
        value ^= byte << 24
        for _ in range(8):
            value = (value << 1) ^ (0x104C11DB7 if value & 0x80000000 else 0)
    return value
