"""Translates between Smithy's RPC v2 in CBOR, which newer SDKs use for CloudWatch, and the JSON protocol that moto
supports.

Source: Smithy RPC v2 CBOR protocol (smithy.io); RFC 8949. Requests are parsed with botocore's own parser.
"""

import io
import json
import re
import struct
from datetime import datetime

from botocore.parsers import RpcV2CBORParser

TIMES = ("Timestamps",)  # members of an answer that are times


def operation(path):
    """Returns `SERVICE.OPERATION` from a request's path if it uses this protocol."""
    found = re.fullmatch(r"/service/(\w+)/operation/(\w+)", path)
    return f"{found[1]}.{found[2]}" if found else None


def as_json(body):
    parsed = RpcV2CBORParser().parse_data_item(io.BufferedReader(io.BytesIO(body)))
    return json.dumps(parsed, default=lambda value: value.timestamp() if isinstance(value, datetime) else value.decode())


def of_json(body):
    return encoded(json.loads(body or b"{}"))


def head(kind, number):
    if number < 24:
        return bytes([kind << 5 | number])
    return bytes([kind << 5 | 27]) + struct.pack(">Q", number)


def encoded(value, name=None):
    if isinstance(value, dict):
        members = (encoded(key) + encoded(member, key) for key, member in value.items() if member is not None)
        members = list(members)
        return head(5, len(members)) + b"".join(members)
    if isinstance(value, list):
        return head(4, len(value)) + b"".join(encoded(item, name) for item in value)
    if isinstance(value, str):
        text = value.encode()
        return head(3, len(text)) + text
    if isinstance(value, bool):
        return b"\xf5" if value else b"\xf4"
    number = b"\xfb" + struct.pack(">d", value)
    return b"\xc1" + number if name in TIMES else number
