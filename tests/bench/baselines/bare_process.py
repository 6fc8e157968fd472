"""Baseline of start, idle and stop: what the gateway's own foundations cost when they do nothing. One aiohttp server
on a unix socket, one SQLite file (WAL, FULL), one MQTT session.

    python -m tests.bench.baselines.bare_process FOLDER MQTT_PORT
"""

from __future__ import annotations

import asyncio
import signal
import sqlite3
import sys
from pathlib import Path

import paho.mqtt.client as mqtt
from aiohttp import web
from paho.mqtt.enums import CallbackAPIVersion


async def hello(_request: web.Request) -> web.Response:
    return web.json_response({"hello": "world"})


async def serve(folder: Path, mqtt_port: int) -> None:
    ended = asyncio.Event()
    asyncio.get_running_loop().add_signal_handler(signal.SIGTERM, ended.set)
    db = sqlite3.connect(folder / "bare.db", isolation_level=None)
    db.execute("PRAGMA journal_mode=WAL")
    db.execute("PRAGMA synchronous=FULL")
    db.execute("CREATE TABLE IF NOT EXISTS entry (seq INTEGER PRIMARY KEY, body BLOB NOT NULL)")
    client = mqtt.Client(CallbackAPIVersion.VERSION2, "bare", protocol=mqtt.MQTTv311)
    client.connect_async("127.0.0.1", mqtt_port, keepalive=60)
    client.loop_start()
    app = web.Application()
    app.router.add_get("/", hello)
    runner = web.AppRunner(app, handle_signals=False)
    await runner.setup()
    await web.UnixSite(runner, str(folder / "bare.sock")).start()
    await ended.wait()
    await runner.cleanup()
    client.disconnect()
    client.loop_stop()
    db.close()


if __name__ == "__main__":
    asyncio.run(serve(Path(sys.argv[1]), int(sys.argv[2])))
