"""Messages of a broker as a source: `RedisStream` for Redis, `Queue` for any other behind the Protocol `Broker`.

See docs/how-to/read-a-redis-stream.md.
"""

from integrations.streams.broker import Broker, Message, Missed, Misses, Peeks
from integrations.streams.queue import Queue
from integrations.streams.redis_stream import RedisStream

__all__ = ["Broker", "Message", "Missed", "Misses", "Peeks", "Queue", "RedisStream"]
