"""Small videos of codecs that the bundled FFmpeg decodes and cannot encode as needed.

    python tests/golden/make_formats.py

Needs PyAV and numpy. bframes.mp4: H.264 with B-frames, some of them referred to, and a key frame every two seconds.
hevc.mkv: HEVC. Both show a bar that moves a little with every frame, so that no two frames are alike.
"""

import pathlib

import av
import numpy as np

OUT = pathlib.Path(__file__).parents[2] / "vision-encoder/src/test/resources/golden"
WIDTH, HEIGHT, FPS = 192, 108, 25


def picture(number):
    x = np.arange(WIDTH)[None, :]
    y = np.arange(HEIGHT)[:, None]
    grey = 96 + 64 * np.sin(0.05 * x + 0.07 * y + 0.11 * number)
    image = np.repeat(grey[:, :, None], 3, axis=2)
    at = number * 2 % (WIDTH - 12)
    image[20:60, at : at + 12] = (230, 40, 40)
    return image.astype(np.uint8)


def write(name, codec, seconds, options):
    with av.open(str(OUT / name), "w") as container:
        stream = container.add_stream(codec, rate=FPS, options=options)
        stream.width, stream.height, stream.pix_fmt = WIDTH, HEIGHT, "yuv420p"
        for number in range(seconds * FPS):
            frame = av.VideoFrame.from_ndarray(picture(number), format="rgb24")
            container.mux(stream.encode(frame))
        container.mux(stream.encode())
    print(name, (OUT / name).stat().st_size, "bytes")


OUT.mkdir(parents=True, exist_ok=True)
write("bframes.mp4", "libx264", 8, {"crf": "30", "g": "50", "bf": "3", "x264-params": "b-pyramid=normal:scenecut=0:threads=1"})
write("hevc.mkv", "libx265", 2, {"crf": "32", "x265-params": "log-level=error:pools=1"})
