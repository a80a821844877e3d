"""Who asks: kubectl for its plugin, or argcomplete for bash, zsh and fish."""

import contextlib
import os
from collections.abc import Callable, Mapping, Sequence
from threading import Thread
from typing import NoReturn

from kubectl_portcheck.commands.completion.answers import Answer, answer
from kubectl_portcheck.commands.completion.words import question

SECONDS = 1.3
"""After this time the shell gets what is known: nothing."""
NO_SPACE, NO_FILES = 2, 4
"""Directives of cobra: ``ShellCompDirectiveNoSpace`` and ``ShellCompDirectiveNoFileComp``."""


def for_kubectl(argv: Sequence[str], environ: Mapping[str, str]) -> str:
    """What kubectl's plugin completion reads: a word a line, and a directive at the end.

    ``argv`` are the words after ``kubectl portcheck``, the last of them being written. The form is
    that of kubectl's ``pkg/cmd/plugin/plugin_completion.go`` and of cobra's ``__complete``.
    """
    found = _in_time(argv, environ)
    lines = [f"{word}\t{about}" if about else word for word, about in found.words]
    if found.files:
        return ":0\n"
    return "\n".join([*lines, f":{NO_FILES + (NO_SPACE if found.open else 0)}"]) + "\n"


def answer_kubectl(argv: Sequence[str]) -> NoReturn:
    """Prints the answer and ends the process, whatever happens."""
    write = _undisturbed()
    try:
        write(for_kubectl(argv, os.environ))
    finally:
        os._exit(0)


def answer_argcomplete() -> None:
    """The same for argcomplete's scripts: bash, zsh and fish."""
    from argcomplete.finders import CompletionFinder

    from kubectl_portcheck import arguments

    class Finder(CompletionFinder):
        """argcomplete speaks to the shells; what may come next is known here."""

        def _get_completions(
            self,
            comp_words: list[str],
            cword_prefix: str,
            cword_prequote: str,
            last_wordbreak_pos: int | None,
        ) -> list[str]:
            words = comp_words[1:]
            if cword_prefix.startswith("-") and "=" in cword_prefix:
                words = words[:-1]  # argcomplete adds the flag of ``--flag=value``.
            found = _in_time([*words, cword_prefix], os.environ)
            self._display_completions = dict(found.words)
            listed = [w for w, _ in found.words] or (_files(cword_prefix) if found.files else [])
            return self.quote_completions(listed, cword_prequote, last_wordbreak_pos)

    Finder()(arguments.parser())


def script(shell: str) -> str:
    """What a user installs, with how to do so as its comment."""
    if shell == "kubectl":
        return _FOR_KUBECTL
    from argcomplete.shell_integration import shellcode

    how = {
        "bash": "source <(kubectl-portcheck --completion bash)",
        "zsh": "source <(kubectl-portcheck --completion zsh)   # after compinit",
        "fish": "kubectl-portcheck --completion fish | source",
    }
    head = (
        f"# Completes the command kubectl-portcheck in {shell}:\n#   {how[shell]}\n"
        "# For kubectl portcheck, with a blank, see kubectl portcheck --completion kubectl.\n"
    )
    code: str = shellcode(["kubectl-portcheck"], shell="fish" if shell == "fish" else "bash")
    first, _, rest = code.partition("\n")
    # zsh knows a completion file by its first line.
    return f"{first}\n{head}{rest}\n" if first.startswith("#compdef") else f"{head}{code}\n"


_FOR_KUBECTL = """\
#!/bin/sh
# kubectl (1.26 or newer) asks this program what may follow "kubectl portcheck" in any shell in
# which kubectl's own completion is set up. pip and pipx install it; with Krew, once:
#   dir="${KREW_ROOT:-$HOME/.krew}/bin"
#   kubectl portcheck --completion kubectl > "$dir/kubectl_complete-portcheck"
#   chmod +x "$dir/kubectl_complete-portcheck"
exec kubectl-portcheck __complete "$@"
"""


def _in_time(argv: Sequence[str], environ: Mapping[str, str]) -> Answer:
    """The answer, or an empty one where it takes too long or fails in whatever way."""
    found: list[Answer] = []
    # A name that cannot be resolved, or a credential plugin, may outlast every deadline.
    thread = Thread(target=_answer_into, args=(found, argv, environ), daemon=True)
    thread.start()
    thread.join(SECONDS)
    return found[0] if found else Answer()


def _answer_into(found: list[Answer], argv: Sequence[str], environ: Mapping[str, str]) -> None:
    # Whatever is wrong, a prompt can only use an empty answer.
    with contextlib.suppress(Exception):
        found.append(answer(question(argv[:-1], argv[-1] if argv else ""), environ))


def _undisturbed() -> Callable[[str], object]:
    """Where the answer goes, once nothing else can be printed or asked."""
    kept = os.fdopen(os.dup(1), "w", encoding="utf-8", errors="replace")
    silence = os.open(os.devnull, os.O_RDWR)
    for stream in (0, 1, 2):
        os.dup2(silence, stream)

    def write(text: str) -> None:
        kept.write(text)
        kept.flush()

    return write


def _files(prefix: str) -> list[str]:
    """The files that a word may become."""
    folder, _, start = prefix.rpartition("/")
    try:
        with os.scandir(f"{folder}/" if "/" in prefix else ".") as entries:
            lead = f"{folder}/" if "/" in prefix else ""
            return sorted(
                f"{lead}{e.name}{'/' if e.is_dir() else ''}"
                for e in entries
                if e.name.startswith(start) and (start or not e.name.startswith("."))
            )
    except OSError:
        return []
