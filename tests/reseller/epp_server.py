"""An EPP server that shares nothing with the program: TLS, frames and XML by Python's own library.

It greets as RFC 5730 shows it, and answers with the recorded frames of the samples. A line of its output
is its port, then what it was asked. What it is asked must be well formed to the letter.
"""

import pathlib
import re
import socket
import ssl
import struct
import sys
import xml.etree.ElementTree as ET

folder, certificate, key, mode = sys.argv[1:]
EPP = "{urn:ietf:params:xml:ns:epp-1.0}"
GREETING = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><greeting>
<svID>Example EPP server epp.example.com</svID><svDate>2000-06-08T22:00:00.0Z</svDate>
<svcMenu><version>1.0</version><lang>en</lang><lang>fr</lang>
<objURI>urn:ietf:params:xml:ns:obj1</objURI>
<svcExtension><extURI>http://www.key-systems.net/epp/keysys-1.0</extURI></svcExtension></svcMenu>
<dcp><access><all/></access><statement><purpose><admin/><prov/></purpose>
<recipient><ours/><public/></recipient><retention><stated/></retention></statement></dcp>
</greeting></epp>"""
RESULT = """<?xml version="1.0" encoding="UTF-8" standalone="no"?>
<epp xmlns="urn:ietf:params:xml:ns:epp-1.0"><response><result code="%d"><msg>Done</msg></result>
<trID><clTRID>%s</clTRID><svTRID>54321-XYZ</svTRID></trID></response></epp>"""


def recorded(name, transaction):
    text = pathlib.Path(folder, name).read_text("utf-8")
    return re.sub(r"(<trID>\s*<clTRID>)[^<]*", lambda found: found[1] + transaction, text)


def frame(text):
    data = text.encode("utf-8")
    return struct.pack(">I", len(data) + 4) + data


def take(stream, count):
    data = b""
    while len(data) < count:
        more = stream.recv(count - len(data))
        if not more:
            raise EOFError
        data += more
    return data


def ask(stream):
    (length,) = struct.unpack(">I", take(stream, 4))
    root = ET.fromstring(take(stream, length - 4))
    assert root.tag == EPP + "epp", root.tag
    (child,) = root
    if child.tag == EPP + "hello":
        return "hello", ""
    assert child.tag == EPP + "command", child.tag
    command, transaction = child
    assert transaction.tag == EPP + "clTRID", transaction.tag
    assert 3 <= len(transaction.text) <= 64
    name = command.tag.removeprefix(EPP)
    if name == "login":
        order = [part.tag.removeprefix(EPP) for part in command]
        assert order == ["clID", "pw", "options", "svcs"], order
    if name == "poll":
        name = " ".join(["poll", command.get("op"), command.get("msgID", "")]).strip()
    return name, transaction.text


def send(stream, data):
    if mode == "bytewise":
        for at in range(len(data)):
            stream.sendall(data[at : at + 1])
    else:
        stream.sendall(data)


def broken(data):
    return {
        "short": struct.pack(">I", 3) + data[4:],
        "empty": struct.pack(">I", 4) + data[4:],
        "huge": struct.pack(">I", 0x7FFFFFFF) + data[4:],
        "more": struct.pack(">I", len(data) + 1) + data[4:],
        "cut": data[: len(data) // 2],
        "cut-length": data[:2],
    }.get(mode)


def talk(stream):
    if mode == "joined":
        # Greeting and response in one record, before anything was asked.
        stream.sendall(frame(GREETING) + frame(RESULT % (1000, "UNDEF")))
    else:
        send(stream, frame(GREETING))
    is_waiting = True
    while True:
        asked, transaction = ask(stream)
        print(asked, flush=True)
        if asked == "hello":
            send(stream, frame(GREETING))
        elif asked == "login":
            if mode != "joined":
                send(stream, frame(RESULT % (1000, transaction)))
        elif asked == "poll req" and is_waiting:
            data = frame(recorded("poll-contact-registration-notify.xml", transaction))
            if broken(data) is not None:
                stream.sendall(broken(data))
                return
            send(stream, data)
        elif asked == "poll req":
            send(stream, frame(recorded("poll-empty-1300.xml", transaction)))
        elif asked == "poll ack 81001":
            is_waiting = False
            send(stream, frame(recorded("poll-ack-response.xml", transaction)))
        elif asked == "logout":
            send(stream, frame(RESULT % (1500, transaction)))
            return
        else:
            send(stream, frame(RESULT % (2001, transaction)))


context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
context.load_cert_chain(certificate, key)
with socket.create_server(("127.0.0.1", 0)) as listener:
    print(listener.getsockname()[1], flush=True)
    raw, _ = listener.accept()
    with context.wrap_socket(raw, server_side=True) as stream:
        try:
            talk(stream)
        except EOFError:
            pass
