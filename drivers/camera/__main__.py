"""`python -m drivers.camera`: the driver on stdio."""

from drivers.camera.driver import CameraDriver
from drivers.runner import run

if __name__ == "__main__":
    run(CameraDriver)
