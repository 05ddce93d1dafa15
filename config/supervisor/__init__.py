"""Keeps a handful of programs running under one process, and leaves none behind however that process ends.

Standard library only, and ignorant of Django: the test servers stand on it too.
"""

from config.supervisor.child import Child
from config.supervisor.process_group_guard import ProcessGroupGuard
from config.supervisor.program import Program, restart_delay
from config.supervisor.sessions import end_session, members
from config.supervisor.supervise import Supervisor

__all__ = ["Child", "ProcessGroupGuard", "Program", "Supervisor", "end_session", "members", "restart_delay"]
