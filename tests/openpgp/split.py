"""Takes mails apart as a mail reader does, for `gpg --verify`: MAILS OUT

For NAME.eml writes NAME.text and NAME.sig (multipart/signed), or NAME.asc (text with a block).
"""
import email
import pathlib
import re
import sys

mails, out = map(pathlib.Path, sys.argv[1:])
for path in sorted(mails.glob("*.eml")):
    raw = re.sub(rb"\r?\n", b"\r\n", path.read_bytes())
    mail = email.message_from_bytes(raw)
    signed = [part for part in mail.walk() if part.get_content_type() == "multipart/signed"]
    if signed:
        mark = b"--" + signed[0].get_boundary().encode()
        # A delimiter is a line of its own; what begins like one is not.
        pieces = re.split(rb"(?:\r\n|^)" + re.escape(mark) + rb"(?:--)?[ \t]*(?=\r\n|$)", raw, flags=re.M)
        text, signature = (piece.removeprefix(b"\r\n") for piece in pieces[1:3])
        (out / f"{path.stem}.text").write_bytes(text)
        (out / f"{path.stem}.sig").write_bytes(signature.split(b"\r\n\r\n", 1)[1])
        continue
    texts = [part.get_payload(decode=True) or b"" for part in mail.walk() if not part.is_multipart()]
    blocks = [text for text in texts if b"-----BEGIN PGP" in text]
    (out / f"{path.stem}.asc").write_bytes(blocks[0] if blocks else texts[0])
