#!/usr/bin/env python3
"""Makes talk.mp4, report.pdf and scan.pdf in this directory.

Needs Python with Pillow, numpy and reportlab, ffmpeg, the DejaVu fonts, and two recordings (see NOTICE):

    ./make_samples.py --librivox /usr/share/pocketsphinx/test/data/librivox --kennedy jfk.wav

The first is a directory of Debian's pocketsphinx-testdata; the second is the 11 seconds of the inaugural address that
whisper.cpp carries among its samples. Everything is drawn from fixed seeds: the same inputs give the same pictures.
"""

import argparse
import subprocess
import tempfile
import wave
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFilter, ImageFont
from reportlab.lib.pagesizes import A4
from reportlab.lib.styles import ParagraphStyle
from reportlab.lib.units import mm
from reportlab.pdfgen import canvas
from reportlab.platypus import Paragraph

HERE = Path(__file__).resolve().parent
FONTS = Path("/usr/share/fonts/truetype/dejavu")
RATE = 16000
SIZE = (1280, 720)

# Seconds of silence before each recording, slide by slide: (title, lines, [(lead-in, recording), ...], tail).
LIBRIVOX = "sense_and_sensibility_01_austen_64kb-%s.wav"
SLIDES = [
    ("An Evening of Old Recordings",
     ["Skerrow Light Museum, reading number 14", "Saturday 8 February 2025", "Host: Beatrix Nowak"], [], 7.0),
    ("Reading one: Sense and Sensibility",
     ["A novel by Jane Austen", "First published in 1811", "Read by a volunteer of LibriVox"],
     [(1.2, LIBRIVOX % "0870")], 1.2),
    ("The young man",
     ["His name is John Dashwood", "He has one son, called Harry", "His house is Norland Park"],
     [(1.2, LIBRIVOX % "0880"), (0.8, LIBRIVOX % "0890")], 1.2),
    ("His marriage",
     ["His wife is called Fanny", "She brought him a large fortune"],
     [(1.2, LIBRIVOX % "0920"), (0.8, LIBRIVOX % "0930")], 1.2),
    ("Reading two: an inaugural address",
     ["The speaker is John F. Kennedy", "Washington, 20 January 1961", "Recorded on magnetic tape"],
     [(1.5, "kennedy")], 1.5),
    ("About the archive",
     ["The archive keeps 312 recordings", "The oldest is a wax cylinder from 1904", "Archivist: Felix Amundsen"],
     [], 7.0),
    ("The next evening",
     ["Friday 14 March 2025 at 19:30", "The lamp room has 84 seats", "A ticket costs 6 euros"], [], 7.0),
]


def font(name, size):
    return ImageFont.truetype(str(FONTS / name), size)


def read_wave(path):
    """A mono 16 kHz recording as float32 in [-1, 1]."""
    with wave.open(str(path)) as source:
        if (source.getframerate(), source.getnchannels(), source.getsampwidth()) != (RATE, 1, 2):
            raise SystemExit(f"{path}: expected 16 kHz, mono, 16 bit")
        samples = np.frombuffer(source.readframes(source.getnframes()), dtype="<i2")
    return samples.astype(np.float32) / 32768


def slide(number, title, lines):
    image = Image.new("RGB", SIZE, "#f4f1ea")
    draw = ImageDraw.Draw(image)
    draw.rectangle((0, 0, SIZE[0], 120), fill="#1d3b53")
    draw.text((60, 32), title, font=font("DejaVuSans-Bold.ttf", 46), fill="white")
    for index, line in enumerate(lines):
        draw.text((90, 210 + index * 105), line, font=font("DejaVuSans.ttf", 44), fill="#222222")
    draw.text((1170, 660), f"{number} / {len(SLIDES)}", font=font("DejaVuSans.ttf", 26), fill="#777777")
    return image


def make_talk(librivox, kennedy):
    track, timeline, clock = [], [], 0.0
    with tempfile.TemporaryDirectory() as scratch:
        scratch = Path(scratch)
        concat = []
        for number, (title, lines, speech, tail) in enumerate(SLIDES, 1):
            start = clock
            for lead, name in speech:
                samples = read_wave(kennedy if name == "kennedy" else librivox / name)
                samples = samples * (0.5 / np.abs(samples).max())
                track += [np.zeros(int(lead * RATE), np.float32), samples]
                clock += int(lead * RATE) / RATE + len(samples) / RATE
            # Whole frames at 10 a second, so that sound and slides stay together.
            end = np.ceil((clock + tail) * 10) / 10
            track.append(np.zeros(int(round((end - clock) * RATE)), np.float32))
            clock = end
            picture = scratch / f"{number}.png"
            slide(number, title, lines).save(picture)
            concat += [f"file '{picture}'", f"duration {end - start:.3f}"]
            timeline.append((start, end, title))
        concat.append(f"file '{picture}'")
        (scratch / "slides.txt").write_text("\n".join(concat) + "\n")
        sound = np.concatenate(track)
        with wave.open(str(scratch / "talk.wav"), "wb") as target:
            target.setnchannels(1)
            target.setsampwidth(2)
            target.setframerate(RATE)
            target.writeframes((sound * 32767).astype("<i2").tobytes())
        subprocess.run(
            ["ffmpeg", "-v", "error", "-y", "-f", "concat", "-safe", "0", "-i", scratch / "slides.txt",
             "-i", scratch / "talk.wav", "-vf", "fps=10,format=yuv420p", "-c:v", "libx264", "-preset", "slow",
             "-crf", "26", "-g", "50", "-c:a", "aac", "-b:a", "64k", "-ar", "16000", "-t", f"{clock:.3f}",
             "-map_metadata", "-1", "-fflags", "+bitexact", "-movflags", "+faststart", HERE / "talk.mp4"],
            check=True)
    for start, end, title in timeline:
        print(f"{start:6.1f} - {end:5.1f} s  {title}")


def make_report():
    heading = ParagraphStyle("heading", fontName="Helvetica-Bold", fontSize=20, leading=26, spaceAfter=6 * mm)
    body = ParagraphStyle("body", fontName="Helvetica", fontSize=12, leading=18, spaceAfter=4 * mm)
    pages = (HERE / "report.txt").read_text().split("# ")[1:]
    pdf = canvas.Canvas(str(HERE / "report.pdf"), pagesize=A4, invariant=1)
    pdf.setTitle("Skerrow Light: Annual Report")
    pdf.setAuthor("Skerrow Light Trust")
    for number, page in enumerate(pages, 1):
        title, _, rest = page.partition("\n")
        top = A4[1] - 30 * mm
        for text, style in [(title, heading)] + [(p, body) for p in rest.strip().split("\n\n")]:
            paragraph = Paragraph(" ".join(text.split()), style)
            _, height = paragraph.wrap(A4[0] - 50 * mm, top)
            paragraph.drawOn(pdf, 25 * mm, top - height)
            top -= height + style.spaceAfter
        pdf.setFont("Helvetica", 9)
        pdf.drawCentredString(A4[0] / 2, 15 * mm, str(number))
        pdf.showPage()
    pdf.save()
    print(f"report.pdf: {len(pages)} pages")


def make_scan():
    """A typed notice as a flat-bed scanner gives it: 150 dpi, slightly turned, noisy, no text layer."""
    width, height = 1240, 1754
    paper = Image.new("L", (width, height), 246)
    draw = ImageDraw.Draw(paper)
    y = 190
    for index, line in enumerate((HERE / "scan.txt").read_text().splitlines()):
        face = font("DejaVuSerif-Bold.ttf", 44) if index < 2 else font("DejaVuSerif.ttf", 38)
        draw.text((140, y), line, font=face, fill=40)
        y += 78 if line else 46
    draw.rectangle((90, 120, width - 90, y + 50), outline=70, width=3)
    turned = paper.rotate(0.8, resample=Image.BICUBIC, fillcolor=246).filter(ImageFilter.GaussianBlur(0.7))
    noise = np.random.default_rng(47).normal(0, 7, (height, width))
    shade = np.linspace(0, -14, width)[None, :]
    scanned = np.clip(np.asarray(turned, np.float32) + noise + shade, 0, 255).astype(np.uint8)
    with tempfile.NamedTemporaryFile(suffix=".jpg") as picture:
        Image.fromarray(scanned).save(picture.name, quality=55)
        pdf = canvas.Canvas(str(HERE / "scan.pdf"), pagesize=A4, invariant=1)
        pdf.setTitle("Notice to Mariners")
        pdf.drawImage(picture.name, 0, 0, width=A4[0], height=A4[1])
        pdf.showPage()
        pdf.save()
    print("scan.pdf: 1 page")


if __name__ == "__main__":
    options = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    options.add_argument("--librivox", type=Path, required=True)
    options.add_argument("--kennedy", type=Path, required=True)
    arguments = options.parse_args()
    make_talk(arguments.librivox, arguments.kennedy)
    make_report()
    make_scan()
