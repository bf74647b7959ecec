"""Writes documents/en/plant-care.pdf: a small PDF of two pages, by hand, with text in Helvetica."""

from pathlib import Path

PAGES = [
    [
        "Plant care",
        "",
        "Watering",
        "",
        "Most houseplants want water when the upper two centimetres of soil are",
        "dry. Pour until water runs out below, and empty the saucer after half an",
        "hour. In winter once a fortnight is enough.",
        "",
        "Light",
        "",
        "Put ferns and calatheas at a north or east window. Succulents and citrus",
        "trees need a south window or at least six hours of sun.",
        "",
    ],
    [
        "Yellow leaves",
        "",
        "Yellow leaves at the bottom usually mean too much water. Let the soil dry",
        "out and check the roots: brown and soft roots have to be cut off.",
        "",
        "Repotting",
        "",
        "Repot in spring, every second year, into fresh soil without peat. Do not",
        "feed for six weeks afterwards, because new soil holds enough nutri-",
        "ents.",
        "",
        "Pests",
        "",
        "Rinse aphids off with lukewarm water. Against spider mites raise the",
        "humidity; against fungus gnats let the soil dry and use yellow traps.",
    ],
]


def content(lines):
    escaped = [line.replace("\\", r"\\").replace("(", r"\(").replace(")", r"\)") for line in lines]
    shown = "\n".join(f"({line}) Tj T*" for line in escaped)
    return f"BT /F1 11 Tf 72 770 Td 16 TL\n{shown}\nET".encode("latin-1")


def pdf():
    objects = [b"<< /Type /Catalog /Pages 2 0 R >>"]
    kids = " ".join(f"{4 + 2 * i} 0 R" for i in range(len(PAGES)))
    objects.append(f"<< /Type /Pages /Kids [{kids}] /Count {len(PAGES)} >>".encode())
    objects.append(b"<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica /Encoding /WinAnsiEncoding >>")
    for i, lines in enumerate(PAGES):
        resources = "/Resources << /Font << /F1 3 0 R >> >>"
        objects.append(
            f"<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] {resources} /Contents {5 + 2 * i} 0 R >>".encode()
        )
        stream = content(lines)
        objects.append(b"<< /Length %d >>\nstream\n%s\nendstream" % (len(stream), stream))
    out = bytearray(b"%PDF-1.4\n")
    places = []
    for number, body in enumerate(objects, 1):
        places.append(len(out))
        out += b"%d 0 obj\n%s\nendobj\n" % (number, body)
    start = len(out)
    out += b"xref\n0 %d\n0000000000 65535 f \n" % (len(objects) + 1)
    for place in places:
        out += b"%010d 00000 n \n" % place
    out += b"trailer\n<< /Size %d /Root 1 0 R >>\nstartxref\n%d\n%%%%EOF\n" % (len(objects) + 1, start)
    return bytes(out)


if __name__ == "__main__":
    Path(__file__).with_name("documents").joinpath("en", "plant-care.pdf").write_bytes(pdf())
