#!/usr/bin/env python3
"""Makes the small media that the clients send: a picture, a recording, a clip and a page.

    pip install av pillow
    ./make_media.py

The recording and the clip are cut from ../../../samples/talk.mp4 (see NOTICE for its sources). The picture and the page
say things that stand nowhere else, so that a reader of them can be checked.
"""

import pathlib
from fractions import Fraction

import av
from PIL import Image, ImageDraw, ImageFont

HERE = pathlib.Path(__file__).resolve().parent
TALK = HERE.parents[2] / "samples" / "talk.mp4"
FONT = "/usr/share/fonts/truetype/dejavu/DejaVuSans.ttf"
START, END = 43.0, 47.0  # seconds of the talk: a slide about the speaker, and his voice


def picture() -> None:
    image = Image.new("RGB", (480, 160), "white")
    draw = ImageDraw.Draw(image)
    font = ImageFont.truetype(FONT, 40)
    draw.text((30, 25), "Platform 7", font=font, fill="black")
    draw.text((30, 85), "Train to Velmora", font=font, fill="black")
    image.quantize(16).save(HERE / "sign.png", optimize=True)


def page() -> None:
    lines = ["Harbour notice", "The harbour master is Ingrid Solberg.", "The crane lifts 40 tonnes."]
    text = "BT /F1 18 Tf 72 740 Td 28 TL " + " ".join(f"({line}) '" for line in lines) + " ET"
    objects = [
        "<< /Type /Catalog /Pages 2 0 R >>",
        "<< /Type /Pages /Kids [3 0 R] /Count 1 >>",
        "<< /Type /Page /Parent 2 0 R /MediaBox [0 0 595 842] /Contents 4 0 R"
        " /Resources << /Font << /F1 5 0 R >> >> >>",
        f"<< /Length {len(text)} >>\nstream\n{text}\nendstream",
        "<< /Type /Font /Subtype /Type1 /BaseFont /Helvetica >>",
    ]
    out, offsets = "%PDF-1.4\n", []
    for number, body in enumerate(objects, 1):
        offsets.append(len(out))
        out += f"{number} 0 obj\n{body}\nendobj\n"
    table = len(out)
    out += f"xref\n0 {len(objects) + 1}\n0000000000 65535 f \n" + "".join(f"{o:010} 00000 n \n" for o in offsets)
    out += f"trailer\n<< /Size {len(objects) + 1} /Root 1 0 R >>\nstartxref\n{table}\n%%EOF\n"
    (HERE / "notice.pdf").write_bytes(out.encode("ascii"))


def recording(name: str, video: bool) -> None:
    with av.open(str(TALK)) as source, av.open(str(HERE / name), "w") as target:
        sound = target.add_stream("aac" if video else "mp3", rate=16000, layout="mono")
        sound.bit_rate = 24000
        if video:
            frames = target.add_stream("libx264", rate=5)
            frames.width, frames.height, frames.pix_fmt = 640, 360, "yuv420p"
            frames.options = {"crf": "32", "preset": "slow"}
        resampler = av.AudioResampler(format=sound.format, layout="mono", rate=16000, frame_size=576 if not video else 1024)
        written = 0
        source.seek(int(START * av.time_base))
        for frame in source.decode(*(source.streams.video + source.streams.audio)):
            if not START <= frame.time < END:
                continue
            if isinstance(frame, av.AudioFrame):
                frame.pts = None
                for piece in resampler.resample(frame):
                    target.mux(sound.encode(piece))
            elif video and frame.time >= START + written / 5:
                small = frame.reformat(640, 360, "yuv420p")
                small.pts, small.time_base = written, Fraction(1, 5)
                target.mux(frames.encode(small))
                written += 1
        for piece in resampler.resample(None):
            target.mux(sound.encode(piece))
        target.mux(sound.encode(None))
        if video:
            target.mux(frames.encode(None))


if __name__ == "__main__":
    picture()
    page()
    recording("speech.mp3", video=False)
    recording("clip.mp4", video=True)
