"""OpenCV and its FFmpeg, made quiet and small before they are loaded."""

from __future__ import annotations

import os
from importlib import import_module

MAX_PIXELS = 1 << 25
"""A frame of more pixels is not decoded: a broken header must not ask for gigabytes of memory."""

_FFMPEG_OPTIONS = {
    # UDP loses packets, and half a frame holds no code.
    "rtsp_transport": "tcp",
    # Not twenty frames to find out their rate, which nobody asks for: an RTSP camera is open in 0.8 s instead of 2.9 s
    # (measured), and one that falls silent meanwhile is not taken for one that is open.
    "fpsprobesize": "0",
    # A camera's answer is data. Without these two lists it could be a playlist that makes FFmpeg
    # read local files or other hosts.
    "protocol_whitelist": "http,https,tls,tcp,udp,rtp,srtp,rtsp,file,crypto",
    "format_whitelist": "mpjpeg,mjpeg,jpeg_pipe,rtsp,rtp,sdp,avi,mov,matroska,mpegts,h264,hevc",
}


def prepare(timeout_ms: int) -> None:
    """Set what these libraries read from the environment. Call before the first `import cv2` or `numpy`."""
    os.environ.update(
        OPENCV_LOG_LEVEL="OFF",  # its messages hold the URL, password included
        OPENCV_FFMPEG_LOGLEVEL="-8",
        OPENCV_FFMPEG_CAPTURE_OPTIONS="|".join(f"{key};{value}" for key, value in _FFMPEG_OPTIONS.items()),
        OPENCV_IO_MAX_IMAGE_PIXELS=str(MAX_PIXELS),
        OPENCV_VIDEOIO_V4L_SELECT_TIMEOUT=str(max(1, round(timeout_ms / 1000))),  # whole seconds
        # One thread per core would only cost memory: there is one small picture at a time.
        OPENBLAS_NUM_THREADS="1",
        OMP_NUM_THREADS="1",
    )
    # A camera is on the local network: a proxy would only get to see its pictures.
    for name in ("http_proxy", "HTTP_PROXY", "https_proxy", "HTTPS_PROXY", "all_proxy", "ALL_PROXY"):
        os.environ.pop(name, None)


def load(timeout_ms: int) -> None:
    """Load OpenCV and the code reader. Raises `ImportError` when they are not installed."""
    prepare(timeout_ms)
    import cv2

    import_module("zxingcpp")  # now, so that what is missing is told at opening
    cv2.setNumThreads(1)
