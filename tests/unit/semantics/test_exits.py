import pytest

from kubectl_portcheck.model.objects import StateTerminated
from kubectl_portcheck.semantics.exits import meaning


@pytest.mark.parametrize(
    ("code", "reason", "words"),
    [
        (0, "Completed", "ended without an error"),
        (1, "Error", ""),
        (78, "Error", ""),
        (126, "Error", "cannot be executed"),
        (127, "Error", "not found"),
        (128, "StartError", "could not start"),
        (137, "OOMKilled", "memory"),
        (1, "OOMKilled", "memory"),
        (137, "Error", "SIGKILL"),
        (139, "Error", "SIGSEGV"),
        (143, "Error", "SIGTERM"),
        (255, "Error", ""),
    ],
)
def test_what_an_exit_code_means(code: int, reason: str, words: str) -> None:
    said = meaning(StateTerminated(exit_code=code, reason=reason))
    assert (words in said) if words else said == ""
