"""Credentials that cannot be had: one failure for all requests that wait for them."""

import threading
import time
from concurrent.futures import ThreadPoolExecutor

import pytest

from kubectl_portcheck.client.credentials import Credentials
from kubectl_portcheck.client.deadline import Deadline
from kubectl_portcheck.client.errors import CredentialsError
from kubectl_portcheck.client.kubeconfig import User


def test_requests_that_wait_for_a_plugin_meet_its_failure_and_do_not_run_it_again() -> None:
    runs: list[float] = []
    begun = threading.Semaphore(0)

    def fail(deadline: Deadline, cancelled: threading.Event) -> tuple[str, float]:
        runs.append(time.monotonic())
        if len(runs) == 1:
            for _ in range(4):
                assert begun.acquire(timeout=60)
        raise CredentialsError("the plugin printed nothing")

    credentials = Credentials(User(), None, {}, fail)

    class Asking(Deadline):
        """It is asked how long to wait at the last moment before the wait begins."""

        def check(self, what: str) -> float:
            begun.release()
            return super().check(what)

    def ask() -> None:
        with pytest.raises(CredentialsError, match="printed nothing"):
            credentials.identity(Asking.after(60), threading.Event())

    with ThreadPoolExecutor(4) as pool:
        for one in [pool.submit(ask) for _ in range(4)]:
            one.result(60)
    assert len(runs) == 1
    ask()
    assert len(runs) == 2
