"""What surrounds the report of a demo: its story, and the list of all of them."""

from collections.abc import Sequence

from kubectl_portcheck.render.layout import BLANK, Lines, Span, line, paragraph
from kubectl_portcheck.render.look import Look
from kubectl_portcheck.render.text import cells


def story_lines(happened: str, hard: str, others: int, look: Look) -> Lines:
    """What happened, what made it hard to see, and where the other demos are listed."""
    text = f"kubectl portcheck --demo list names {others} more"
    return [*_row("Story", happened, look), *_row("", hard, look), *_row("Demo", text, look), BLANK]


def _row(label: str, text: str, look: Look) -> Lines:
    if look.plain:
        return paragraph(f"{label}: {text}" if label else text, look)
    style = "" if label == "Story" else "dim"
    return paragraph(text, look, first=line(Span(f"  {label}".ljust(9), "label")), style=style)


def list_lines(stories: Sequence[tuple[str, str]], look: Look) -> Lines:
    """The demos by name, each with what happened: beside the name where each has room on its line,
    else on a line of its own."""
    width = max(cells(name) for name, _ in stories) + 2
    beside = all(width + cells(happened) <= look.columns for _, happened in stories)
    shown: Lines = []
    for name, happened in stories:
        if look.plain:
            shown += paragraph(f"{name}: {happened}", look)
        elif beside or look.wide:
            first = line(Span(name.ljust(width), "bold"))
            shown += paragraph(happened, look, first=first)
        else:
            shown.append(line(Span(name, "bold")))
            shown += paragraph(happened, look, first=line("  "))
    return shown
