"""The embedded broker as a program: amqtt on loopback, quiet, ends with its input. `python -m … PORT`."""

from __future__ import annotations

import asyncio
import json
import logging
import sys


async def serve(port: int) -> None:
    """Run until stdin ends."""
    from amqtt.broker import Broker
    from amqtt.contexts import BrokerConfig, ListenerConfig

    logging.disable(logging.ERROR)
    plugins = {"amqtt.plugins.authentication.AnonymousAuthPlugin": {"allow_anonymous": True}}
    config = BrokerConfig(listeners={"default": ListenerConfig(bind=f"127.0.0.1:{port}")}, plugins=plugins)
    broker = Broker(config)
    await broker.start()
    sys.stdout.write(json.dumps({"ready": {"port": port}}) + "\n")
    sys.stdout.flush()
    await asyncio.get_running_loop().run_in_executor(None, sys.stdin.read)
    await broker.shutdown()


if __name__ == "__main__":
    asyncio.run(serve(int(sys.argv[1])))
