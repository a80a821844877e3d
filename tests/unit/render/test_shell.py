"""What is pasted runs exactly the words of the command, through a real POSIX shell."""

import json
import subprocess

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kubectl_portcheck.render.shell import shell_form, shell_lines, shell_quote
from tests.unit.render.builders import retarget

WORDS = st.text(
    st.one_of(
        st.sampled_from("ab01 %\\'\"\n\x1b!$`\u202e\x7f\r\té*~=,{}[]\udc80;#&|<>()?-"),
        st.characters(exclude_characters="\0", exclude_categories=["Cs"]),
    ),
    max_size=40,
)
ARGV = st.lists(WORDS, min_size=1, max_size=4)


def run(command: str) -> list[bytes]:
    done = subprocess.run(
        ["/bin/sh"],
        input=command.encode("utf-8", "surrogateescape"),
        capture_output=True,
        check=True,
        timeout=20,
    )
    assert done.stderr == b""
    return done.stdout.split(b"\0")[:-1]


@given(ARGV, st.integers(24, 90))
@settings(max_examples=80)
def test_the_shell_gets_the_very_words(words: list[str], width: int) -> None:
    argv = ["printf", "%s\\0", *words]
    wanted = [w.encode("utf-8", "surrogateescape") for w in words]
    # Three forms in one shell, since starting it is what takes the time.
    forms = [
        shell_quote(argv),
        shell_quote(argv, ascii_only=True),
        "\n".join(shell_lines(argv, width)),
    ]
    assert run("\n".join(forms)) == wanted * 3
    assert forms[1].isascii()
    for form in forms:
        assert not [c for c in form if c != "\n" and not c.isprintable() and not c.isspace()]


@pytest.mark.parametrize(
    ("argv", "shell"),
    [
        (["kubectl", "get", "pods", "-l", "app=x,tier=y"], "kubectl get pods -l app=x,tier=y"),
        (["kubectl", ""], "kubectl ''"),
        (["kubectl", "it's"], """kubectl 'it'"'"'s'"""),
        (["kubectl", "a b", "$(rm -rf ~)"], "kubectl 'a b' '$(rm -rf ~)'"),
        (["kubectl", "=ls", "a!b"], "kubectl '=ls' 'a!b'"),
        (["kubectl", "\x1b[2J"], """kubectl "$(printf '\\033')"'[2J'"""),
        (["A=b", "time"], "'A=b' time"),
        (["time"], "'time'"),
    ],
)
def test_quoting(argv: list[str], shell: str) -> None:
    assert shell_quote(argv) == shell


def test_what_no_shell_can_pass_on_has_no_form() -> None:
    assert shell_form(["kubectl", "a\0b"]) is None
    assert shell_form(["kubectl", "\ud800"]) is None
    assert shell_form(None) is None
    assert shell_form(()) is None


def test_the_fix_pastes_as_one_command_at_80_columns() -> None:
    command = retarget().command
    assert command is not None
    lines = shell_lines(("printf", "%s\\0", *command), 80)
    assert max(map(len, lines)) <= 80
    assert len(lines) > 2
    assert all(row.endswith("\\") for row in lines[:-1])
    assert not any(row.startswith(" ") for row in lines)
    words = run("\n".join(lines))
    assert words == [w.encode() for w in command]
    assert json.loads(words[-1])[-1]["value"] == 9000


def test_a_patch_is_cut_between_its_operations() -> None:
    command = retarget().command
    assert command is not None
    assert shell_lines(command, 80) == [
        "kubectl patch service checkout -n production --type=json -p \\",
        """'[{"op":"test","path":"/spec/ports/0/port","value":80},'\\""",
        """'{"op":"test","path":"/spec/ports/0/targetPort","value":8080},'\\""",
        """'{"op":"replace","path":"/spec/ports/0/targetPort","value":9000}]'""",
    ]
