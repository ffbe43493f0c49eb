"""The plugins that the tests share, and what a run begins with."""

import os
import signal

from hypothesis import HealthCheck, settings

pytest_plugins = [
    "support.cloud", "support.clusters", "support.debian", "support.small_servers", "support.tidiness",
    "support.web",
]  # fmt: skip


# How long an example takes says how busy the machine is: no test of a format fails by that.
settings.register_profile("imgtool", deadline=None, suppress_health_check=[HealthCheck.too_slow])
settings.load_profile("imgtool")


def pytest_configure() -> None:
    os.environ["IMGTOOL_CONFIG"] = os.devnull  # whoever runs the tests may have a configuration file
    """What is started behind a script ignores ^C, and so would all that the tests start, and send ^C to."""
    for number, handler in (
        (signal.SIGINT, signal.default_int_handler),
        (signal.SIGTERM, signal.SIG_DFL),
        (signal.SIGHUP, signal.SIG_DFL),
    ):
        if signal.getsignal(number) is signal.SIG_IGN:
            signal.signal(number, handler)
