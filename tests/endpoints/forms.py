"""Forms, written out by hand."""

KIND = "multipart/form-data; boundary=x"


def form(*parts):
    """A form, from the lines of the heads of its parts and what is in them."""
    body = b"".join(
        b"--x\r\n%s\r\n\r\n%s\r\n" % (head.encode(), content) for head, content in parts
    )
    return body + b"--x--\r\n"


def file_part(content, name="a.png", field="file"):
    return f'Content-Disposition: form-data; name="{field}"; filename="{name}"', content


def field_part(name, value):
    return f'Content-Disposition: form-data; name="{name}"', value.encode()
